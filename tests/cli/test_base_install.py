# SPDX-License-Identifier: MIT
"""Pictures in an installation without torch, numba and the other extras; and that torch stays out where it is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from refcodec.errors import SemError
from refcodec.networks import package_cache
from refcodec.transforms.elic.runners import load_analysis, load_synthesis

# A process in which no library of an extra can be imported.
BASE_INSTALL = """
import sys
EXTRAS = {"torch", "numba", "scipy", "transformers", "diffusers", "accelerate", "tokenizers", "huggingface_hub", "skimage"}
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
from refcodec.cli.main import main
sys.exit(main())
"""
# Prints the modules of these that a command has imported.
IMPORTS = """
import sys
from refcodec.cli.main import main
status = main(sys.argv[1:])
print("imported:", *sorted({"torch", "scipy", "transformers", "rich", "safetensors", "zstandard"} & set(sys.modules)))
sys.exit(status)
"""


def program(code: str, *args: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, check=False)


def picture() -> NDArray[np.uint8]:
    rows, cols = np.mgrid[0:150, 0:210]
    made = np.stack([128 + 90 * np.sin(cols / 17 + rows / 23), 128 + 80 * np.cos(rows / 19), 90 + cols / 2], -1)
    return made.clip(0, 255).astype(np.uint8)


@pytest.fixture
def photo(place: Path) -> NDArray[np.uint8]:
    Image.fromarray(picture()).save(place / "photo.png")
    return picture()


def psnr(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(10 * np.log10(255**2 / ((a.astype(float) - b) ** 2).mean()))


@pytest.mark.parametrize(
    ("options", "least"), [(["--quality", "8"], 38.0), (["--bpp", "0.25"], 34.0), (["--method", "perco"], 24.0)]
)
def test_photographs(options: list[str], least: float, photo: NDArray[np.uint8]) -> None:
    for args in (
        ["encode", "photo.png", "-o", "x.sem", *options],
        ["verify", "x.sem"],
        ["inspect", "x.sem"],
        ["payload", "x.sem"],
        ["decode", "x.sem", "-o", "y.png"],
        ["decode", "x.sem", "--device", "cpu", "-o", "z.png"],
    ):
        done = program(BASE_INSTALL, *args)
        assert (done.returncode, done.stderr) == (0, b""), args
    found = np.asarray(Image.open("y.png"))
    assert psnr(found, photo) > least
    assert np.array_equal(found, np.asarray(Image.open("z.png")))


def test_edge_maps(place: Path) -> None:
    lines = np.zeros((512, 512), np.uint8)
    lines[100:103, 50:400] = 255
    lines[50:400, 300:303] = 255
    Image.fromarray(lines).save("edges.png")
    encode = ["encode", "--sketch", "edges.png", "--caption", "a cross", "-o", "x.sem", "--quality", "8"]
    for args in (encode, ["verify", "x.sem"], ["decode", "x.sem", "--symbols", "-o", "found.png"]):
        done = program(BASE_INSTALL, *args)
        assert (done.returncode, done.stderr) == (0, b""), args
    found = np.asarray(Image.open("found.png").convert("L"))
    assert found[101, 60:290].mean() > 128
    assert found[200:, :200].mean() < 10


def test_another_device_needs_torch(photo: NDArray[np.uint8]) -> None:
    assert program(BASE_INSTALL, "encode", "photo.png", "-o", "x.sem").returncode == 0
    for args, part in (
        (["decode", "x.sem", "-o", "y.png"], b"painter"),
        (["encode", "photo.png", "-o", "y.sem"], b"encoder"),
    ):
        done = program(BASE_INSTALL, *args, "--device", "cuda")
        assert (done.returncode, done.stdout) == (5, b"")
        assert done.stderr == (
            b"SEM-E-805 dependency-missing: running the " + part + b" of model elic-small needs torch, which is not "
            b"installed; pip install 'refcodec[codec]'\n"
        )
    assert sorted(path.name for path in Path().iterdir()) == ["photo.png", "x.sem"]


def test_perco_with_a_generator_needs_torch(photo: NDArray[np.uint8]) -> None:
    done = program(BASE_INSTALL, "encode", "photo.png", "--method", "perco", "--profile", "perco-16-256", "-o", "x.sem")
    assert (done.returncode, done.stdout) == (5, b"")
    assert done.stderr == (
        b"SEM-E-801 model-unavailable: nothing fills the role hyper_encoder (a PerCo hyper-encoder); "
        b"name it with --model hyper_encoder=FOLDER, a folder or a hub id, and install torch: "
        b"pip install 'refcodec[models]'\n"
    )


@pytest.mark.parametrize("part", ["encoder", "painter"])
def test_elic_transforms_need_torch(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_cache, "has_torch", lambda: False)
    manifest = {part: {"architecture": {"transform": "elic"}}}
    with pytest.raises(SemError, match="needs torch") as caught:
        (load_analysis if part == "encoder" else load_synthesis)(tmp_path, manifest)
    assert (caught.value.code, caught.value.hint) == (805, "pip install 'refcodec[codec]'")


@pytest.mark.parametrize("method", ["elic", "perco"])
def test_torch_stays_out_where_it_is_installed(method: str, photo: NDArray[np.uint8]) -> None:
    for args in (["encode", "photo.png", "--method", method, "-o", "x.sem"], ["decode", "x.sem", "-o", "y.png"]):
        done = program(IMPORTS, *args)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == b"imported:"
