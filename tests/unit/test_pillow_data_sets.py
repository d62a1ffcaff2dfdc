# SPDX-License-Identifier: MIT
"""Data sets that only know `Image.open`, in this process and in workers of torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pillow_files import SIZE, file_bytes, pixels, same

import refcodec


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "squares.sem"
    file.write_bytes(file_bytes())
    return file


def test_a_data_set_that_only_knows_image_open(tmp_path: Path) -> None:
    """What `torchvision.datasets.ImageFolder` does with each file: open the path's stream, convert."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.sem").write_bytes(file_bytes())
        pixels().save(tmp_path / name / "1.png")
    extensions = tuple(Image.registered_extensions())
    rows = []
    for file in sorted(each for each in tmp_path.rglob("*") if each.suffix in extensions):
        with file.open("rb") as stream:
            rows.append((Image.open(stream).convert("RGB"), file.parent.name))
    assert [(row.size, label) for row, label in rows] == [(SIZE, "a"), (SIZE, "a"), (SIZE, "b"), (SIZE, "b")]
    assert same(rows[0][0], refcodec.decode(file_bytes()))


LOADER = """
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

import refcodec.pillow


class Folder(Dataset):
    def __init__(self, folder):
        self.files = sorted(Path(folder).glob("*.sem"))

    def __len__(self):
        return len(self.files)

    def __getitem__(self, number):
        return torch.from_numpy(np.array(Image.open(self.files[number]).convert("RGB")))


if __name__ == "__main__":
    loader = DataLoader(Folder(sys.argv[1]), batch_size=2, num_workers=2, multiprocessing_context=sys.argv[2])
    print([(tuple(batch.shape), int(batch.sum())) for batch in loader])
"""


@pytest.mark.slow
@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_the_data_loader_of_torch(path: Path, start: str) -> None:
    for number in range(3):
        path.with_name(f"more{number}.sem").write_bytes(file_bytes())
    script = path.with_name("loader.py")
    script.write_text(LOADER)
    done = subprocess.run(
        [sys.executable, script, path.parent, start], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    total = 2 * int(np.asarray(refcodec.decode(file_bytes()), np.int64).sum())
    assert done.stdout == f"{[((2, 32, 48, 3), total)] * 2}\n"
