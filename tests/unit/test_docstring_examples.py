# SPDX-License-Identifier: MIT
"""The examples in docstrings of public names run, in a folder with the files that they name."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import refcodec

FOREIGN = ("models=", "show(")  # need foundation models, or a screen


def examples() -> list[doctest.DocTest]:
    """Every docstring with an example, of the public names and their members."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found: dict[str, doctest.DocTest] = {}
    for name in refcodec.__all__:
        value = getattr(refcodec, name)
        if inspect.isroutine(value) or inspect.isclass(value):
            found |= {test.name: test for test in finder.find(value, f"refcodec.{name}") if test.examples}
    return list(found.values())


@pytest.fixture
def files(place: Path) -> dict[str, Any]:
    """Names and files of the examples."""
    rows, columns = np.mgrid[:512, :768]
    wave = np.stack([rows // 2, columns // 3, 128 + 90 * np.sin(rows / 40) * np.cos(columns / 30)], axis=-1)
    wave += np.random.default_rng(0).normal(0, 10, wave.shape)
    Image.fromarray(wave.clip(0, 255).astype(np.uint8)).save("photo.jpg", quality=95)
    data = refcodec.encode("photo.jpg", bpp=0.15)
    Path("photo.sem").write_bytes(data)
    Path("table.sem").write_bytes(refcodec.encode(text="a cat on a table", size=(1024, 1024)))
    indices = np.arange(32 * 48, dtype=np.uint16).reshape(32, 48) % 1024
    grid = {"indices": indices, "size": (768, 512), "method": "perco", "profile": "perco-16-8192"}
    Path("cat.sem").write_bytes(refcodec.encode(caption="A cat on a mat.", **grid))
    return {"refcodec": refcodec, "Path": Path, "data": data}


@pytest.mark.parametrize("test", examples(), ids=lambda test: test.name)
def test_example(test: doctest.DocTest, files: dict[str, Any]) -> None:
    test.examples = [one for one in test.examples if not any(word in one.source for word in FOREIGN)]
    test.globs = files
    report: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.append)
    assert result.failed == 0, "".join(report)


def test_every_function_that_reads_or_writes_has_an_example() -> None:
    names = {test.name.removeprefix("refcodec.") for test in examples()}
    assert names >= {
        "decode", "decode_progressive", "encode", "inspect", "payload", "read", "symbol_files", "symbols", "text", "write",
    }  # fmt: skip
