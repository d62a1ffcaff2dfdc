# SPDX-License-Identifier: MIT
"""What a worker keeps of outputs that no row is of: those that the task would make, with the models of the task."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from refcodec.batch.decode import Decode
from refcodec.batch.encode import Encode
from refcodec.batch.ray_store import Store
from refcodec.batch.ray_worker import Stage, Worker
from refcodec.limits import NONE
from refcodec.networks import package_search


def row_of(source: Path) -> dict[str, Any]:
    """A row of an input whose output no earlier row is of."""
    name = os.fsencode(source.name)
    return {"store": 0, "source": os.fsencode(source), "data": None, "sha256": None, "key": name, "name": name} | {
        "version": "1",
        "origin": "0",
        "failure": None,
    }


@pytest.mark.parametrize("damage", [False, True])
@pytest.mark.parametrize("pictures", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_a_model_that_is_only_in_a_folder_of_the_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool, pictures: bool, damage: bool
) -> None:
    mine = shutil.copytree(package_search.SHIPPED / "elic-small", tmp_path / "mine")
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(package_search, "SHIPPED", tmp_path / "empty")
    encode = Encode({"model": str(mine)})
    Image.linear_gradient("L").resize((64, 64)).convert("RGB").save(tmp_path / "a.png")
    source, name, task = tmp_path / "a.png", "a.sem", encode
    if pictures:
        source, name, task = tmp_path / "a.sem", "a.png", Decode({"models": (str(mine),)})
        source.write_bytes(encode("a", str(tmp_path / "a.png")).data or b"")
    outcome = task("a", str(source))
    made = outcome.data
    assert made is not None, outcome.error
    output = Store(str(tmp_path / "out"))
    output.write(name, made[: len(made) // 2] if damage else made)
    stage = Stage(
        task if known else type(task)(), (Store(""),), 1 << 26, output, resume=True, pictures=pictures, limits=NONE
    )
    monkeypatch.setattr(type(task), "prepare", lambda _: None)
    kept = Worker(stage, SimpleNamespace())._kept(row_of(source), output, name)
    assert (kept is not None) == (known and not damage)
    if kept is not None:
        assert (kept["state"], kept["bytes"], kept["width"], kept["check"]) == ("found", len(made), 64, "ok")
