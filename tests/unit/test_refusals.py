# SPDX-License-Identifier: MIT
"""Options of `encode` and `decode` that have no effect or no sense are refused before any model is loaded, by name."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import refcodec
from refcodec.cli.main import main
from refcodec.decoder import decode_file
from refcodec.encode_settings import EncoderOptions
from refcodec.foundation.resolve import Models
from refcodec.methods import all_methods, find_method
from refcodec.reconstruct import reconstruct

PHOTO = np.zeros((96, 96, 3), np.uint8)
LOADED = {
    role: object()
    for role in ("painter", "clip", "captioner", "language", "image_embedder", "hyper_encoder", "edge_detector")
}
# an option of single methods -> a value that a method with this option takes
VALUES: dict[str, Any] = {
    "effort": 3, "candidates": 2, "iterations": 5, "prompt_tokens": 4, "words": 7, "edges": "contours",
    "prompts": "paper",
}  # fmt: skip
WITHOUT = [
    (method.name, option) for method in all_methods() for option in sorted(VALUES) if option not in method.options
]
HINTS: dict[str, Any] = {
    "seed": 1, "generator": "cpu", "steps": 2, "guidance": 2.0, "scheduler": "ddim", "strength": 0.5, "noise_level": 3,
    "norm_scale": 1.1, "reflections": 1, "samples": 2, "prompts": "paper", "expand": True, "image_guidance": 1.5,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_model_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: Models, role: str, *_: Any, **__: Any) -> Any:
        raise AssertionError(f"the role {role} is loaded")

    monkeypatch.setattr(Models, "load", load)
    monkeypatch.setattr(Models, "load_folder", load)


@pytest.fixture(autouse=True)
def _no_picture_is_analysed(monkeypatch: pytest.MonkeyPatch) -> None:
    from refcodec.methods import latent_coding

    def encoder(*_: Any, **__: Any) -> Any:
        raise AssertionError("a network runs")

    monkeypatch.setattr(latent_coding, "LatentEncoder", encoder)


def encode(method: str, **options: Any) -> bytes:
    return refcodec.encode(PHOTO, **{"method": method, "models": LOADED, **options})


def decode(**options: Any) -> Any:
    return refcodec.decode(file_of("consonant"), models=LOADED, **options)


# --- encode ----------------------------------------------------------------------------------------------------------


def test_every_option_of_single_methods_is_tried() -> None:
    assert set(VALUES) == set(EncoderOptions.__dataclass_fields__)
    assert {option for method in all_methods() for option in method.options} == set(VALUES)


@pytest.mark.parametrize(("method", "option"), WITHOUT)
def test_an_option_of_another_method(method: str, option: str) -> None:
    with pytest.raises(ValueError, match=f"^method {method} has no {option.replace('_', '-')}$"):
        encode(method, **{option: VALUES[option]})
    with pytest.raises(ValueError, match=f"^method {method} has no {option.replace('_', '-')}$"):
        refcodec.encode("no such picture", method=method, **{option: VALUES[option]})


@pytest.mark.parametrize("option", sorted(VALUES))
def test_an_option_of_pictures_without_a_picture(option: str) -> None:
    with pytest.raises(ValueError, match=f"^{option.replace('_', '-')} needs a picture$"):
        refcodec.encode(caption="a cat", size=(64, 64), method="pics", **{option: VALUES[option]})


@pytest.mark.parametrize("option", sorted(VALUES))
@pytest.mark.parametrize("wrong", [0, -1, 76, 2.5, True, "5", None, "thick", [3], 1j])
def test_a_value_that_an_option_cannot_have(option: str, wrong: Any) -> None:
    """Whatever the method, and with symbols as with a picture. The message names the option."""
    if wrong == 76 and option in ("candidates", "iterations", "words"):  # within their bounds
        return
    if (wrong is None and option == "words") or (isinstance(wrong, str) and option == "prompts"):
        return
    method = next(each.name for each in all_methods() if option in each.options)
    error = (
        ValueError
        if wrong in (0, -1, 76) and wrong is not True and option not in ("edges", "prompts")
        else (TypeError, ValueError)
    )
    for inputs in (
        {"image": PHOTO, "models": LOADED},
        {"image": "no such picture"},
        {"caption": "a cat", "size": (64, 64)},
    ):
        with pytest.raises(error, match=f"^{option} is "):
            refcodec.encode(**{"method": method, option: wrong, **inputs})


# argument -> its bounds, in Python and in semtool
BOUNDS: dict[str, tuple[int, int]] = {
    "candidates": (1, 256), "iterations": (1, 1_000_000), "prompt_tokens": (1, 75), "words": (1, 9999),
    "samples": (1, 64), "reflections": (0, 99),
}  # fmt: skip


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("far", [0, 10**6, 2**63, 10**30])
def test_a_number_beyond_its_bounds_is_refused_by_python_and_by_the_tool(
    name: str, far: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python took samples=65 and reflections=100, which semtool refuses."""
    low, high = BOUNDS[name]
    command = "decode" if name in ("samples", "reflections") else "encode"
    (tmp_path / "a.sem").write_bytes(file_of("consonant"))
    for value in (low - 1, high + 1, low - 1 - far, high + 1 + far):
        call: Callable[..., Any] = EncoderOptions if command == "encode" else decode
        with pytest.raises(ValueError, match=rf"^{name} is a whole number from {low} to {high}, not {value}$"):
            call(**{name: value})
        option = f"--{name.replace('_', '-')}={value}"
        assert main([command, str(tmp_path / "a.sem"), option]) == 2
        assert f"{value} is not in the range {low}<=x<={high}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["samples", "reflections"])
