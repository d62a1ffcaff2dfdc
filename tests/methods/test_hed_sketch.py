# SPDX-License-Identifier: MIT
"""Row pics-hed from a photograph to pictures: HED's map, its sketch, and what the ControlNet sees of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers")

import tiny_models
from cli_harness import Semtool

import refcodec
from refcodec import codec, spec
from refcodec.decoder import decode_file
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.foundation.controlnet import ControlNet, ControlNetTextToImage
from refcodec.foundation.hed import EdgeDetector
from refcodec.foundation.resolve import Models
from refcodec.foundation.text_to_image import TextToImage
from refcodec.methods import sketch
from refcodec.methods.pics.text_sketch_size import resize, sharpen
from refcodec.registry import Registry

pytestmark = pytest.mark.models

SHIPPED = Path(refcodec.__file__).parent / "data" / "models"
PHOTO = tiny_models.photo(96, 96)
NOTICE = "profile pics-hed codes edge maps of HED better than pics; decoders need that row"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set")
    tiny_models.stable_diffusion(folder)
    tiny_models.edge_detector(folder / "edge_detector")
    shutil.rmtree(folder / "scratch")
    return folder


def made(models: Any, **options: Any) -> codec.EncodedFile:
    return codec.encode_file(
        PHOTO, **{"method": "pics", "caption": "a red house", "models": models, "quality": 3} | options
    )


def test_a_file_of_the_row_from_photograph_to_picture(models: Path) -> None:
    """The sketch is that of HED's map by sketch-hed, and the picture follows it and the number of the caption."""
    hints = {"steps": "2", "candidate": "2"}
    encoded = made(models, profile="pics-hed", hints=hints)
    found = decode_file(encoded.data)
    assert (found.container.header.profile_id, found.folder) == (22, SHIPPED / "sketch-hed")
    assert found.value(spec.CAPTION).candidate == 2
    edges = EdgeDetector.load(models / "edge_detector", Models(device="cpu"))(resize(PHOTO))
    alone = codec.encode_file(caption="a red house", sketch=edges, method="pics", quality=3, profile="pics-hed")
    assert found.value(spec.SKETCH).serialise() == alone.latents.serialise()
    picture = np.asarray(refcodec.decode(encoded.data, models=models))
    assert (picture.shape, picture.dtype) == ((512, 512, 3), np.uint8)
    assert np.array_equal(picture, np.asarray(refcodec.decode(encoded.data, models=models, seed=2)))
    assert not np.array_equal(picture, np.asarray(refcodec.decode(encoded.data, models=models, seed=0)))
    other = made(models, profile="pics-4", hints=hints)
    assert not np.array_equal(picture, np.asarray(refcodec.decode(other.data, models=models)))


def test_the_controlnet_sees_the_map_of_this_model(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of sketch-small, which decodes the same latents to another map."""
    seen: list[Any] = []
    real = ControlNetTextToImage.__init__

    def init(self: Any, painter: Any, control: Any, lines: Any, strength: float) -> None:
        seen.append(lines)
        real(self, painter, control, lines, strength)

    monkeypatch.setattr(ControlNetTextToImage, "__init__", init)
    here, load = Models.of(models, device="cpu"), Models(device="cpu")
    here.fill("painter", TextToImage.load(models / "painter", load))
    here.fill("controlnet", ControlNet.load(models / "controlnet", load))
    encoded = made(models, profile="pics-hed")
    refcodec.decode(encoded.data, models=here, steps=1)
    latents = decode_file(encoded.data).value(spec.SKETCH)
    wanted, other = (
        sharpen(sketch.synthesise(latents, SHIPPED / n, (512, 512))) for n in ("sketch-hed", "sketch-small")
    )
    (lines,) = seen
    assert np.array_equal(lines, wanted)
    assert not np.array_equal(lines, other)


@pytest.mark.parametrize("parts", [("sketch-small",), ()])
def test_a_decoder_without_the_package_names_it(models: Path, parts: tuple[str, ...]) -> None:
    encoded = made(models, profile="pics-hed")
    here = Environment(package_folders=tuple(SHIPPED / part for part in parts))
    with pytest.raises(SemError, match="a1b93c5e") as caught:
        refcodec.decode(encoded.data, models=models, environment=here)
    assert caught.value.code == 801


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, True),
        ({"edges": "hed"}, True),
        ({"edges": "contours"}, False),
        ({"edges": "none", "quality": None}, False),
        ({"profile": "pics"}, False),
        ({"profile": 9}, False),
        ({"profile": "pics-4"}, False),
        ({"profile": "pics-hed"}, False),
        ({"model": SHIPPED / "sketch-hed"}, False),
    ],
)
def test_the_row_is_proposed_where_hed_is_used_without_a_row(
    models: Path, options: dict[str, Any], expected: bool
) -> None:
    encoded = made(models, **options)
    assert (NOTICE in encoded.notices) == expected
    assert encoded.profile.name == ("pics" if options.get("profile") in (None, 9) else options["profile"])


def test_no_row_is_proposed_without_an_edge_detector() -> None:
    assert NOTICE not in made({}).notices


def test_no_row_is_proposed_that_the_registry_lacks(models: Path) -> None:
    rows = [row for row in Registry.shipped().rows.values() if row.name != "pics-hed"]
    environment = Environment(registry=Registry.of(*rows))
    assert NOTICE not in made(models, environment=environment).notices


def test_the_program_takes_the_row(
    semtool: Semtool, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.fromarray(PHOTO).save("photo.png")
    given = ("--method", "pics", "--caption", "a red house", "--model", models, "--quality", 3)
    proposed = semtool("encode", "photo.png", *given)
    assert proposed.status == 0
    assert NOTICE in proposed.err
    done = semtool("encode", "photo.png", *given, "--profile", "pics-hed", "-o", "hed.sem")
    assert done.status == 0
    assert NOTICE not in done.err
    assert decode_file(Path("hed.sem").read_bytes()).container.header.profile_id == 22
