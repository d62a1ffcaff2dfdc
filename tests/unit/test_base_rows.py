# SPDX-License-Identifier: MIT
"""SPEC §5, base rows: who writes a file on one names a model, and what comes of it is a file like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_harness import Semtool, refused
from default_environment import default_rows
from PIL import Image
from strategies import private_row, registry_file

import refcodec
from refcodec.assemble import find_profile
from refcodec.codec import encode_file
from refcodec.decoder import decode_file, payload
from refcodec.environment import Environment
from refcodec.errors import SemError

MODELS = Path(__file__).resolve().parents[2] / "test_vectors" / "models"
PIXELS = np.random.default_rng(7).integers(0, 256, (40, 48, 3)).astype(np.uint8)


@pytest.fixture(autouse=True)
def bases(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows 230 and 231: those of elic and of sketch-tiny without their models."""
    rows = [
        private_row(new, **dict(default_rows().get(row).binding) | {"id": new, "model": None}) | {"name": name}
        for new, row, name in ((230, 1, "elic-base"), (231, 205, "sketch-base"))
    ]
    monkeypatch.setenv("SEM_REGISTRY", str(registry_file(tmp_path, *rows)))


@pytest.fixture
def model() -> Path:
    """The package of row 1."""
    pytest.importorskip("torch")
    folder = Environment.default().find_package(default_rows().get(1).model or "")
    assert folder is not None
    return folder


@pytest.mark.parametrize("name", [False, 4, 32])
def test_a_picture_on_a_base(model: Path, name: bool | int) -> None:
    made = refcodec.encode(PIXELS, profile="elic-base", model=model, explicit_model=name)
    header = refcodec.read(made).header
    assert (header.profile_id, header.base_profile_id) == (255, 230)
    assert header.model_hash == bytes.fromhex(default_rows().get(1).model or "")[: name or 8]
    assert decode_file(made).state == "ok"
    on_its_row = refcodec.encode(PIXELS, explicit_model=name or 8)
    assert payload(made).sections == payload(on_its_row).sections
    assert made != on_its_row  # the base and K differ


def test_a_picture_on_a_base_needs_a_model_of_its_shapes(model: Path) -> None:
    for name in (False, 4):
        with pytest.raises(ValueError, match="elic-base is a base"):
            refcodec.encode(PIXELS, profile=230, explicit_model=name)
    with pytest.raises(SemError) as caught:
        refcodec.encode(PIXELS, profile="elic-320-odd", model=model)
    assert caught.value.code == 803


def test_symbols_on_a_base() -> None:
    """A caption uses no model, and names one all the same: else the file could not name the base."""
    with pytest.raises(ValueError, match="sketch-base is a base"):
        encode_file(caption="a cat", method="pics", size=(64, 64), profile=231)
    made = encode_file(caption="a cat", method="pics", size=(64, 64), profile=231, model=MODELS / "sketch-tiny")
    assert made.notices == ()
    found = decode_file(made.data, models=[MODELS])
    assert (found.state, found.container.header.base_profile_id) == ("ok", 231)
    assert found.values[0x82].text == "a cat"


def test_a_base_is_never_the_usual_row() -> None:
    assert not [row.name for method in ("elic", "pics", "perco") for row in default_rows().profiles(method) if row.base]
    assert find_profile("elic-320-odd", "elic", default_rows()).base


def test_usage_of_the_command(semtool: Semtool, model: Path) -> None:
    Image.fromarray(PIXELS).save("p.png")
    refused(semtool("encode", "p.png", "--profile", "elic-base"), 2, "usage: profile elic-base is a base")
    words = ("--caption", "a cat", "--size", "64x64", "--method", "pics")
    refused(semtool("encode", *words, "--profile", "sketch-base"), 2, "usage: profile sketch-base is a base")
    assert semtool("encode", "p.png", "--profile", "230", "--model", model, "-o", "p.sem").status == 0
    assert semtool("verify", "p.sem").status == 0
