# SPDX-License-Identifier: MIT
"""Answers of endpoints: any JSON that a server answers with is a text, a picture, or one error without secrets."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
from PIL import Image

from refcodec.errors import SemError
from refcodec.foundation import endpoint
from tools.fuzz.mutators import json_text
from tools.fuzz.target import Target, refusal, require

SIZE = (8, 6)
ADDRESS = endpoint.address("http://127.0.0.1:9/v1#model")
VALUES: tuple[Any, ...] = (
    "<think>a</think> b",
    "</think>",
    "\ud800",
    "\0",
    "a\nb",
    "x" * 300,
    "iVBORw0KGgo=",
    "!",
    "AAAA",
    {"content": None},
    {"message": {"content": "a"}},
    [{}],
)


def _picture(side: int, form: str) -> str:
    out = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(out, form)
    return base64.b64encode(out.getvalue()).decode()


def seeds() -> list[bytes]:
    """Return answers as servers give them."""
    chat: dict[str, Any] = {
        "id": "x",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "A cat."}}],
        "usage": {"total_tokens": 3},
    }
    pictures = [
        {"created": 1, "data": [{"b64_json": _picture(side, form)}]}
        for side, form in ((8, "PNG"), (1, "JPEG"), (6, "WEBP"))
    ]
    documents = [chat, {"choices": []}, {"error": {"message": "no"}}, *pictures]
    return [json.dumps(document).encode() for document in documents]


class _Canned:
    """Answers each request with one document, in place of the exchange over HTTP."""

    answer: Any = None

    def post(self, path: str, body: dict[str, Any], spare: dict[str, Any]) -> Any:
        return _Canned.answer


class _Captioner(_Canned, endpoint.RemoteCaptioner):
    pass


class _Language(_Canned, endpoint.RemoteLanguageModel):
    pass


class _Painter(_Canned, endpoint.RemoteTextToImage):
    pass


PIXELS = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


def run(data: bytes) -> str:
    """Take an answer as that of each role."""
    try:
        _Canned.answer = json.loads(data)
    except (ValueError, RecursionError):
        return "not JSON"
    outcomes = []
    for asks in (True, False):
        try:
            if asks:
                text = _Captioner("captioner", ADDRESS).caption(PIXELS)
            else:
                text = _Language("language", ADDRESS).ask("a", "b", 9)
            require(isinstance(text, str) and len(text) <= 1 << 16, "a caption is a bounded text")
            outcomes.append("text")
        except SemError as error:
            outcomes.append(refusal(error))
    try:
        pixels = _Painter("painter", ADDRESS).paint("a", SIZE, seed=1)
        require(pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3, "a picture is uint8[H, W, 3]")
        outcomes.append("picture")
    except SemError as error:
        outcomes.append(refusal(error))
    return ", ".join(outcomes)


TARGET = Target(
    "endpoint",
    seeds,
    run,
    json_text.mutator(VALUES),
    suffix=".json",
    dictionary=(b'"choices"', b'"message"', b'"content"', b'"data"', b'"b64_json"'),
    max_bytes=2048,
)
