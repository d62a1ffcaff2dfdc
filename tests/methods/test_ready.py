# SPDX-License-Identifier: MIT
"""Files of precomputed symbols: texts, vectors, codes, indices and edge maps go in and come out, with no generator run."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool, contents, refused, valid
from default_environment import default_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import refcodec
from refcodec import SemError, codec, editing, spec
from refcodec.assemble import EncodedFile
from refcodec.container import symbol_count
from refcodec.decoder import decode_file
from refcodec.environment import Environment
from refcodec.export import artifacts
from refcodec.methods import all_methods
from refcodec.networks import package_cache
from refcodec.payloads import clip_bits, consonant, vq_indices
from refcodec.registry import Profile
from tools.fuzz.target import MODELS
from tools.fuzz.valid_files import latent_file

ROOT = Path(__file__).resolve().parents[2]

SIZE = (100, 70)
CAPTION = "A cat on a mat."
rng = np.random.default_rng(2)
brief = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))


def encoded(**given_: Any) -> EncodedFile:
    return codec.encode_file(None, **{"size": SIZE, **given_})


def values(data: bytes) -> dict[str, Any]:
    """Kind -> value of `payload`, of a file whose models are the tiny ones."""
    return {section.kind: section.value for section in refcodec.payload(data, models=MODELS).sections}


def grid(profile: Profile, size: tuple[int, int] = SIZE) -> NDArray[np.int64]:
    parameters = profile.parameters(spec.VQ)
    return rng.integers(0, parameters["v"], vq_indices.grid(size, parameters))


def code_of(call: Any, *args: Any, **named: Any) -> int:
    with pytest.raises(SemError) as caught:
        call(*args, **named)
    return caught.value.code


# --- what goes in comes out --------------------------------------------------------------------------------------


def test_consonant_text() -> None:
    made = encoded(text="A cat on a mat", method="consonant")
    assert values(made.data) == {"consonant": "ct n mt"}
    assert any("ct n mt" in notice for notice in made.notices)
    assert encoded(text="ct n mt").data == made.data
    assert encoded(text="ct n mt", strict=True).notices == ()
    assert values(encoded(method="consonant", codes=[8, 2, 0, 1]).data) == {"consonant": "ct n"}
    assert values(encoded(method="consonant", codes=np.array([], np.uint8)).data) == {"consonant": ""}
    assert values(encoded(text="").data) == {"consonant": ""}


def test_the_shorter_consonant_code_is_taken() -> None:
    for text in ("ndn trdtnl rch vndv lt shdv", "kkkkkkkk", "k", ""):
        files = [encoded(text=text, profile=row.id).data for row in default_rows().profiles("consonant")]
        assert encoded(text=text).data == min(files, key=len)
        assert {tuple(values(data).values()) for data in files} == {(text,)}


@pytest.mark.parametrize("mode", [None, "static", "raw", "zlib", "zstd"])
@pytest.mark.parametrize("text", ["", CAPTION, "Ein Mädchen läßt 🦆 fliegen…\n\x00", "x" * 3000])
def test_captions(text: str, mode: str | None) -> None:
    made = encoded(caption=text, mode=mode)
    assert (made.method, made.profile.id) == ("pics", default_rows().profiles("pics")[0].id)
    assert values(made.data) == {"caption": text}
    assert encoded(text=text, method="pics", mode=mode).data == made.data
    decoded = decode_file(made.data)
    assert decoded.state == "ok"
    assert mode is None or decoded.canonical == (mode in ("static", "raw"))
    if mode is not None:
        assert len(encoded(caption=text).data) <= len(made.data)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
@brief
def test_any_caption(text: str) -> None:
    assert values(encoded(caption=text).data) == {"caption": text}


def test_prompt_tokens() -> None:
    for ids in ([], [49407], list(range(16)), np.array([7] * 75, np.uint16)):
        made = encoded(codes=ids, method="pics")
        assert values(made.data) == {"caption": [int(number) for number in ids]}


@pytest.mark.parametrize("profile", [row.id for row in default_rows().profiles("clip") if row.id < 200])
def test_vectors(profile: int) -> None:
    parameters = default_rows().get(profile).parameters(spec.CLIP)
    vector = rng.normal(0, 0.4, parameters["d"]).astype(np.float32)
    made = encoded(vector=vector, profile=profile, size=(768, 768))
    codes = clip_bits.quantise(vector, parameters["b"])
    assert values(made.data) == {"clip": list(codes)}
    assert encoded(method="clip", codes=codes, profile=profile, size=(768, 768)).data == made.data
    assert encoded(vector=vector.tolist(), profile=str(profile), size=(768, 768)).data == made.data


@pytest.mark.parametrize(
    "profile", [row.id for row in default_rows().profiles("perco") if row.id < 200 and spec.PQ in row.kinds]
)
def test_indices_beside_captions_and_codes(profile: int) -> None:
    row = default_rows().get(profile)
    indices, codes = grid(row), rng.integers(0, 1024, 16)
    h, w = indices.shape
    assert symbol_count(row, spec.VQ, *SIZE) == h * w
    alone = encoded(indices=indices, profile=profile)
    assert not refcodec.read(alone.data).header.sectioned
    shown = None if h * w > 4096 else indices.tolist()
    assert values(alone.data) == {"vq": shown}
    forms: list[Any] = [
        indices.reshape(-1),
        indices.reshape(-1).tolist(),
        indices.astype(">u4"),
        np.asfortranarray(indices),
    ]
    for form in forms:
        assert encoded(method="perco", indices=form, profile=profile).data == alone.data
    assert values(encoded(codes=codes, profile=profile).data) == {"pq": codes.tolist()}
    whole = encoded(indices=indices, caption=CAPTION, codes=codes, profile=profile)
    assert values(whole.data) == {"caption": CAPTION, "pq": codes.tolist(), "vq": shown}
    assert [part.kind for part in whole.payloads] == [2, 4, 5]


def test_the_method_of_symbols() -> None:
    first = default_rows().get(default_rows().profiles("perco")[0].id)
    for named, method in (
        ({"text": "ct"}, "consonant"),
        ({"caption": "cat"}, "pics"),
        ({"vector": np.zeros(768)}, "clip"),
        ({"codes": [0] * 16}, "perco"),
        ({"indices": grid(first)}, "perco"),
        ({"indices": grid(first), "caption": "cat"}, "perco"),
    ):
        assert encoded(**named).method == method
        assert refcodec.inspect(refcodec.encode(size=SIZE, **named)).method == method


def test_models_of_tiny_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEM_MODELS", str(MODELS))
    codes = [0, 1, 2, 3, 3, 2, 1, 0]
    sign = encoded(method="clip", codes=codes, profile="clip-tiny")
    assert values(sign.data) == {"clip": codes}
    books = package_cache.table_model(MODELS / "pq-tiny").tensor
    near = np.concatenate([books[0, 3], books[1, 1]])
    embedding = encoded(vector=near, profile="pq-tiny", method="perco")
    assert values(embedding.data) == {"pq": [3, 1]}
    usage = encoded(indices=grid(default_rows().get(204)), caption=CAPTION, profile=204)
    assert [section.kind for section in refcodec.payload(usage.data, models=MODELS).sections] == ["caption", "vq"]
    monkeypatch.delenv("SEM_MODELS")
    assert code_of(refcodec.payload, sign.data) == code_of(refcodec.payload, usage.data) == 801
    assert refcodec.payload(embedding.data).sections[0].value == [3, 1]  # read without what they stand for
    assert code_of(encoded, method="clip", codes=codes, profile="clip-tiny") == 801
    assert code_of(encoded, vector=near, profile="pq-tiny", method="perco") == 801


def test_models_named_by_folder() -> None:
    """A model that the row does not name stands in the file."""
    indices = np.array([[5, 0], [1, 2], [3, 4]])
    made = encoded(indices=indices, size=(32, 48), profile=204, model=MODELS / "vq-tiny")
    assert not refcodec.read(made.data).header.model_hash  # the row's own
    books = encoded(codes=[1, 2], profile="pq-tiny", model=MODELS / "pq-tiny", explicit_model=32)
    assert refcodec.read(books.data).header.model_hash == bytes.fromhex(default_rows().get(203).model or "")
    other = encoded(codes=[0] * 16, profile=10, model=MODELS / "pq-tiny")
    header = refcodec.read(other.data).header
    assert (header.base_profile_id, len(header.model_hash or b"")) == (10, 8)
    assert any("named in the file by 8 bytes" in notice for notice in other.notices)
    assert decode_file(other.data, models=MODELS).state == "ok"
    assert decode_file(other.data).state == "unchecked"
    wrong = {"profile": "vq-tiny", "indices": indices, "size": (32, 48)}
    assert code_of(encoded, **wrong, model=MODELS / "pq-tiny") == 803
    assert code_of(encoded, **wrong, model=MODELS / "elic-tiny") == 803
    assert code_of(encoded, **wrong, model=MODELS) == 801  # a folder of packages, and no package
    with pytest.raises(ValueError, match="use no model"):
        encoded(text="ct", model=MODELS / "pq-tiny")
    with pytest.raises(ValueError, match="names no model that could stand in the file"):
        encoded(text="ct", explicit_model=True)


def test_an_edge_map_there_and_back() -> None:
    pytest.importorskip("torch")
    if Environment.default().find_package(default_rows().by_name("pics").model or "") is None:
        pytest.skip("the model of sketches is not here")
    edges = np.zeros((40, 50), np.uint8)
    edges[20:24], edges[:, 30:33] = 255, 255
    out = io.BytesIO()
    Image.fromarray(edges).save(out, "PNG")
    made = encoded(sketch=edges, size=None, caption=CAPTION)
    assert [part.kind for part in made.payloads] == [2, 6]
    assert encoded(sketch=out.getvalue(), size=(50, 40), caption=CAPTION).data == made.data
    assert (made.width, made.height, made.rate) == (50, 40, values(made.data)["sketch"]["rate"])
    held = list(artifacts(decode_file(made.data)).values())
    assert [artifact.what for artifact in held] == ["caption", "edge map"]
    with Image.open(io.BytesIO(held[1].make(".png"))) as painted:
        assert (painted.mode, painted.size) == ("L", (50, 40))
    small = encoded(sketch=edges, size=None, caption=CAPTION, bpp=0.001)
    assert any("cannot be reached" in notice for notice in small.notices)
    assert len(small.data) < len(made.data)
    photo = np.repeat(edges[..., None], 3, 2)
    assert [part.kind for part in codec.encode_file(photo, method="pics", caption=CAPTION).payloads] == [2, 6]


def test_notes_stand_beside_symbols() -> None:
    notes: dict[str, Any] = {"hints": {"seed": "7"}, "metadata": {"by": "ü"}, "provenance": True}
    for named in ({"text": "ct"}, {"caption": "cat"}, {"codes": [0] * 16}):
        for check in (0, 16, 32):
            made = encoded(**named, **notes, check=check)
            kinds = [section.kind for section in refcodec.payload(made.data).sections]
            assert (kinds[0], kinds[2:]) == ("provenance", ["hints", "metadata"])
            assert decode_file(made.data).state == ("ok" if check else "absent")
    assert values(encoded(text="ct", hints={}, metadata={}).data) == {"consonant": "ct"}


def test_sizes_that_the_format_is_for() -> None:
    text = "wmn rdng hrs n bch t snst"  # 25 letters and spaces, one of them not in the alphabet
    fixed = encoded(text=text.replace("w", "v"), size=(1024, 1024), profile="consonant", check=0)
    assert len(fixed.data) <= 18
    assert len(encoded(text=text, size=(1024, 1024)).data) <= 20
    assert len(encoded(vector=rng.normal(0, 1, 768), size=(768, 768)).data) <= 103
    assert len(encoded(indices=rng.integers(1, 256, (8, 12)), size=(768, 512)).data) <= 103
    both = encoded(
        indices=rng.integers(1, 256, (8, 12)), size=(768, 512), caption="A lighthouse on a cliff above the sea."
    )
    assert len(both.data) <= 130


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "match"),
    [
        ({"text": "ct", "size": None}, "do not contain the size"),
        ({"text": "ct", "size": (0, 5)}, "at least 1"),
        ({"text": "ct", "size": (5,)}, "width, height"),
        ({"text": "ct", "size": "5x5"}, "width, height"),
        ({"text": "ct", "method": "elic"}, "'elic' takes pictures, not symbols"),
        ({"text": "ct", "method": "clip"}, "'clip' has no text; it takes codes, vector"),
        ({"indices": [[1]], "method": "consonant"}, "has no indices"),
        ({"text": "ct", "method": "words"}, "'words' is unknown"),
        ({"text": "ct", "profile": "clip"}, "clip is of method clip, not consonant"),
        ({"text": "cat", "strict": True}, "'a' at character 1"),
        ({"text": "ct", "mode": "raw"}, "mode needs a caption"),
        ({"codes": [0] * 16, "mode": "raw"}, "mode needs a caption"),
        ({"caption": "ct", "strict": True}, "strict needs a consonant text"),
        ({"caption": "ct", "mode": "tokens"}, "no captions of mode tokens"),
        ({"caption": "\ud800"}, "holds a lone surrogate"),
        ({"caption": "a", "text": "b"}, "one prompt"),
        ({"caption": "a", "codes": [1], "method": "pics"}, "one prompt"),
        ({"text": "a", "codes": [1], "method": "consonant"}, "the text or its codes, not both"),
        ({"vector": [0] * 768, "codes": [1] * 768, "method": "clip"}, "the vector or its codes, not both"),
        ({"vector": [0] * 768, "codes": [1] * 16, "method": "perco"}, "the vector or its codes, not both"),
        ({"vector": [0.0] * 16, "method": "perco"}, "needs the codebooks of a model"),
        ({"vector": [0] * 767}, "768 dimensions, not 767"),
        ({"vector": [np.nan] * 768}, "not a number"),
        ({"codes": [0] * 15}, "16 codes, not 15"),
        ({"codes": [1024] * 16}, "codes are 0 … 1023, not 1024"),
        ({"codes": [-1] * 16}, "codes are 0 … 1023, not -1"),
        ({"codes": [49408], "method": "pics"}, "token ids are 0 … 49407"),
        ({"codes": [0] * 76, "method": "pics"}, "at most 75 token ids"),
        ({"codes": [1, 0], "method": "consonant"}, "does not end in a space"),
        ({"codes": [16], "method": "consonant"}, "codes are 0 … 15"),
        ({"codes": np.zeros((4, 4), int)}, "one row of integers"),
        ({"codes": np.zeros(16)}, "one row of integers, not float64"),
        ({"codes": np.zeros(16, bool)}, "one row of integers, not bool"),
        ({"indices": np.zeros((3, 2), int)}, r"2 rows of 2 indices for 100x70, not 3 of 2 \(profiles of that shape: none\)"),
        ({"indices": np.zeros((5, 7), int)}, r"not 5 of 7 \(profiles of that shape: perco-16-256, perco-16-8196"),
        ({"indices": [0] * 5}, "2 rows of 2 indices, not 5 indices"),
        ({"indices": np.full((2, 2), 256)}, "indices are 0 … 255, not 256"),
        ({"indices": np.zeros((2, 2))}, "one row of integers, not float64"),
        ({"indices": np.zeros((1, 2, 2), int)}, "one row of integers"),
        ({"indices": np.array(5)}, "one row of integers"),
        ({"text": "ct", "quality": 3}, "quality and bpp are for pictures and edge maps"),
        ({"text": "ct", "bpp": 0.5}, "quality and bpp are for pictures and edge maps"),
        ({"sketch": np.zeros((8, 9), np.uint8), "size": (8, 9)}, "the edge map is 9x8, the picture 8x9"),
        ({"sketch": np.zeros((8, 9), np.uint8), "size": None, "quality": 3, "bpp": 0.5}, "not both"),
        ({"text": "ct", "check": 8}, "check is 0, 16 or 32"),
        ({"text": "ct", "hints": {"seed": "-1"}}, "not a value that the hint"),
        ({"text": "ct", "metadata": {"": "x"}}, "a key of 0 bytes"),
        ({"text": "ct", "metadata": {"k" * 65: "x"}}, "a key of 65 bytes"),
    ],
)  # fmt: skip
def test_symbols_and_settings_that_make_no_sense(named: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        encoded(**named)


@pytest.mark.parametrize(
    "named",
    [
        {"text": 5}, {"caption": b"x"}, {"codes": 5}, {"codes": [0.0] * 16}, {"codes": ["1"] * 16}, {"indices": [None] * 4},
        {"sketch": np.zeros((3, 3)), "size": None}, {"sketch": np.zeros((0, 3), np.uint8), "size": None}, {"sketch": 5, "size": None},
        {"text": "ct", "size": (1.5, 2)}, {"text": "ct", "profile": 1.5}, {"text": "ct", "colour": 3},
    ],
)  # fmt: skip
def test_symbols_of_wrong_types(named: dict[str, Any]) -> None:
    with pytest.raises((TypeError, AttributeError)):
        encoded(**named)


def test_what_is_beyond_a_level() -> None:
    assert code_of(encoded, text="ct", size=(16_385, 1)) == 601
    assert code_of(encoded, text="ct", size=(16_384, 2049)) == 602
    assert encoded(text="ct", size=(16_385, 1), level=2).width == 16_385
    assert code_of(encoded, metadata={"a": "b" * 65_536}, text="ct") == 604
    for named in ({"caption": "a" * 65_537}, {"text": "n" * 65_537}):
        for profile in (None, *(row.id for row in default_rows().profiles("consonant") if "text" in named)):
            assert code_of(encoded, **named, profile=profile) == 604
        assert values(encoded(**{name: text[:65_536] for name, text in named.items()}).data)
    assert refcodec.read(encoded(caption="a" * 65_537, level=2).data, level=2)
    assert code_of(encoded, text="ct", profile=250) == code_of(encoded, text="ct", profile="nobody") == 702


def test_what_one_code_makes_too_long_the_other_sends() -> None:
    tables = Path(consonant.__file__).with_name("data").joinpath("consonant.bin").read_bytes()
    codes = [0, 0, 0]
    while len(codes) < 65_539:  # always the least likely one
        at = 17 * (256 * codes[-3] + 16 * codes[-2] + codes[-1]) + 1
        codes.append(min(range(1, 16), key=lambda code: tables[at + code]))
    rare = consonant.Consonants(bytes(codes[3:])).text
    assert code_of(encoded, text=rare, profile="consonant-coded") == 604
    assert len(encoded(text=rare).data) == 32_768 + 9


# --- what a file holds -------------------------------------------------------------------------------------------


def test_artifacts_of_every_kind() -> None:
    def only(data: bytes) -> tuple[str, tuple[str, ...], bytes]:
        (held,) = artifacts(decode_file(data, models=MODELS)).values()
        return held.what, held.suffixes, held.make(held.suffixes[0])

    assert only(encoded(text="ct n mt").data) == ("consonant text", (".txt",), b"ct n mt\n")
    assert only(encoded(caption="ü\n").data) == ("caption", (".txt",), "ü\n\n".encode())
    what, _, npy = only(encoded(codes=[3, 49407], method="pics").data)
    assert (what, np.load(io.BytesIO(npy)).tolist()) == ("prompt token ids", [3, 49407])
    vector = rng.normal(0, 1, 768)
    what, _, npy = only(encoded(vector=vector).data)
    array = np.load(io.BytesIO(npy))
    assert (what, array.dtype, array.shape) == ("image vector", np.float32, (768,))
    assert np.array_equal(array > 0, vector >= 0)
    assert encoded(vector=array).data == encoded(vector=vector).data
    what, _, npy = only(encoded(codes=list(range(16))).data)
    assert (what, np.load(io.BytesIO(npy)).tolist()) == ("PQ codes", list(range(16)))
    what, suffixes, png = only(encoded(indices=[[1, 2], [3, 255]]).data)
    assert (what, suffixes[0], suffixes[-1]) == ("index map", ".png", ".npy")
    with Image.open(io.BytesIO(png)) as image:
        assert (image.mode, image.size) == ("RGB", SIZE)
    (held,) = artifacts(decode_file(encoded(indices=[[1, 2], [3, 255]]).data)).values()
    assert np.load(io.BytesIO(held.make(".npy"))).tolist() == [[1, 2], [3, 255]]


def test_embeddings_need_codebooks_that_fit() -> None:
    books = package_cache.table_model(MODELS / "pq-tiny").tensor
    data = encoded(codes=[2, 3], profile="pq-tiny", method="perco").data
    (held,) = artifacts(decode_file(data, models=MODELS)).values()
    assert held.what == "image embedding"
    assert np.array_equal(np.load(io.BytesIO(held.make(".npy"))), np.concatenate([books[0, 2], books[1, 3]]))
    (held,) = artifacts(decode_file(data)).values()
    assert (held.what, np.load(io.BytesIO(held.make(".npy"))).tolist()) == ("PQ codes", [2, 3])
    odd = encoded(codes=[1000] * 16, profile=10, model=MODELS / "pq-tiny").data  # a model that the codes do not fit
    assert [held.what for held in artifacts(decode_file(odd, models=MODELS)).values()] == ["PQ codes"]
    assert [held.what for held in artifacts(decode_file(odd)).values()] == ["PQ codes"]
    other = encoded(codes=[1000] * 16, profile=10, model=MODELS / "vq-tiny").data  # a model of another kind
    assert [held.what for held in artifacts(decode_file(other, models=MODELS)).values()] == ["PQ codes"]


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from([8, 16, 64]),
    st.sampled_from([1, 2, 256, 65536]),
    st.randoms(),
)
@brief
def test_index_maps_have_a_block_for_each_place(width: int, height: int, stride: int, v: int, random: Any) -> None:
    h, w = -(-height // stride), -(-width // stride)
    places = np.array([[random.randrange(v) for _ in range(w)] for _ in range(h)], np.uint16)
    picture = vq_indices.index_map(places, v, stride, (width, height))
    assert picture.dtype == np.uint8
    assert picture.shape == (height, width, 3)
    colours: dict[int, tuple[int, ...]] = {}
    for r in range(h):
        for c in range(w):
            block = picture[r * stride : (r + 1) * stride, c * stride : (c + 1) * stride].reshape(-1, 3)
            assert (block == block[0]).all()
            assert colours.setdefault(int(places[r, c]), tuple(block[0])) == tuple(block[0])
    assert v > 256 or len(set(colours.values())) == len(colours)


def test_a_long_text_is_not_told_whole() -> None:
    made = encoded(text="word " * 5000)
    assert any("…' (changes: " in notice for notice in made.notices)
    assert max(map(len, made.notices)) < 300


def test_pictures_without_a_painter() -> None:
    pytest.importorskip("torch")
    for named in ({"text": "ct"}, {"caption": "cat"}, {"vector": [0] * 768}):
        with pytest.raises(SemError, match=r"role painter .*name it with --model painter=") as caught:
            refcodec.decode(encoded(**named).data)
        assert caught.value.code == 801
    with pytest.raises(SemError, match="holds no vq, which method perco paints from"):
        refcodec.decode(encoded(codes=[0] * 16).data)


# --- the command line --------------------------------------------------------------------------------------------


@pytest.fixture
def arrays(place: Path) -> Path:
    np.save("vector.npy", rng.normal(0, 1, 768))
    np.save("codes.npy", rng.integers(0, 1024, 16))
    np.save("ids.npy", np.arange(16, dtype=np.uint16))
    np.save("grid.npy", rng.integers(0, 256, (2, 2)))
    Image.fromarray(np.zeros((70, 100), np.uint8)).save("edges.png")
    return place


CALLS = {
    "consonant": (["--text", "A cat on a mat"], {"txt": "consonant text"}),
    "caption": (["--caption", CAPTION], {"txt": "caption"}),
    "tokens": (["--codes", "ids.npy", "--method", "pics"], {"npy": "prompt token ids"}),
    "clip": (["--vector", "vector.npy", "--check", "32"], {"npy": "image vector"}),
    "pq": (["--codes", "codes.npy", "--check", "0"], {"npy": "PQ codes"}),
    "vq": (["--indices", "grid.npy"], {"png": "index map"}),
    "several": (
        [
            "--indices",
            "grid.npy",
            "--caption",
            CAPTION,
            "--codes",
            "codes.npy",
            "--metadata",
            "a=b",
            "--provenance",
            "--hint",
            "seed=1",
        ],
        {"caption.txt": "caption", "pq.npy": "PQ codes", "vq.png": "index map"},
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_kind_on_the_command_line(semtool: Semtool, arrays: Path, name: str) -> None:
    options, files = CALLS[name]
    made = semtool("encode", *options, "--size", "100x70", "-o", "x.sem", "--json")
    assert made.status == 0
    valid("encode", made.json)
    assert made.json["bytes"] == Path("x.sem").stat().st_size
    assert [f"note: {notice}" for notice in made.json["notices"]] == made.err.splitlines()
    for command in ("inspect", "verify", "payload"):
        said = semtool(command, "x.sem", "--json")
        assert (said.status, said.err) == (0, "")
        valid(command, said.json)
        assert semtool(command, "x.sem").status == 0
    assert semtool("verify", "x.sem").text.startswith("x.sem: valid, ")
    shown = semtool("decode", "x.sem", "--symbols", "--json")
    assert (shown.status, shown.err) == (0, "")
    valid("decode", shown.json)
    assert shown.json["files"] == [{"file": f"x.{suffix}", "what": what} for suffix, what in files.items()]
    assert all(Path(f"x.{suffix}").is_file() for suffix in files)
    assert semtool("decode", "x.sem", "--symbols", "-o", f"y.{next(iter(files)).rpartition('.')[2]}").status == 0
    assert Path(f"y.{next(iter(files)).rpartition('.')[2]}").read_bytes() == Path(f"x.{next(iter(files))}").read_bytes()
    refused(semtool("decode", "x.sem", "--symbols"), 2, "usage: x.")  # the files are there already
    done = semtool("decode", "x.sem", "-o", "painted.png")
    if name == "pq":  # an embedding alone says what a picture means, and not where anything is
        refused(done, 4, "SEM-E-704 unsupported-kind: the file holds no vq, which method perco paints from")
    else:
        role = "hyper_encoder" if "index map" in files.values() else "painter"
        refused(done, 5, f"SEM-E-801 model-unavailable: nothing fills the role {role} (")
        assert done.line.endswith("; semtool decode --symbols writes the symbols without it")
    assert not Path("painted.png").exists()


def test_standard_streams(semtool: Semtool, arrays: Path) -> None:
    piped = semtool("encode", "--text", "ct", "--size", "8x8")
    assert piped.line == "-: 10 bytes, 1.2500 bpp (1250000 µbpp), consonant, 8x8"
    semtool("encode", "--text", "ct", "--size", "8x8", "-o", "x.sem")
    assert Path("x.sem").read_bytes() == piped.out
    said = semtool("encode", "--text", "ct", "--size", "8x8", "-o", "-", "--json")
    assert said.out == piped.out
    valid("encode", json.loads(said.err))
    shown = semtool("decode", "-", "--symbols", stdin=piped.out)
    assert shown.out == b"ct\n"
    assert shown.line == "-: consonant text, 8x8, check ok"
    assert semtool("decode", "-", "--text", stdin=piped.out).out.endswith(b"\n")
    array = Path("vector.npy").read_bytes()
    assert (
        semtool("encode", "--vector", "-", "--size", "8x8", stdin=array).out
        == semtool("encode", "--vector", "vector.npy", "--size", "8x8").out
    )
    several = semtool("encode", "--indices", "grid.npy", "--caption", "x", "--size", "100x70").out
    assert semtool("decode", "-", "--symbols", stdin=several).out == b"x\n"  # of several, the first
    Path("s.sem").write_bytes(several)
    assert semtool("decode", "s.sem", "--symbols", "-o", "m.bmp").status == 0
    with Image.open("m.bmp") as image:
        assert image.size == (100, 70)


@pytest.mark.parametrize(
    ("option", "alias", "file", "more"),
    [
        ("--vector", "--embedding", "vector.npy", ()),
        ("--codes", "--pq-codes", "codes.npy", ()),
        ("--codes", "--token-ids", "ids.npy", ("--method", "pics")),
    ],
)
def test_aliases_of_options(
    semtool: Semtool, arrays: Path, option: str, alias: str, file: str, more: tuple[str, ...]
) -> None:
    one, two = (semtool("encode", name, file, *more, "--size", "64x64") for name in (option, alias))
    assert (one.status, one.out) == (two.status, two.out)
    assert one.status == 0


def test_texts_in_words(semtool: Semtool, place: Path) -> None:
    semtool("encode", "--text", "a dog runs on the beach", "--size", "64x64", "-o", "words.sem")
    said = semtool("decode", "words.sem", "--text", "--json")
    valid("text", said.json)
    assert said.json["consonants"] == "dg rn n th bch"
    assert (said.json["check"], said.json["complete"]) == ("ok", True)
    plain = semtool("decode", "words.sem", "--text")
    assert plain.text == said.json["text"] + "\n"
    more = semtool("decode", "words.sem", "--text", "--alternatives").text.splitlines()
    assert more[0] == said.json["text"]
    assert len(more) == 1 + len(said.json["words"])
    written = semtool("decode", "words.sem", "--text", "-o", "out.txt", "--json")
    valid("text", written.json)
    assert Path("out.txt").read_text() == plain.text
    assert semtool("decode", "words.sem", "--text", "-o", "out.txt").text == "out.txt: text, check ok\n"
    semtool("encode", "--text", " ".join(["kvkvk"] * 12), "--size", "64x64", "-o", "odd.sem")
    odd = semtool("decode", "odd.sem", "--text")
    assert odd.status == 0
    assert odd.line.startswith("note: words that are not in the lexicon, spelled by guess: ")
    assert odd.line.endswith(" and 2 more")
    semtool("encode", "--caption", "one\ntwo\x1b[2J", "--size", "64x64", "-o", "caption.sem")
    assert semtool("decode", "caption.sem", "--text").text == "one\\ntwo\\x1b[2J\n"
    said = semtool("decode", "caption.sem", "--text", "--json")
    valid("text", said.json)
    assert said.json["text"] == "one\ntwo\x1b[2J"
    semtool("decode", "caption.sem", "--text", "-o", "raw.txt")
    assert Path("raw.txt").read_bytes() == b"one\ntwo\x1b[2J\n"


def npy(header: str, body: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body


def saved(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    np.savez(out, a=np.zeros(768))
    return out.getvalue()


HOSTILE = {
    "pickle": (saved(np.array([{}] * 768, object)), 7, "SEM-E-101 "),
    "archive": (archive(), 7, "SEM-E-101 cannot-read: x.npy is an archive, not one array"),
    "broken archive": (b"PK\x03\x04 and no more", 7, "SEM-E-101 "),
    "empty": (b"", 7, "SEM-E-101 "),
    "text": (b"1 2 3\n", 7, "SEM-E-101 cannot-read: x.npy is not an .npy file of numbers; "),
    "bare pickle": (b"\x80\x04cos\nsystem\n(X\x04\x00\x00\x00exittR.", 7, "SEM-E-101 "),
    "magic alone": (b"\x93NUMPY", 7, "SEM-E-101 "),
    "version": (b"\x93NUMPY\x09\x00" + bytes(100), 7, "SEM-E-101 "),
    "cut in its header": (saved(np.zeros(768))[:50], 7, "SEM-E-101 "),
    "cut in its numbers": (saved(np.zeros(768))[:-1], 7, "SEM-E-101 "),
    "open bracket": (npy("{"), 7, "SEM-E-101 "),
    "deep header": (npy("(" * 5000), 7, "SEM-E-101 "),
    "long header": (npy("[" + "1," * 20_000 + "]"), 7, "SEM-E-101 "),
    "header that is no text": (npy("\x00\xff"), 7, "SEM-E-101 "),
    "header that computes": (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2**40,)}"), 7, "SEM-E-101 "),
    "huge shape": (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}"), 7, "SEM-E-101 "),
    "huge product": (
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"),
        7,
        "SEM-E-101 ",
    ),
    "negative shape": (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-768,)}", bytes(6144)), 7, "SEM-E-101 "),
    "huge element": (
        npy("{'descr': [('a', '<f8', (99999, 99999))], 'fortran_order': False, 'shape': (1,)}"),
        7,
        "SEM-E-101 ",
    ),
    "unknown dtype": (npy("{'descr': '<q9', 'fortran_order': False, 'shape': (1,)}"), 7, "SEM-E-101 "),
    "Python 2": (
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10L,)}\n", bytes(80)),
        2,
        "usage: the profile has 768",
    ),
    "nothing, often": (
        npy("{'descr': '|V0', 'fortran_order': False, 'shape': (1000000000,)}"),
        2,
        "usage: a vector is one row",
    ),
    "NaN": (saved(np.full(768, np.nan)), 2, "usage: dimension 0 of the vector is not a number; "),
    "no dimension": (saved(np.float32(1)), 2, "usage: a vector is one row of real numbers, not float32[]"),
    "two dimensions": (saved(np.zeros((1, 768))), 2, "usage: a vector is one row"),
    "complex": (saved(np.zeros(768, complex)), 2, "usage: a vector is one row"),
    "dates": (saved(np.zeros(768, "M8[s]")), 2, "usage: a vector is one row"),
    "strings": (saved(np.array(["a"] * 768)), 2, "usage: a vector is one row"),
    "records": (saved(np.zeros(768, [("a", "<f4")])), 2, "usage: a vector is one row"),
    "too few": (saved(np.zeros(767)), 2, "usage: the profile has 768 dimensions, not 767"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("default")
def test_hostile_arrays(semtool: Semtool, place: Path, name: str) -> None:
    data, status, start = HOSTILE[name]
    Path("x.npy").write_bytes(data)
    refused(semtool("encode", "--vector", "x.npy", "--size", "8x8", "-o", "x.sem"), status, start)
    for option in ("--codes", "--indices"):
        done = semtool("encode", option, "x.npy", "--size", "8x8", "-o", "x.sem", "--json")
        assert done.status == status
        valid("error", done.json)
        assert done.line
    assert not Path("x.sem").exists()


@pytest.mark.parametrize(
    ("args", "status", "start"),
    [
        (["--text", "ct"], 2, "usage: symbols do not contain the size of the picture"),
        (["--text", "ct", "--size", "0x0"], 2, "usage: Invalid value for '--size': a size is WIDTHxHEIGHT"),
        (["--text", "ct", "--size", "8"], 2, "usage: "),
        (["--text", "ct", "--size", "08x8"], 2, "usage: "),
        (["--text", "ct", "--size", "-8x8"], 2, "usage: "),
        (["--text", "ct", "--size", "8x8x8"], 2, "usage: "),
        (["--text", "ct", "--size", "1000000x1"], 2, "usage: "),
        (["--text", "ct", "--size", "99999x1"], 6, "SEM-E-601 limit-side: 99999 pixels on a side, more than 16384 in size; "),
        (["--text", "ct", "--size", "16384x16384"], 6, "SEM-E-602 "),
        (["--text", "ct", "--size", "65537x1", "--level", "2"], 6, "SEM-E-601 "),
        (["--text", "cat", "--size", "8x8", "--strict"], 2, "usage: 'a' at character 1 is not one of the 15 consonants"),
        (["--text", "ct", "--size", "8x8", "--method", "elic"], 2, "usage: method 'elic' takes pictures, not symbols"),
        (["--text", "ct", "--size", "8x8", "--method", "x"], 2, "usage: method 'x' is unknown"),
        (["--text", "ct", "--size", "8x8", "--profile", "vq-tiny"], 2, "usage: profile vq-tiny is of method perco"),
        (["--text", "ct", "--size", "8x8", "--profile", "77"], 4, "SEM-E-702 "),
        (["--text", "ct", "--size", "8x8", "--explicit-model"], 2, "usage: profile consonant names no model"),
        (["--text", "ct", "--size", "8x8", "--model", "no"], 5, "SEM-E-801 "),
        (["--text", "ct", "--size", "8x8", "--bpp", "0.1"], 2, "usage: quality and bpp are for pictures and edge maps"),
        (["--text", "ct", "--size", "8x8", "--quality", "3"], 2, "usage: quality and bpp are for pictures and edge maps"),
        (["--text", "ct", "--size", "8x8", "--mode", "raw"], 2, "usage: mode needs a caption"),
        (["--text", "ct", "--size", "8x8", "--trace"], 2, "usage: --trace is for pictures by method elic"),
        (["--caption", "ct", "--size", "8x8", "--mode", "best"], 2, "usage: "),
        (["--caption", "ct", "--size", "8x8", "--strict"], 2, "usage: strict needs a consonant text"),
        (["--caption", "a" * 70_000, "--size", "8x8"], 6, "SEM-E-604 "),
        (["--text", "ct", "--size", "8x8", "--hint", "seed"], 2, "usage: Invalid value for '--hint': seed is not KEY=VALUE"),
        (["--text", "ct", "--size", "8x8", "--hint", "seed=x"], 2, "usage: not a value that the hint"),
        (["--text", "ct", "--size", "8x8", "--hint", "a=1", "--hint", "a=2"], 2, "usage: Invalid value for '--hint': a is given twice"),
        (["--text", "ct", "--size", "8x8", "--metadata", "=x"], 2, "usage: "),
        (["--text", "ct", "--size", "8x8", "--metadata", f"{'k' * 65}=x"], 2, "usage: a key of 65 bytes"),
        (["--caption", "c\udcfft", "--size", "8x8"], 2, "usage: the caption is not Unicode text: it holds a lone surrogate"),
        (["--text", "ct", "--size", "8x8", "--metadata", "a=\udcff"], 2, "usage: an entry is not Unicode text: it holds a lone surrogate"),
        (["--text", "ct", "--codes", "codes.npy", "--size", "8x8"], 2, "usage: give the text or its codes, not both"),
        (["--vector", "codes.npy", "--size", "8x8"], 2, "usage: the profile has 768 dimensions, not 16"),
        (["--vector", "no.npy", "--size", "8x8"], 7, "SEM-E-101 cannot-read: no.npy: No such file"),
        (["--vector", ".", "--size", "8x8"], 7, "SEM-E-101 "),
        (["--vector", "edges.png", "--size", "8x8"], 7, "SEM-E-101 cannot-read: edges.png is not an .npy file of numbers; "),
        (["--codes", "vector.npy", "--size", "8x8"], 2, "usage: codes are one row of integers, not float64[768]"),
        (["--indices", "grid.npy", "--size", "8x8"], 2, "usage: profile perco-64-256 has 1 rows of 1 indices for 8x8, not 2 of 2"),
        (["--indices", "grid.npy", "--size", "100x70", "--profile", "vq-tiny"], 5, "SEM-E-801 model-unavailable: no model with"),
        (["--sketch", "no.png"], 7, "SEM-E-101 "),
        (["--sketch", "grid.npy"], 7, "SEM-E-103 "),
        (["--sketch", "edges.png", "--size", "70x100"], 2, "usage: the edge map is 100x70, the picture 70x100"),
        (["--sketch", "edges.png", "--profile", "sketch-tiny"], 5, "SEM-E-801 "),
        (["edges.png", "--text", "ct"], 2, "usage: method 'elic' sends a picture alone, without text"),
        (["edges.png", "--method", "clip"], 5, "SEM-E-801 model-unavailable: nothing fills the role image_embedder (a CLIP vision model)"),
        (["--text", "ct", "--size", "8x8", "-o", "no/x.sem"], 7, "SEM-E-102 cannot-write: no/x.sem: there is no folder no; "),
        (["--text", "ct", "--size", "8x8", "-o", "codes.npy/x.sem"], 7, "SEM-E-102 "),
        (["--text", "ct", "--size", "8x8", "-o", "."], 7, "SEM-E-102 "),
        (["--text", "ct", "--size", "8x8", "-o", "/dev/full"], 7, "SEM-E-102 cannot-write: /dev/full: "),
    ],
)  # fmt: skip
def test_what_encode_refuses(semtool: Semtool, arrays: Path, args: list[str], status: int, start: str) -> None:
    before = contents(arrays)
    named = [] if "-o" in args else ["-o", "x.sem"]
    refused(semtool("encode", *args, *named), status, start)
    said = semtool("encode", *args, *named, "--json")
    assert said.status == status
    valid("error", said.json)
    assert said.line.endswith(said.json["error"]["hint"])
    assert contents(arrays) == before


@pytest.mark.parametrize(
    ("args", "status", "start"),
    [
        (["--symbols", "-o", "x.png"], 2, "usage: nothing in the file can be written as x.png (caption: .txt)"),
        (["-o", "x.txt"], 2, "usage: x.txt is not a picture: name one, or give --symbols"),
        (["--symbols", "--seed", "1"], 2, "usage: --seed is for pictures, and --symbols writes none"),
        (["--text", "--samples", "2"], 2, "usage: --samples is for pictures, and --text writes none"),
        (["--text", "--symbols"], 2, "usage: --text and --symbols exclude each other"),
        (["--trace", "."], 2, "usage: . is there already"),
        (["--model", "cook=no"], 2, "usage: 'cook' is not a role: there are captioner, language, painter"),
        (["--model", "painter="], 2, "usage: no model is named for the role painter"),
        (
            ["--model", "painter=./no"],
            5,
            "SEM-E-801 model-unavailable: painter: ./no is not a folder; name it with --model painter=FOLDER",
        ),
        (["-o", "x.gif"], 2, "usage: cannot write pictures as .gif"),
        (["--symbols", "-o", "x.gif"], 2, "usage: nothing in the file can be written as x.gif"),
        (["--symbols", "-o", "no/x.txt"], 7, "SEM-E-102 "),
        (["--symbols", "-o", "/dev/full"], 7, "SEM-E-102 cannot-write: /dev/full: "),
        (["--symbols", "-o", "x.sem"], 2, "usage: x.sem is the input itself"),
        (["--text", "-o", "x.sem"], 2, "usage: x.sem is the input itself"),
        (["--text", "-o", "no/x.txt"], 7, "SEM-E-102 "),
        (["--alternatives"], 2, "usage: --alternatives needs --text"),
        (["--symbols", "--model", "no"], 5, "SEM-E-801 "),
    ],
)
def test_what_decode_refuses(semtool: Semtool, place: Path, args: list[str], status: int, start: str) -> None:
    semtool("encode", "--caption", CAPTION, "--size", "64x64", "-o", "x.sem")
    before = contents(place)
    refused(semtool("decode", "x.sem", *args), status, start)
    said = semtool("decode", "x.sem", *args, "--json")
    assert said.status == status
    valid("error", said.json)
    assert contents(place) == before


def test_what_needs_no_model_is_shown_without_it(semtool: Semtool, place: Path) -> None:
    """The caption beside indices whose table is not here, or beside an edge map that nothing here paints."""
    indices = np.zeros(vq_indices.grid(SIZE, default_rows().get(204).parameters(spec.VQ)), int)
    whole = encoded(indices=indices, caption=CAPTION, profile=204, model=MODELS / "vq-tiny").data
    Path("x.sem").write_bytes(whole)
    for args in (["--symbols"], ["--symbols", "-o", "y.txt"], ["--text"]):
        done = semtool("decode", "x.sem", *args)
        assert done.status == 0
        assert done.err.startswith("note: without vq, whose model is not installed: SEM-E-801 ")
        assert ", of an incomplete file" not in done.text
    assert Path("x.txt").read_text() == Path("y.txt").read_text() == f"{CAPTION}\n"
    refused(semtool("payload", "x.sem"), 5, "SEM-E-801 ")
    assert semtool("verify", "x.sem").status == 5
    data = bytearray(whole)
    data[refcodec.read(whole).sections[0].check_offset] ^= 1
    Path("bad.sem").write_bytes(data)
    refused(semtool("decode", "bad.sem", "--text"), 3, "SEM-E-501 ")
    assert semtool("decode", "x.sem", "--symbols", "--model", MODELS, "-o", "z.npy").status == 0
    caption = encoded(caption=CAPTION, profile="sketch-tiny", method="pics").data
    sketch = latent_file(205, SIZE)
    Path("s.sem").write_bytes(editing.add(refcodec.read(sketch), refcodec.read(caption).sections).data)
    done = semtool("decode", "s.sem", "--symbols", "--model", MODELS)
    assert (done.status, Path("s.caption.txt").read_text()) == (0, f"{CAPTION}\n")
    assert done.line.startswith("note: not all payloads are written: SEM-E-80")
    Path("s.sem").write_bytes(sketch)
    refused(semtool("decode", "s.sem", "--symbols", "--model", MODELS), 5, "SEM-E-80")
    refused(semtool("decode", "s.sem", "--symbols"), 5, "SEM-E-801 ")


def test_files_without_a_payload(semtool: Semtool, place: Path) -> None:
    """Ancillary data alone is a file, of which there is nothing to show."""
    semtool("encode", "--text", "ct", "--size", "8x8", "--metadata", "a=b", "-o", "x.sem")
    assert semtool("strip", "x.sem", "--section", "consonant", "-o", "y.sem").status == 0
    for args in ([], ["--symbols"], ["--text"]):
        refused(semtool("decode", "y.sem", *args), 4, "SEM-E-704 ")
    assert semtool("payload", "y.sem").text.startswith("metadata\n")


def test_methods_are_those_of_the_format() -> None:
    assert [method.name for method in all_methods()] == list(spec.METHODS.values())
    assert [method.name for method in all_methods() if method.needs_picture] == ["elic"]
