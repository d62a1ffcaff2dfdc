# SPDX-License-Identifier: MIT
"""`refcodec` as programs use it: encode, decode, inspect, payload, read, write, and what they refuse."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import inspect
import io
import json
import math
import pydoc
import re
import subprocess
import sys
import warnings
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from default_environment import default_rows
from numpy.typing import NDArray
from PIL import Image

import refcodec
from refcodec import SemError, codec, spec
from refcodec.container.key_value import encode as text_encode
from refcodec.decoder import decode_file
from refcodec.encode_settings import EncodeOptions, EncoderOptions
from refcodec.methods.sampler import RenderOptions
from tools.fuzz.target import MODELS
from tools.fuzz.valid_files import latent_file

ROOT = Path(__file__).resolve().parents[2]


Pixels = NDArray[np.uint8]


pytestmark = pytest.mark.usefixtures("no_models_of_this_machine")


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    pytest.importorskip("torch")
    rows, cols = np.mgrid[0:40, 0:72]
    smooth = np.stack([128 + 100 * np.sin(cols / 11), 128 + 90 * np.cos((rows + cols) / 13), rows * 5 + cols], -1)
    noise = np.random.default_rng(4).normal(0, 10, (40, 72, 1)) * (rows > 20)[..., None]
    made: Pixels = np.clip(smooth + noise, 0, 255).astype(np.uint8)
    return made


@pytest.fixture(scope="module")
def data(pixels: Pixels) -> bytes:
    return refcodec.encode(pixels)


def png(pixels: Pixels) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def psnr(a: Pixels, b: Pixels) -> float:
    return 10 * math.log10(255**2 / float(np.mean((a.astype(float) - b) ** 2)))


def code_of(call: Any, *args: Any, **named: Any) -> int:
    with pytest.raises(SemError) as caught:
        call(*args, **named)
    return caught.value.code


# --- there and back ----------------------------------------------------------------------------------------------


def test_pictures_in_any_form_give_the_same_file(pixels: Pixels, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a picture.png"
    path.write_bytes(png(pixels))
    forms = [str(path), path, png(pixels), bytearray(png(pixels)), io.BytesIO(png(pixels)), Image.fromarray(pixels)]
    assert {refcodec.encode(form) for form in forms} == {data}
    assert refcodec.encode(np.ascontiguousarray(pixels[::-1])[::-1]) == data


def test_a_picture_comes_back(pixels: Pixels, data: bytes) -> None:
    image = refcodec.decode(data)
    assert isinstance(image, Image.Image)
    assert (image.mode, image.size) == ("RGB", (72, 40))
    assert psnr(np.asarray(image), pixels) > 15
    forms: list[Any] = [bytearray(data), memoryview(data), np.frombuffer(data, np.uint8)]
    for form in forms:
        assert np.array_equal(np.asarray(refcodec.decode(form)), np.asarray(image))


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (65, 1), (3, 2)])
def test_pictures_of_few_pixels(pixels: Pixels, size: tuple[int, int]) -> None:
    part = pixels[: size[1], : size[0]] if size[1] <= 40 else np.repeat(pixels[:1, :1], 70, axis=0)
    assert refcodec.decode(refcodec.encode(part)).size == (part.shape[1], part.shape[0])


def test_better_qualities_are_larger_and_better(pixels: Pixels) -> None:
    files = [refcodec.encode(pixels, quality=quality) for quality in (1, 5, 10)]
    assert len(files[0]) < len(files[1]) < len(files[2])
    low, _, high = (psnr(np.asarray(refcodec.decode(file)), pixels) for file in files)
    assert low < high
    assert refcodec.encode(pixels, quality=np.int64(5)) == refcodec.encode(pixels)  # type: ignore[arg-type]


def test_bpp_bounds_the_whole_file(pixels: Pixels) -> None:
    for bpp in (0.3, 0.7, 2.5):
        for more in ({}, {"provenance": True, "check": 32}):
            made = codec.encode_file(pixels, bpp=bpp, **more)  # type: ignore[arg-type]
            within = 8 * len(made.data) <= bpp * 72 * 40
            assert within or any("cannot be reached" in notice for notice in made.notices)
            assert made.bpp == 8 * len(made.data) / (72 * 40)


def test_qualities_between_integers(pixels: Pixels) -> None:
    wide = np.tile(pixels, (3, 3, 1))
    qualities = (1, 1.2, 2, 4.75, 5, 5.2, 5.45, 5.5, 5.9, 6, 9.3, 10)
    made = [codec.encode_file(wide, quality=quality) for quality in qualities]
    sizes = [len(encoded.data) for encoded in made]
    assert sizes == sorted(set(sizes))
    assert [encoded.rate for encoded in made] == [0, 0, 1, 4, 4, 4, 4, 5, 5, 5, 8, 9]
    for quality in (1, 5, 10):
        whole = codec.encode_file(pixels, quality=quality).data
        for same in (float(quality), np.float32(quality), np.float64(quality)):
            assert refcodec.encode(pixels, quality=same) == whole
    noted = codec.encode_file(pixels, quality=5.3, provenance=True)
    assert refcodec.payload(noted.data).sections[0].value["setting"] == "quality 5.3"
    assert (noted.bpp_target, noted.missed) == (None, None)


@pytest.mark.parametrize("more", [{}, {"provenance": True, "check": 32, "metadata": {"title": "x" * 60}}])
def test_a_target_in_reach_is_met_within_a_percent(pixels: Pixels, more: dict[str, Any]) -> None:
    wide = np.tile(pixels, (5, 4, 1))
    count = wide.shape[0] * wide.shape[1]
    low, high = (len(refcodec.encode(wide, quality=quality, **more)) for quality in (1, 10))
    for share in (0.1 if more else 0, 0.2, 0.45, 0.7, 0.9, 1):  # the setting in a provenance is longer with a bpp
        target = math.exp(math.log(low) + share * math.log(high / low))
        bpp = 8 * (target + 1e-6) / count
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data = refcodec.encode(wide, bpp=bpp, strict_bpp=True, **more)
        assert 0.99 * target - 1 <= len(data) <= target + 1e-6
        assert decode_file(data).state == "ok"
        assert refcodec.encode(wide, bpp=bpp, **more) == data  # strict or not, and once more


@pytest.mark.parametrize(("bpp", "end"), [(0.0001, "smallest"), (0.05, "smallest"), (40, "largest"), (63.9, "largest")])
def test_a_target_out_of_reach(pixels: Pixels, bpp: float, end: str) -> None:
    made = codec.encode_file(pixels, bpp=bpp)
    text = f"{bpp} bpp cannot be reached: this is the {end} file of this model"
    assert made.notices == (text,)
    assert (made.missed, made.bpp_target) == (text, bpp)
    with pytest.warns(UserWarning, match=re.escape(text)) as caught:
        assert refcodec.encode(pixels, bpp=bpp) == made.data
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)]
    if end == "smallest":
        assert made.data == refcodec.encode(pixels, quality=1)
    else:
        assert len(made.data) >= len(refcodec.encode(pixels, quality=10))
    with pytest.raises(refcodec.LimitError, match="bpp cannot be reached: files of this picture have ") as error:
        refcodec.encode(pixels, bpp=bpp, strict_bpp=True)
    assert (error.value.code, error.value.status) == (606, 6)
    advised = float(re.findall(r"at (?:least|most) ([0-9.]+) bpp", error.value.hint)[0])
    assert refcodec.encode(pixels, bpp=advised, strict_bpp=True) == made.data


def test_the_progress_of_a_search_grows_to_the_end(pixels: Pixels) -> None:
    for options in ({"bpp": 1.1}, {"bpp": 2.3}, {"quality": 5.3}):
        seen: list[float] = []
        codec.encode_file(pixels, progress=seen.append, **options)  # type: ignore[arg-type]
        assert seen == sorted(seen)
        assert seen[-1] == 1


def test_explicit_models_checks_and_provenance(pixels: Pixels) -> None:
    row = default_rows().get(1)
    for explicit, length in ((True, 8), (4, 4), (32, 32)):
        header = refcodec.read(refcodec.encode(pixels, explicit_model=explicit)).header
        assert (header.profile_id, header.base_profile_id) == (255, 1)
        assert header.model_hash == bytes.fromhex(row.model or "")[:length]
    for check in (0, 16, 32):
        assert refcodec.read(refcodec.encode(pixels, check=check)).header.check_bits == check
    noted = refcodec.payload(refcodec.encode(pixels, provenance=True)).sections
    assert [section.kind for section in noted] == ["provenance", "elic"]
    assert noted[0].value["setting"] == "quality 5"
    assert noted[0].value["encoder"] == f"refcodec {refcodec.__version__}"
    assert row.model in noted[0].value["model"]


def test_progress_and_trace_are_told(pixels: Pixels) -> None:
    shares: list[float] = []
    names: list[str] = []
    made = codec.encode_file(pixels, progress=shares.append, trace=lambda name, _: names.append(name))
    refcodec.decode(made.data, progress=shares.append)
    assert shares
    assert all(0 <= share <= 1 for share in shares)
    again: list[str] = []
    decode_file(made.data, trace=lambda name, _: again.append(name))
    assert again == names != []


# --- what is in a file -------------------------------------------------------------------------------------------


def test_inspect_and_payload_give_typed_objects(data: bytes) -> None:
    found = refcodec.inspect(data)
    assert isinstance(found, refcodec.Inspection)
    assert (found.method, found.width, found.height, found.file_bytes) == ("elic", 72, 40, len(data))
    assert found.to_dict()["sections"][0]["kind"] == "elic"
    held = refcodec.payload(data)
    assert isinstance(held, refcodec.Payload)
    shapes = default_rows().get(1).parameters(spec.ELIC)
    assert held.sections[0].shape == [[shapes["hyper"], 1, 2], [shapes["m"], 4, 8]]
    assert held.to_dict()["sections"] == [section.to_dict() for section in held.sections]
    assert held.sections[0].sha256 == hashlib.sha256(decode_file(data).elic.serialise()).hexdigest()
    for value in (found.to_dict(), held.to_dict()):
        assert json.loads(json.dumps(value)) == value


def test_payload_of_every_section() -> None:
    text = text_encode({"a": "b"})
    data = latent_file(201, others={spec.PROVENANCE: b"", spec.METADATA: text, 0x15: b"\xff"}, hash_bytes=4)
    held = refcodec.payload(data, models=MODELS)
    assert [(s.kind, s.value) for s in held.sections if s.kind != "elic"] == [
        ("provenance", {}),
        ("0x15", "ff"),
        ("metadata", {"a": "b"}),
    ]
    assert held.sections[-1].sha256 == hashlib.sha256(text).hexdigest()


def test_read_and_write_are_inverse(data: bytes) -> None:
    for file in (data, latent_file(), latent_file(201, check=32, hash_bytes=16, others={0x43: b""})):
        container = refcodec.read(file)
        assert isinstance(container, refcodec.Container)
        assert refcodec.write(container) == file
        assert container.complete


def test_models_are_named_by_folder_or_folders(tmp_path: Path) -> None:
    data = latent_file(200)
    assert code_of(refcodec.payload, data) == 801
    assert code_of(refcodec.payload, data, models=tmp_path) == 801
    wanted = refcodec.payload(data, models=MODELS)
    named: list[Any] = [str(MODELS), MODELS / "elic-tiny", [tmp_path, str(MODELS)], (MODELS,)]
    for models in named:
        assert refcodec.payload(data, models=models) == wanted
        assert refcodec.inspect(data, models=[MODELS]).model.available


def test_a_check_of_an_explicit_model_without_payload() -> None:
    whole = latent_file(200, hash_bytes=8, others={spec.PROVENANCE: text_encode({"a": "b"})})
    container = refcodec.read(whole)
    alone = whole[: container.sections[1].body_offset - 2]  # the provenance, and no more
    assert decode_file(alone, models=MODELS).state == "ok"
    assert decode_file(alone).state == "unchecked"
    at = container.sections[0].check_offset
    assert code_of(decode_file, alone[:at] + b"\0\0", models=MODELS) == 501


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        *(
            ({"quality": q}, "quality is a number from 1 to 10")
            for q in (0, 11, 0.99, 10.01, -5.3, 1e308, math.nan, math.inf)
        ),
        ({"quality": True}, "quality"),
        ({"quality": 5, "bpp": 1}, "not both"),
        ({"quality": 5.3, "bpp": 1}, "not both"),
        *(
            ({"bpp": bpp}, "bpp is a number above 0 and below 64")
            for bpp in (0, 64, -0.1, 1e308, math.nan, math.inf, -math.inf)
        ),
        ({"bpp": True}, "bpp"),
        ({"strict_bpp": True}, "strict_bpp needs a bpp"),
        ({"strict_bpp": True, "quality": 5}, "strict_bpp needs a bpp"),
        ({"strict_bpp": True, "bpp": 0}, "bpp is a number above 0 and below 64"),
        ({"check": 8}, "check is 0, 16 or 32"),
        ({"check": True}, "check"),
        ({"explicit_model": 5}, "4, 8, 16 or 32 bytes"),
        ({"level": 3}, "level"),
        ({"method": "jpeg"}, "'jpeg' is unknown"),
        ({"caption": "a cat"}, "model elic-small has no text adapter: a caption cannot steer it"),
        ({"text": "ct", "indices": [0]}, "without indices or text"),
        ({"size": (3, 4)}, "a picture has its own size"),
        ({"image": None}, "nothing to encode"),
        ({"image": None, "method": "clip", "size": (3, 4)}, "nothing to encode"),
        ({"background": (0, 0, 999)}, "background"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        refcodec.encode(**{"image": png(np.zeros((2, 3, 3), np.uint8)), **settings})


@pytest.mark.parametrize(
    "settings",
    [
        {"quality": 3j}, {"quality": "3"}, {"quality": [3]}, {"bpp": "1"}, {"bpp": 1j}, {"check": 16.0}, {"explicit_model": "8"}, {"profile": 1.5},
        {"profile": True}, {"colour": 1}, {"image": 7}, {"image": [[1]]}, {"image": np.zeros((4, 4), np.int64)},
        {"image": np.zeros((4, 4, 3), np.int8)}, {"image": np.zeros((4, 4, 3), bool)}, {"image": np.zeros((4, 4), complex)},
    ],
)  # fmt: skip
def test_arguments_of_wrong_types(settings: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        refcodec.encode(**{"image": png(np.zeros((2, 3, 3), np.uint8)), **settings})


READERS = ("inspect", "payload", "symbols", "symbol_files", "text", "decode", "decode_progressive")
SHARED: dict[str, tuple[Any, str]] = {
    "limits": (5, "limits is a refcodec.Limits, not int"),
    "environment": ("x", "environment is a refcodec.Environment, not str"),
    "models": (5, "models are paths"),
}


@pytest.mark.parametrize("argument", SHARED)
@pytest.mark.parametrize("function", [*READERS, "encode"])
def test_an_argument_of_another_type_is_named(function: str, argument: str) -> None:
    if argument == "limits" and function == "inspect":
        return  # it has none
    value, text = SHARED[argument]
    source = np.zeros((2, 3, 3), np.uint8) if function == "encode" else b"\xf5\x9e"
    with pytest.raises(TypeError, match=text):
        list(getattr(refcodec, function)(source, **{argument: value}))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"metadata": 5}, "metadata is a mapping of str to str, not 5"),
        ({"metadata": "ab"}, "metadata is a mapping of str to str, not 'ab'"),
        ({"hints": 5}, "hints is a mapping of str to str, not 5"),
        ({"background": 5}, "a background is three integers, not 5"),
        ({"background": (1, 2)}, r"a background is three integers, not \(1, 2\)"),
        ({"check": "16"}, "check is 0, 16 or 32, not '16'"),
    ],
)
def test_a_setting_of_another_type_is_named(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        refcodec.encode(np.zeros((2, 3, 3), np.uint8), **settings)


@pytest.mark.parametrize("value", ["x", 2, None, 1.0])
def test_any_model_is_a_truth_value(value: Any) -> None:
    """A text such as "false" must not switch a comparison off."""
    with pytest.raises(TypeError, match="any_model is True or False, not "):
        refcodec.decode(refcodec.encode(np.zeros((16, 16, 3), np.uint8)), any_model=value)


def test_pictures_and_models_that_cannot_be_used(tmp_path: Path) -> None:
    small = np.zeros((2, 3, 3), np.uint8)
    assert code_of(refcodec.encode, tmp_path / "none.png") == 101
    assert code_of(refcodec.encode, b"") == 103
    assert code_of(refcodec.encode, png(small)[:45]) == 104
    assert code_of(refcodec.encode, np.zeros((1, 16_385, 3), np.uint8)) == 105
    assert code_of(refcodec.encode, small, profile=99) == 702
    assert code_of(refcodec.encode, small, profile="nobody") == 702
    for method in ("consonant", "clip", "pics"):  # what describes a picture for perco is part of the package
        assert code_of(refcodec.encode, small, method=method) == 801
    pytest.importorskip("torch")
    assert code_of(refcodec.encode, small, profile=200) == 801
    assert code_of(refcodec.encode, small, model=tmp_path) == 801
    assert code_of(refcodec.encode, small, model=MODELS / "elic-tiny") == 803  # the shapes are not those of profile 1
    assert code_of(refcodec.encode, small, model=MODELS / "elic-tiny", profile="elic-tiny") == 801  # it has no encoder
    assert code_of(refcodec.decode, latent_file(200), models=MODELS) == 801  # nor a painter


@pytest.mark.parametrize("name", ["decode", "inspect", "payload", "read"])
def test_what_is_no_file(name: str) -> None:
    for wrong in (5, None, [1, 2], io.StringIO("text")):
        with pytest.raises(TypeError):
            getattr(refcodec, name)(wrong)
    with pytest.raises(ValueError, match="level"):
        getattr(refcodec, name)(b"", level=9)


def test_damage_is_a_sem_error(data: bytes) -> None:
    flipped = data[:-9] + bytes([data[-9] ^ 4]) + data[-8:]
    for call in (refcodec.decode, refcodec.payload):
        assert code_of(call, data[:8]) == 202
        assert code_of(call, data + b"\0") in (402, 403)
        assert code_of(call, flipped) in (401, 402, 403, 501)
    assert [error.code for error in refcodec.inspect(data[:8]).errors] == [202]


def test_a_payload_error_names_byte_and_field() -> None:
    for others, path in ((None, "body"), ({spec.PROVENANCE: b""}, "sections[1].body")):
        data = latent_file(200, others=others)
        section = refcodec.read(data).sections[-1]
        end = section.body_offset + len(section.body)
        # a zero byte at the end of the body, which no stream has
        if others is None:
            longer = data + b"\0"
        else:
            longer = (
                data[: section.body_offset - 1] + bytes([len(section.body) + 1]) + section.body + b"\0" + section.check
            )
        with pytest.raises(SemError) as caught:
            refcodec.payload(longer, models=MODELS)
        assert (caught.value.code, caught.value.path, caught.value.offset) == (402, path, end)


# --- the interface -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["encode", "decode", "inspect", "payload", "symbols", "symbol_files", "text", "read", "write"]
)
def test_help_names_every_argument(name: str) -> None:
    function = getattr(refcodec, name)
    hints = {"encode": EncodeOptions, "decode": RenderOptions}
    names = [each.name for each in inspect.signature(function).parameters.values() if each.kind != each.VAR_KEYWORD]
    names += hints[name].__annotations__ if name in hints else []
    text = pydoc.render_doc(function, renderer=pydoc.plaintext)
    lines = [line.partition("Args:")[0] for line in text.partition("Args:")[2].splitlines()]
    assert [
        each for each in names if not any(re.match(rf"[ |]+.*\b{each}\b.*\(.*\).*: ", line) for line in lines)
    ] == []
    assert "Raises:" in text
    assert "Example:" in text


def test_help_names_the_defaults_of_options() -> None:
    fields = {each.name: each.default for each in dataclasses.fields(EncoderOptions)}
    text = refcodec.encode.__doc__ or ""
    for option, default in fields.items():
        shown = "as many as" if default is None else repr(default).replace("'", '"')
        assert re.search(rf"{option} \([a-z]+, default:? {shown}", text), option
    assert set(fields) <= set(EncodeOptions.__annotations__)


def test_unknown_arguments_are_refused_under_the_public_name(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    for method in (None, "elic", "consonant", "clip", "pics", "perco"):
        with pytest.raises(TypeError, match=r"^encode\(\) got an unexpected keyword argument 'foo'$"):
            refcodec.encode(nothing, method=method, model=nothing, foo=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^encode\(\) got an unexpected keyword argument 'foo'$"):
        refcodec.encode(text="ct", size=(8, 8), foo=1)  # type: ignore[call-arg]
    for file in (nothing, b"", b"\xf5\x9e"):
        with pytest.raises(TypeError, match=r"^decode\(\) got an unexpected keyword argument 'sed'$"):
            refcodec.decode(file, sed=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"quality": 11}, "quality"),
        ({"bpp": -1}, "bpp"),
        ({"check": 7}, "check"),
        ({"explicit_model": 3}, "4, 8, 16 or 32"),
        ({"hints": {"seed": "x"}}, "seed"),
        ({"background": (0, 0, 256)}, "background"),
        ({"level": 0}, "level"),
        ({"size": (8, 8)}, "its own size"),
        ({"method": "consonant", "quality": 5, "edges": "hed"}, "has no edges"),
        ({"method": "elic", "words": 5}, "has no words"),
        ({"method": "elic", "mode": "raw"}, "mode and strict need a text"),
        ({"method": "clip", "mode": "raw"}, "mode needs a caption"),
        ({"method": "pics", "strict": True}, "strict needs a consonant text"),
        ({"method": "clip", "caption": "a cat"}, "has no caption"),
        ({"method": "clip", "quality": 5}, "one rate"),
        ({"method": "clip", "profile": "elic"}, "is of method elic"),
        ({"method": "perco", "device": "tpu"}, "device"),
        ({"method": "pics", "models": {"poet": "x"}}, "'poet' is not a role"),
    ],
)
def test_senseless_arguments_are_refused_before_any_work(settings: dict[str, Any], match: str, tmp_path: Path) -> None:
    """Neither picture nor model package is there, which nothing has noticed yet."""
    with pytest.raises(ValueError, match=match):
        refcodec.encode(tmp_path / "no picture", model=tmp_path / "no model", **settings)


@pytest.mark.parametrize(
    ("hints", "match"),
    [
        ({"seed": 1}, "method elic has no seed"),
        ({"norm_scale": 9.0}, "norm-scale is 0.75 to 1.5"),
        ({"steps": "many"}, "'many' is no steps"),
        ({"device": "tpu"}, "device"),
    ],
)
def test_senseless_hints_are_refused_before_symbols_are_decoded(hints: dict[str, Any], match: str) -> None:
    broken = latent_file(200)[:-1]  # its payload cannot be decoded, and its model is not there
    with pytest.raises(ValueError, match=match):
        refcodec.decode(broken, **hints)


def test_files_in_any_form(tmp_path: Path) -> None:
    data = latent_file(200)
    path = tmp_path / "a file.sem"
    path.write_bytes(data)
    named = {"models": [MODELS]}
    for call in (refcodec.read, partial(refcodec.inspect, **named), partial(refcodec.payload, **named)):
        forms: list[Any] = [
            path,
            str(path),
            bytearray(data),
            memoryview(data),
            io.BytesIO(data),
            np.frombuffer(data, np.uint8),
        ]
        for form in forms:
            assert call(form) == call(data)
        with path.open("rb") as stream:
            assert call(stream) == call(data)
            assert stream.read() == b""
            assert not stream.closed
        assert code_of(call, tmp_path / "none.sem") == 101
        assert code_of(call, tmp_path) == 101


def test_decode_takes_a_file_in_any_form(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.sem"
    path.write_bytes(data)
    wanted = np.asarray(refcodec.decode(data))
    for form in (path, str(path), io.BytesIO(data)):
        assert np.array_equal(np.asarray(refcodec.decode(form)), wanted)


def test_arrays_and_tensors_are_pictures(pixels: Pixels, data: bytes) -> None:
    torch = pytest.importorskip("torch")
    grey = np.repeat(pixels[..., :1], 3, 2)
    same: list[Any] = [
        pixels.astype(np.float32) / 255,
        pixels.astype(np.float64) / 255,
        pixels.astype(np.uint16) * 257,
        np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]),
        torch.from_numpy(pixels),
        torch.from_numpy(pixels).permute(2, 0, 1),
    ]
    assert {refcodec.encode(form) for form in same} == {data}
    assert {refcodec.encode(form) for form in (grey, grey[..., 0], grey[..., :1])} == {refcodec.encode(grey)}


def test_symbols_are_texts_and_arrays(data: bytes) -> None:
    found = refcodec.symbols(data)
    assert list(found) == ["elic"]
    latents, value = found["elic"], decode_file(data).elic
    assert isinstance(latents, dict)
    assert {name: array.dtype.name for name, array in latents.items()} == {"rate": "int32", "z": "int16", "y": "int16"}
    assert int(latents["rate"]) == value.rate
    assert np.array_equal(latents["z"], value.z)
    assert np.array_equal(latents["y"], value.y)
    assert refcodec.symbols(refcodec.encode(text="ct n mt", size=(9, 9))) == {"consonant": "ct n mt"}
    both = refcodec.encode(caption="a cat", codes=np.arange(16), method="perco", size=(9, 9))
    assert refcodec.symbols(both)["caption"] == "a cat"
    for name, more in (
        ("pq", {"codes": np.arange(16), "method": "perco"}),
        ("caption", {"codes": np.arange(5), "method": "pics"}),
        ("clip", {"codes": np.ones(768, int), "method": "clip", "profile": "clip-8"}),
        ("vq", {"indices": np.array([[1, 2], [3, 255]]), "size": (128, 128), "profile": "perco-64-256"}),
    ):
        array = refcodec.symbols(refcodec.encode(**{"size": (9, 9), **more}))[name]  # type: ignore[arg-type]
        assert isinstance(array, np.ndarray)
        assert array.dtype == np.uint16
        assert np.array_equal(array, more.get("codes", more.get("indices")))


def test_a_container_is_built_of_public_names() -> None:
    row = refcodec.Environment().registry.by_name("consonant-coded")
    header = refcodec.Header(
        version=1, check_bits=0, sectioned=False, profile_id=row.id, base_profile_id=None, model_hash=None, width=9,
        height=9, check=None, count=None, row=row,
    )  # fmt: skip
    assert isinstance(header.profile, refcodec.Profile)
    container = refcodec.Container(header, (refcodec.Section(0x81, bytes.fromhex("6d79be"), b""),))
    assert refcodec.symbols(refcodec.write(container)) == {"consonant": "ct n mt"}


def test_errors_are_caught_by_family() -> None:
    with pytest.raises(refcodec.HeaderError) as caught:
        refcodec.read(b"no file")
    assert caught.value.code is refcodec.Code.NOT_A_SEM_FILE
    with pytest.raises(refcodec.ModelError):
        refcodec.payload(latent_file(200))
    with pytest.raises(refcodec.InputOutputError):
        refcodec.read("/no/such/file.sem")


# --- the package -------------------------------------------------------------------------------------------------


def test_names_of_the_package() -> None:
    assert dir(refcodec) == sorted(refcodec.__all__)
    guarded = next(node for node in ast.parse(Path(refcodec.__file__).read_text()).body if isinstance(node, ast.If))
    imported = {alias.asname for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported | {"__version__"} == set(refcodec.__all__)
    for node in guarded.body:
        assert isinstance(node, ast.ImportFrom)
        assert all(getattr(import_module(node.module or ""), a.name) is getattr(refcodec, a.name) for a in node.names)
    for name in refcodec.__all__:
        assert getattr(refcodec, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = refcodec.nothing


def test_without_torch_files_are_read_and_pictures_coded() -> None:
    script = (
        "import io, sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'torch': raise ModuleNotFoundError('hidden', name='torch')\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "import numpy, refcodec\n"
        "data, models = sys.stdin.buffer.read(), sys.argv[1]\n"
        "print(refcodec.payload(data, models=models).sections[0].kind)\n"
        "print(refcodec.decode(refcodec.encode(numpy.zeros((2, 2, 3), 'uint8'))).size)\n"
        "text = refcodec.encode(text='ld stn', size=(64, 64))\n"
        "grey = numpy.zeros((64, 64, 3), 'uint8')\n"
        "for call in (lambda: refcodec.decode(text), lambda: refcodec.encode(grey, method='perco', profile='perco-16-256')):\n"
        "    try: call()\n"
        "    except refcodec.SemError as error: print(error.code)\n"
        "print('torch' in sys.modules)\n"
    )
    args = [sys.executable, "-c", script, str(MODELS)]
    done = subprocess.run(args, input=latent_file(), capture_output=True, check=True)
    assert done.stdout.splitlines() == [b"elic", b"(2, 2)", b"801", b"801", b"False"]
