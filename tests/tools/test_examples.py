# SPDX-License-Identifier: MIT
"""Every example runs as a script in an empty folder, writes what its README says, and reads as a notebook."""

from __future__ import annotations

import ast
import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import refcodec
from refcodec.errors import Code

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(path.stem for path in EXAMPLES.glob("*.py"))
LEFT_OUT = (Code.LIMIT_TEXT, Code.STREAM_NOT_CANONICAL)
CELL = re.compile(r"^# %%( \[markdown\])?$", re.MULTILINE)


def run(name: str, folder: Path) -> str:
    """Run an example in an empty folder; return what it prints."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {key: value for key, value in os.environ.items() if key != "PHOTO"} | {"PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", EXAMPLES / f"{name}.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_inspect_file(tmp_path: Path) -> None:
    printed = run("inspect_file", tmp_path)
    assert names(tmp_path) == ["coffee.sem", "inspection.html"]
    assert printed.startswith("   0    16 bits  magic                     f59e\n")
    assert "SEM-E-301" in printed
    assert "()\nSEM-E-501 check-mismatch" in printed
    page = (tmp_path / "inspection.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 3
    assert "<script" not in page
    assert f"{(tmp_path / 'coffee.sem').stat().st_size:,} bytes" in page


@pytest.mark.slow
def test_compare_codecs(tmp_path: Path) -> None:
    printed = run("compare_codecs", tmp_path)
    assert names(tmp_path) == ["comparison.csv", "comparison.html", "comparison.png"]
    with open(tmp_path / "comparison.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(printed.splitlines()) == 1 + len(rows)
    budgets = {row["quality"]: int(row["bytes"]) for row in rows if row["codec"] == "sem"}
    assert len(budgets) == 3
    quality = {(row["quality"], row["codec"]): float(row["psnr"]) for row in rows if row["bytes"] != "-"}
    for row in rows:
        assert row["bytes"] == "-" or 0 < int(row["bytes"]) <= budgets[row["quality"]]
    for codec in {codec for _, codec in quality}:
        figures = [quality[key] for key in sorted(quality) if key[1] == codec]
        assert figures == sorted(figures)
        assert all(15 < figure < 40 for figure in figures)
    assert quality["6", "JPEG"] < quality["6", "sem"]
    with Image.open(tmp_path / "comparison.png") as picture:
        assert picture.size[0] >= 2 * 600


def test_ready_symbols(tmp_path: Path) -> None:
    printed = run("ready_symbols", tmp_path)
    files = {path.stem: path for path in tmp_path.glob("*.sem")}
    assert set(files) == {"caption", "consonants", "embedding", "indices", "sketch"}
    assert files["caption"].stat().st_size == 11
    assert files["embedding"].stat().st_size == 103
    assert refcodec.text(files["caption"]).text == "A cat on a mat."
    assert "ld stn brdg vr rvr ->" in printed
    assert "refused: profile perco-16-256 has 32 rows of 48 indices" in printed
    assert (tmp_path / "indices.caption.txt").read_text(encoding="utf-8").strip() == "A cat on a mat."
    assert (tmp_path / "indices.vq.png").exists()


def test_edit_text(tmp_path: Path) -> None:
    run("edit_text", tmp_path)
    kinds = {
        path.stem: [part.kind for part in refcodec.payload(path).sections] for path in sorted(tmp_path.glob("*.sem"))
    }
    assert kinds == {
        "after": ["caption", "vq"],
        "before": ["caption", "vq"],
        "stripped": ["vq"],
        "titled": ["caption", "vq", "metadata"],
    }
    assert refcodec.text(tmp_path / "before.sem").text == "A dog on a mat."
    assert refcodec.text(tmp_path / "titled.sem").text == "A cat on a mat."
    assert refcodec.read(tmp_path / "titled.sem").metadata == {"title": "On the mat"}


def test_tiny_decoder(tmp_path: Path) -> None:
    printed = run("tiny_decoder", tmp_path).splitlines()
    assert names(tmp_path) == ["bridge.sem"]
    assert [line.split("  ")[-1] for line in printed[:4]] == ["ld stn brdg vr rvr"] * 4
    assert printed[4] == "a flipped bit is found: check, SEM-R-060"


def test_tiny_decoder_reads_the_vectors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Vectors of consonant text, valid and invalid ones, within what the example says that it leaves out."""
    monkeypatch.chdir(tmp_path)
    module: dict[str, object] = {}
    exec(compile((EXAMPLES / "tiny_decoder.py").read_text(encoding="utf-8"), "tiny_decoder.py", "exec"), module)
    decode = module["decode"]
    assert callable(decode)
    read = refused = 0
    for path in sorted((ROOT / "test_vectors" / "consonant").rglob("*.sem")):
        data = path.read_bytes()
        try:
            expected = refcodec.symbols(data)["consonant"]
        except refcodec.SemError as error:
            if error.code not in LEFT_OUT:
                with pytest.raises(Exception):  # noqa: B017, PT011
                    decode(data)
                refused += 1
            continue
        except KeyError:
            continue
        try:
            assert decode(data)[0] == expected
        except module["Unsupported"]:  # type: ignore[misc]
            continue
        read += 1
    assert (read, refused) > (5, 5)


def test_torch_dataset(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    printed = run("torch_dataset", tmp_path)
    assert names(tmp_path / "pictures") == [f"{i}.sem" for i in range(8)]
    assert "{('elic', 128, 96)}" in printed
    assert "latents: 2 batches of {'y': (4, 192, 8, 8), 'z': (4, 48, 2, 2), 'rate': (4,)}" in printed
    assert "picture: 2 batches of {'picture': (4, 3, 96, 128)}" in printed


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != "sem_dataset"])
def test_it_reads_as_a_notebook(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    cells = CELL.split(text)[1:]
    kinds, bodies = cells[::2], cells[1::2]
    assert bodies[0].lstrip().startswith("# # ")  # a title
    assert kinds.count(" [markdown]") >= 3
    for kind, body in zip(kinds, bodies, strict=True):
        if kind:
            assert all(line.startswith("#") for line in body.strip().splitlines())
        else:
            ast.parse(body)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_index_has_it_and_a_test(name: str) -> None:
    assert f"({name}.py)" in (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert name == "sem_dataset" or f"test_{name}" in globals()
