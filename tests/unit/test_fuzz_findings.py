# SPDX-License-Identifier: MIT
"""What fuzzing has found, with the right answers. Findings of files are vectors; these have no file."""

from __future__ import annotations

import re
from typing import Any

import pytest

import refcodec
from refcodec.errors import Code, SemError

SIZE = (64, 48)


@pytest.mark.parametrize("value", [1, 1.5, True, None, b"x", ["x"], {"a": "b"}], ids=repr)
@pytest.mark.parametrize("name", ["metadata", "hints"])
def test_entries_of_another_type_than_text(name: str, value: Any) -> None:
    options: Any = {name: {"seed": value}}
    with pytest.raises(TypeError, match=re.escape(f"'seed': {value!r}")):
        refcodec.encode(caption="A cat.", size=SIZE, **options)


@pytest.mark.parametrize("key", [1, None, b"a", ("a",)], ids=repr)
def test_keys_of_another_type_than_text(key: Any) -> None:
    with pytest.raises(TypeError, match="a text as its key"):
        refcodec.encode(caption="A cat.", size=SIZE, metadata={key: "x"})


@pytest.mark.parametrize("value", [1, 1.5, True, b"x", ["x"], {"a": "b"}, list(range(16))], ids=repr)
@pytest.mark.parametrize("name", ["text", "caption"])
def test_texts_of_another_type(name: str, value: Any) -> None:
    options: Any = {name: value}
    with pytest.raises(TypeError, match=f"the {name} is a str, not {type(value).__name__}"):
        refcodec.encode(size=SIZE, **options)


@pytest.mark.parametrize(
    "name",
    ["down_blocks.x", "down_blocks.", "down_blocks.0", "down_blocks.-1.a", "down_blocks.1234567.a", "down_blocks.²."],
)
def test_a_unet_with_blocks_that_have_no_number(name: str) -> None:
    """The converter raised ValueError of `int`, and would have taken the tensor into the folder that it writes."""
    torch = pytest.importorskip("torch")
    from refcodec.convert import perco_checkpoint

    unet = {"conv_in_extended.weight": torch.zeros(4, 8, 3, 3), name: torch.zeros(2)}
    with pytest.raises(SemError, match=re.escape(f"it has {name}")) as caught:
        perco_checkpoint.convert(unet)
    assert caught.value.code == Code.MODEL_MALFORMED


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize(
    "name", ["backbone.0.weight", "backbone.13.weight", "backbone.4.weight", "quantizer._codebook.embed"]
)
def test_a_hyper_encoder_with_a_size_of_0(name: str, axis: int) -> None:
    """The converter raised IndexError for a codebook of shape [0, 4, 3]."""
    torch = pytest.importorskip("torch")
    from refcodec.convert import perco_checkpoint

    shapes = {
        "backbone.0.weight": [8, 4, 1, 1],
        "backbone.13.weight": [6, 8, 1, 1],
        "quantizer._codebook.embed": [1, 4, 3],
    }
    shapes |= {f"backbone.{i}.weight": [8, 8, 5, 5] for i in (4, 9)}
    shapes[name][axis] = 0
    state = {key: torch.full(shape, 3**-0.5) for key, shape in shapes.items()}
    with pytest.raises(SemError, match=rf"no {re.escape(name)} of [34] dimensions with values") as caught:
        perco_checkpoint.convert(state)
    assert caught.value.code == Code.MODEL_MALFORMED


@pytest.mark.parametrize("answer", ["é", "iVBORw0KGgo=é", "\ud800", "日本", "A", "====", "not base64", ""], ids=ascii)
def test_a_picture_of_an_endpoint_that_is_no_base64(answer: str) -> None:
    """Letters beyond ASCII raised ValueError of `base64`, other damage its subclass binascii.Error."""
    from refcodec.foundation import endpoint

    class Canned(endpoint.RemoteTextToImage):
        def post(self, path: str, body: dict[str, Any], spare: dict[str, Any]) -> Any:
            return {"data": [{"b64_json": answer}]}

    painter = Canned("painter", endpoint.address("http://127.0.0.1:9/v1#model"))
    with pytest.raises(SemError, match="answers without a picture") as caught:
        painter.paint("a", (8, 8), seed=1)
    assert caught.value.code == Code.MODEL_UNAVAILABLE
