# SPDX-License-Identifier: MIT
"""What `decode --symbols` writes for each kind of payload, from the export of its descriptor."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from refcodec import codec
from refcodec.decoder import decode_file
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.export import artifacts
from refcodec.networks import package_cache
from refcodec.payloads import clip_bits, latents, pq_codes, vq_indices
from refcodec.payloads.exports import Artifact, ExportContext

MODELS = Path(__file__).resolve().parents[2] / "test_vectors" / "models"
HERE = Environment().with_packages(MODELS)


def exported(environment: Environment = HERE, **symbols: Any) -> dict[str, Artifact]:
    """The artifacts of a file of these symbols."""
    data = codec.encode_file(None, **{"size": (64, 48), **symbols}).data
    return artifacts(decode_file(data, environment=environment))


def array(data: bytes) -> Any:
    return np.load(io.BytesIO(data), allow_pickle=False)


def test_consonants() -> None:
    found = exported(text="ct n mt", profile="consonant")["consonant"]
    assert (found.what, found.suffixes, found.make(".txt")) == ("consonant text", (".txt",), b"ct n mt\n")


def test_captions_of_text_and_of_tokens() -> None:
    found = exported(caption="Ein Bär 🐻")["caption"]
    assert (found.what, found.make(".txt")) == ("caption", "Ein Bär 🐻\n".encode())
    tokens = exported(codes=[5, 0, 49407], method="pics")["caption"]
    assert (tokens.what, tokens.suffixes) == ("prompt token ids", (".npy",))
    assert array(tokens.make(".npy")).tolist() == [5, 0, 49407]


def test_clip_codes_as_an_embedding() -> None:
    vector = np.random.default_rng(3).normal(0, 0.5, 768)
    found = exported(vector=vector, profile="clip-16")["clip"]
    restored = array(found.make(".npy"))
    assert restored.dtype == np.float32
    assert np.linalg.norm(restored) == pytest.approx(clip_bits.NORM, rel=1e-5)


def test_vq_indices_as_an_array_and_as_a_picture() -> None:
    parameters = HERE.registry.by_name("vq-tiny").parameters(5)
    rows, cols = vq_indices.grid((100, 70), parameters)
    indices = np.arange(rows * cols).reshape(rows, cols) % 6
    found = exported(indices=indices, profile="vq-tiny", model=MODELS / "vq-tiny", size=(100, 70))["vq"]
    assert found.what == "index map"
    assert array(found.make(".npy")).tolist() == indices.tolist()
    pixels = np.asarray(Image.open(io.BytesIO(found.make(".png"))))
    assert pixels.shape == (70, 100, 3)
    stride = int(parameters["stride"])
    colours = pixels[::stride, ::stride]
    assert len({tuple(colour) for colour in colours.reshape(-1, 3)}) == 6
    assert np.array_equal(colours.repeat(stride, 0)[:70].repeat(stride, 1)[:, :100], pixels)
    assert all(len({tuple(c) for c in colours[indices == i]}) == 1 for i in range(6))


def test_colours_of_every_sector() -> None:
    """Six hues of the circle, one in each of its sectors, and the darkest and the lightest index."""
    grid = np.arange(1024, dtype=np.uint16).reshape(32, 32)
    small = vq_indices.index_map(grid, 1024, 1, (32, 32)).reshape(-1, 3).astype(int)
    assert small.max(1).tolist() == [64 + i * 191 // 1023 for i in range(1024)]
    assert (small.min(1) == 0).all()
    assert {int(np.argmax(colour)) for colour in small} == {0, 1, 2}
    assert small[0].tolist() == [64, 0, 0]


def test_pq_codes_with_and_without_their_codebooks() -> None:
    codes = [1, 3]
    found = exported(codes=codes, profile="pq-tiny", model=MODELS / "pq-tiny")["pq"]
    books = package_cache.table_model(MODELS / "pq-tiny").tensor
    assert found.what == "image embedding"
    assert array(found.make(".npy")).tolist() == [*books[0, 1].tolist(), *books[1, 3].tolist()]
    bare = exported(Environment(), codes=codes, profile="pq-tiny", model=MODELS / "pq-tiny")["pq"]
    assert (bare.what, array(bare.make(".npy")).tolist()) == ("PQ codes", codes)


def test_the_nearest_code_words() -> None:
    books = np.array([[[0, 0], [1, 0], [1, 0]], [[5, 5], [-1, -1], [4, 5]]], np.float32)
    assert pq_codes.search([0.9, 0.2, 4.4, 5.0], books) == (1, 2)  # the first of two that are alike
    assert pq_codes.search([0.4, 0, 0, 0], books) == (0, 1)
    assert pq_codes.lookup((1, 2), books).tolist() == [1, 0, 4, 5]
    for vector in ([0.0] * 3, [[0.0] * 4], ["a"] * 4):
        with pytest.raises(ValueError, match="a vector is one row of 4 real numbers"):
            pq_codes.search(np.array(vector), books)
    with pytest.raises(ValueError, match="dimension 2 of the vector is not finite"):
        pq_codes.search([0, 0, float("inf"), 0], books)


def test_codebooks_that_are_not_those_of_the_row() -> None:
    parameters = {"m": 2, "v": 4, "codebooks": True}
    model = package_cache.table_model(MODELS / "pq-tiny")
    assert pq_codes.codebooks(None, parameters) is None
    assert pq_codes.codebooks(package_cache.table_model(MODELS / "clip-tiny"), parameters) is None
    other = {"m": 9, "v": 9, "codebooks": False}
    assert pq_codes.codebooks(model, other) is None
    with pytest.raises(SemError) as caught:
        pq_codes.codebooks(model, other | {"codebooks": True})
    assert caught.value.code == 803


def test_latents_as_arrays() -> None:
    decoded = decode_file((MODELS.parent / "elic" / "tiny-48x130.sem").read_bytes(), environment=HERE)
    found = artifacts(decoded)["elic"]
    assert (found.what, found.suffixes) == ("latents", (".npz",))
    with np.load(io.BytesIO(found.make(".npz")), allow_pickle=False) as arrays:
        assert sorted(arrays) == ["rate", "y", "z"]
        assert int(arrays["rate"]) == decoded.elic.rate
        assert np.array_equal(arrays["z"], decoded.elic.z)
        assert np.array_equal(arrays["y"], decoded.elic.y)


def test_a_sketch_as_the_picture_that_its_model_makes() -> None:
    picture = np.arange(48, dtype=np.uint8).reshape(6, 8, 1)
    context = ExportContext({}, (8, 6), lambda: None, lambda _: picture)
    value = latents.ElicLatents(0, np.zeros((1, 1, 1), np.int32), np.zeros((1, 4, 4), np.int32))
    found = latents.SKETCH.export(value, context)
    assert found.what == "edge map"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(found.make(".png")))), picture[..., 0])