def test_bounds_hold_for_decoded_symbols_too(name: str) -> None:
    decoded = decode_file(file_of("consonant"))
    low, high = BOUNDS[name]
    for value in (low - 1, high + 1):
        with pytest.raises(ValueError, match=rf"^{name} is a whole number from {low} to {high}, not {value}$"):
            reconstruct(decoded, models=LOADED, **{name: value})
    if name == "reflections":
        with pytest.raises(ValueError, match=r"^reflections is a whole number from 0 to 99, not 100$"):
            refcodec.decode_progressive(file_of("consonant"), models=LOADED, reflections=100)


def test_whole_numbers_of_numpy_are_taken() -> None:
    assert EncoderOptions(candidates=np.int64(3), words=np.uint8(5)).non_defaults() == {"candidates", "words"}


@pytest.mark.parametrize("name", ["progress", "trace", "record", "notice"])
def test_a_callback_that_cannot_be_called(name: str) -> None:
    with pytest.raises(TypeError, match=rf"^{name} is a function, not 5$"):
        encode("elic", **{name: 5})
    if name != "trace":
        with pytest.raises(TypeError, match=f"^{name} is a function, not 'print'$"):
            refcodec.decode(b"", **{name: "print"})


@pytest.mark.parametrize(
    ("method", "options", "match"),
    [
        ("pics", {"edges": "none", "quality": 3, "caption": "a cat"}, "none is sent"),
        ("pics", {"edges": "none", "bpp": 0.1, "caption": "a cat", "candidates": 2}, "none is sent"),
        ("pics", {"mode": "raw"}, "mode needs a caption"),
        ("pics", {"mode": "raw", "codes": [5], "edges": "hed"}, "mode needs a caption"),
        ("pics", {"mode": "tokens", "caption": "a cat", "edges": "hed"}, "no captions of mode tokens"),
        ("pics", {"mode": "morse", "caption": "a cat", "candidates": 2}, "no captions of mode morse"),
        ("pics", {"text": "a", "caption": "b", "edges": "hed"}, "one prompt"),
        ("pics", {"caption": "b", "codes": [5], "candidates": 2}, "one prompt"),
        ("pics", {"codes": [49408], "candidates": 2}, "token ids"),
        ("pics", {"codes": [5] * 76, "edges": "hed"}, "at most 75 token ids"),
        ("pics", {"codes": [0.5], "edges": "hed"}, "integer"),
        ("pics", {"sketch": PHOTO[..., 0]}, "its edge map"),
        ("perco", {"quality": 3}, "one rate"),
        ("perco", {"bpp": 0.1}, "one rate"),
        ("perco", {"indices": [[1]], "profile": "perco-16-256"}, "its indices"),
        ("perco", {"profile": "perco-16-256"}, "not both"),
        ("perco", {"profile": "perco-16-256", "mode": "raw", "models": {"hyper_encoder": object(), "painter": object()}}, "mode needs a caption"),
        ("perco", {"profile": "perco-16-256", "mode": "raw", "codes": [1] * 16}, "mode needs a caption"),
        ("perco", {"profile": "perco-16-256", "mode": "morse", "caption": "a cat"}, "no captions of mode morse"),
        ("perco", {"profile": "perco-16-256", "text": "a", "caption": "b"}, "one prompt"),
        ("perco", {"profile": "perco-16-256", "vector": np.zeros(768), "codes": [1] * 16}, "not both"),
        ("perco", {"profile": "perco-16-256", "codes": [70000] * 16}, "codes"),
        ("clip", {"quality": 3}, "one rate"),
        ("clip", {"vector": np.zeros(768), "codes": [1] * 768}, "not both"),
        ("consonant", {"words": 3, "quality": 3}, "only one of them"),
        ("consonant", {"words": 3, "codes": [1, 2]}, "its codes are given"),
        ("consonant", {"quality": 3, "codes": [1, 2]}, "its codes are given"),
        ("consonant", {"text": "ct", "codes": [1, 2]}, "not both"),
    ],
)  # fmt: skip
def test_options_that_contradict_each_other(method: str, options: dict[str, Any], match: str) -> None:
    with pytest.raises((ValueError, TypeError), match=match):
        encode(method, **options)


