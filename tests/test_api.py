# SPDX-License-Identifier: MIT
"""`refcodec` as programs use it: encode, decode, inspect, payload, read, write, and what they refuse."""

from __future__ import annotations

import hashlib
import io
import json
import math
import subprocess
import sys
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
from refcodec.decoder import read_symbols
from tools import fuzz

ROOT = Path(__file__).resolve().parents[1]


MODELS = fuzz.MODELS
Pixels = NDArray[np.uint8]


@pytest.fixture(autouse=True)
def no_models_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SEM_MODELS", raising=False)
    monkeypatch.delenv("SEM_REGISTRY", raising=False)


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
            made = codec.encode_picture(pixels, bpp=bpp, **more)  # type: ignore[arg-type]
            within = 8 * len(made.data) <= bpp * 72 * 40
            assert within or any("cannot be reached" in notice for notice in made.notices)
            assert made.bpp == 8 * len(made.data) / (72 * 40)


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
    made = codec.encode_picture(pixels, progress=shares.append, trace=lambda name, _: names.append(name))
    refcodec.decode(made.data, progress=shares.append)
    assert shares
    assert all(0 <= share <= 1 for share in shares)
    again: list[str] = []
    read_symbols(made.data, trace=lambda name, _: again.append(name))
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
    assert held.sections[0].sha256 == hashlib.sha256(read_symbols(data).elic.serialise()).hexdigest()
    for value in (found.to_dict(), held.to_dict()):
        assert json.loads(json.dumps(value)) == value


def test_payload_of_every_section() -> None:
    text = text_encode({"a": "b"})
    data = fuzz.fresh(201, others={spec.PROVENANCE: b"", spec.METADATA: text, 0x15: b"\xff"}, hash_bytes=4)
    held = refcodec.payload(data, models=MODELS)
    assert [(s.kind, s.value) for s in held.sections if s.kind != "elic"] == [
        ("provenance", {}),
        ("0x15", "ff"),
        ("metadata", {"a": "b"}),
    ]
    assert held.sections[-1].sha256 == hashlib.sha256(text).hexdigest()


def test_read_and_write_are_inverse(data: bytes) -> None:
    for file in (data, fuzz.fresh(), fuzz.fresh(201, check=32, hash_bytes=16, others={0x43: b""})):
        container = refcodec.read(file)
        assert isinstance(container, refcodec.Container)
        assert refcodec.write(container) == file
        assert container.complete


def test_models_are_named_by_folder_or_folders(tmp_path: Path) -> None:
    data = fuzz.fresh(200)
    assert code_of(refcodec.payload, data) == 801
    assert code_of(refcodec.payload, data, models=tmp_path) == 801
    wanted = refcodec.payload(data, models=MODELS)
    named: list[Any] = [str(MODELS), MODELS / "elic-tiny", [tmp_path, str(MODELS)], (MODELS,)]
    for models in named:
        assert refcodec.payload(data, models=models) == wanted
        assert refcodec.inspect(data, models=[MODELS]).model.available


def test_a_check_of_an_explicit_model_without_payload() -> None:
    whole = fuzz.fresh(200, hash_bytes=8, others={spec.PROVENANCE: text_encode({"a": "b"})})
    container = refcodec.read(whole)
    alone = whole[: container.sections[1].body_offset - 2]  # the provenance, and no more
    assert read_symbols(alone, models=MODELS).state == "ok"
    assert read_symbols(alone).state == "unchecked"
    at = container.sections[0].check_offset
    assert code_of(read_symbols, alone[:at] + b"\0\0", models=MODELS) == 501


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"quality": 0}, "quality is a whole number from 1 to 10"),
        ({"quality": 11}, "quality"),
        ({"quality": True}, "quality"),
        ({"quality": 5, "bpp": 1}, "not both"),
        ({"bpp": 0}, "bpp is a number above 0 and below 64"),
        ({"bpp": 64}, "bpp"),
        ({"bpp": math.nan}, "bpp"),
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
        {"quality": 3.0}, {"quality": "3"}, {"bpp": "1"}, {"check": 16.0}, {"explicit_model": "8"}, {"profile": 1.5},
        {"profile": True}, {"colour": 1}, {"image": 7}, {"image": [[1]]}, {"image": np.zeros((4, 4), np.uint8)},
        {"image": np.zeros((4, 4, 3))}, {"image": np.zeros((0, 4, 3), np.uint8)}, {"image": np.zeros((4, 4, 4), np.uint8)},
    ],
)  # fmt: skip
def test_arguments_of_wrong_types(settings: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        refcodec.encode(**{"image": png(np.zeros((2, 3, 3), np.uint8)), **settings})


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
    assert code_of(refcodec.decode, fuzz.fresh(200), models=MODELS) == 801  # nor a painter


@pytest.mark.parametrize("name", ["decode", "inspect", "payload", "read"])
def test_what_is_no_bytes(name: str) -> None:
    for wrong in ("x.sem", Path("x.sem"), 5, None, [1, 2]):
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
        data = fuzz.fresh(200, others=others)
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


# --- the package -------------------------------------------------------------------------------------------------


def test_names_of_the_package() -> None:
    assert set(refcodec.__all__) <= set(dir(refcodec))
    for name in refcodec.__all__:
        assert getattr(refcodec, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = refcodec.nothing


def test_without_torch_files_are_read_and_pictures_refused() -> None:
    script = (
        "import io, sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'torch': raise ModuleNotFoundError('hidden', name='torch')\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "import numpy, refcodec\n"
        "data, models = sys.stdin.buffer.read(), sys.argv[1]\n"
        "print(refcodec.payload(data, models=models).sections[0].kind)\n"
        "for call, given in ((refcodec.decode, data), (refcodec.encode, numpy.zeros((2, 2, 3), 'uint8'))):\n"
        "    try: call(given)\n"
        "    except refcodec.SemError as error: print(error.code)\n"
        "print('torch' in sys.modules)\n"
    )
    args = [sys.executable, "-c", script, str(MODELS)]
    done = subprocess.run(args, input=fuzz.fresh(), capture_output=True, check=True)
    assert done.stdout.split() == [b"elic", b"805", b"805", b"False"]