def test_a_vector_beside_a_picture_is_sent() -> None:
    """It stands in place of the embedder, which was run and its result sent, and the vector was lost."""
    vector = np.where(np.arange(768) % 3, 1.0, -1.0)
    alone = refcodec.encode(method="clip", vector=vector, size=(96, 96))
    assert encode("clip", vector=vector) == alone
    assert encode("clip", codes=[int(value > 0) for value in vector]) == alone


# --- decode ----------------------------------------------------------------------------------------------------------


def file_of(method: str) -> bytes:
    """A small file, whose payload nothing here decodes."""
    makers: dict[str, Callable[[], bytes]] = {
        "consonant": lambda: refcodec.encode(text="ct mt", size=(64, 64)),
        "clip": lambda: refcodec.encode(method="clip", codes=[1] * 768, size=(64, 64)),
        "pics": lambda: refcodec.encode(method="pics", caption="a cat", size=(64, 64)),
        "perco": lambda: refcodec.encode(method="perco", indices=[[1] * 4] * 4, size=(64, 64), profile="perco-16-256"),
    }
    return makers[method]()


SETTINGS = [
    (method, name)
    for method in ("consonant", "clip", "pics", "perco")
    for name in HINTS
    if name.replace("_", "-") not in {*find_method(method).sampler_settings, "samples"}
]


@pytest.mark.parametrize(("method", "name"), SETTINGS)
def test_a_setting_that_the_method_does_not_read(method: str, name: str) -> None:
    data = file_of(method)[:-1] + b"\xff"  # damaged, which nothing has noticed yet
    with pytest.raises(ValueError, match=f"^method {method} has no {name.replace('_', '-')}; its painter reads "):
        refcodec.decode(data, models=LOADED, **{name: HINTS[name]})


@pytest.mark.parametrize("call", [refcodec.decode, refcodec.decode_progressive])
@pytest.mark.parametrize("wrong", [-1, 1.5, True, "2", [1]])
def test_reflections_are_a_whole_number(call: Callable[..., Any], wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^reflections is a whole number"):
        call(file_of("consonant"), models=LOADED, reflections=wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2", [1]])
def test_samples_are_a_whole_number(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^samples is a whole number"):
        refcodec.decode(io.BytesIO(file_of("pics")), models=LOADED, samples=wrong)


@pytest.mark.parametrize("name", ["samples", "record"])
def test_previews_have_neither_samples_nor_steps(name: str) -> None:
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
        refcodec.decode_progressive(b"", **{name: 2})
