# SPDX-License-Identifier: MIT
"""The remote models that fill the roles captioner, language and painter."""

from __future__ import annotations

import base64
import io
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.endpoint import keys
from refcodec.foundation.endpoint.address import Address
from refcodec.foundation.endpoint.answer_json import NotJson, parse_answer
from refcodec.foundation.endpoint.exchange import TIMEOUT_S, ExchangeError, Request, exchange
from refcodec.foundation.llm_output import SENTENCE, strip_reasoning
from refcodec.limits import NONE, Limits
from refcodec.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

TEXT_MAX: Final = 1 << 16  # characters of an answer that are read
TEXT_BYTES_MAX: Final = 1 << 20  # of an answer with a text
PICTURE_BYTES_MAX: Final = 1 << 25  # of an answer with a picture
SIDE_MAX: Final = 1024  # of a picture sent to be described, and of a generated one
# status -> remedy
REMEDIES: Final = {
    401: "put its key into the environment variable {}", 403: "put a key that may use it into the environment variable {}",
    404: "check the address and the name of the model", 429: "wait, then try again",
}  # fmt: skip

UNKNOWN_MEMBER: Final = (400, 422)  # statuses of a request with a member unknown to the server


@dataclass(frozen=True)
class Endpoint:
    """A remote model that fills a role.

    limits: bounds of the caller; the shorter of its time and `timeout` applies. others: the other hosts of the run, for
    `keys.key_for`. timeout: seconds for one question and its entire answer.
    """

    role: str
    address: Address
    limits: Limits = NONE
    others: frozenset[str] = frozenset()
    timeout: float = TIMEOUT_S
    answer_max: ClassVar[int] = TEXT_BYTES_MAX  # bytes

    @property
    def name(self) -> str:
        return self.address.name

    def post(self, path: str, body: dict[str, Any], spare: dict[str, Any]) -> Any:
        """Return the JSON answer to a JSON request. Raises Code.MODEL_UNAVAILABLE for any other answer, and without one.

        spare: members that some servers do not know; the request is repeated without them if it is refused.
        """
        until = time.monotonic() + self.limits.left(self.timeout)
        headers = {"Content-Type": "application/json", "Accept": "application/json", **self._authorisation()}
        for members in (body | spare, body):
            data = json.dumps(members).encode()
            request = Request(self.address.base + path, headers, data, self.answer_max, self.address.local)
            try:
                answer = exchange(request, self.timeout, until)
            except ExchangeError as error:
                self.limits.check_time()
                raise self.error(str(error)) from None
            if not (spare and answer.status in UNKNOWN_MEMBER):
                break
        if not 200 <= answer.status < 300:
            hint = REMEDIES.get(answer.status)
            several = self.others - {self.address.host}
            variable = keys.variable_of(self.address.host) if several else keys.KEY
            raise self.error(f"answers with status {answer.status}", hint and hint.format(variable))
        try:
            return parse_answer(answer.body)
        except NotJson as error:
            raise self.error(f"answers with {error}") from None

    def _authorisation(self) -> dict[str, str]:
        try:
            key = keys.key_for(self.address.host, self.others)
        except keys.KeyNotUsable as error:
            what, hint = error.args
            raise self.error(f"was not contacted: {what}", hint) from None
        return {} if key is None else {"Authorization": f"Bearer {key}"}

    def error(self, what: str, hint: str | None = None) -> SemError:
        """Return a MODEL_UNAVAILABLE error that names role, host and remedy, and no secret."""
        hint = hint or f"see that it runs and serves this model, or name another with --model {self.role}=FOLDER"
        return SemError(
            Code.MODEL_UNAVAILABLE,
            f"{self.role}: the endpoint {shown(self.address.name)} {what}",
            path=self.role,
            hint=hint,
        )

    def chat(self, content: Any, max_tokens: int) -> str:
        """Return the model's reply to one message, as repeatable as the server allows."""
        body = {
            "model": self.address.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": max_tokens,
            "temperature": 0,
        }
        document = self.post("/chat/completions", body, {"seed": 0})
        try:
            reply = document["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            reply = None
        if not isinstance(reply, str):
            raise self.error("answers without a message")
        # JSON may escape halves of characters, which no other encoding can hold
        return strip_reasoning(reply[:TEXT_MAX].encode("utf-8", "replace").decode())


class RemoteCaptioner(Endpoint):
    """The role captioner: a chat model that takes pictures."""

    def describe(self, pixels: Pixels, instruction: str | None = None, max_tokens: int = 512) -> str:
        """Describe a picture as `captioner.Captioner` does; large pictures are reduced to SIDE_MAX."""
        from PIL import Image

        picture, out = Image.fromarray(pixels), io.BytesIO()
        picture.thumbnail((SIDE_MAX, SIDE_MAX), Image.Resampling.LANCZOS)
        picture.save(out, "png")
        url = f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
        parts = [{"type": "text", "text": instruction or SENTENCE}, {"type": "image_url", "image_url": {"url": url}}]
        return self.chat(parts, max_tokens)

    def caption(self, pixels: Pixels, tokens: int = 32) -> str:
        """Return a one-line caption of pixels uint8[H, W, 3]."""
        return " ".join(self.describe(pixels, SENTENCE, tokens).split())


class RemoteLanguageModel(Endpoint):
    """The role language: a chat model."""

    def ask(self, instruction: str, text: str, max_tokens: int) -> str:
        """Return the answer to an instruction about a text."""
        return self.chat(f"{instruction}\n\n{text}", max_tokens)


class RemoteTextToImage(Endpoint):
    """Generate images from text over HTTP. Only the size and, where supported, the seed are passed on."""

    native = SIDE_MAX
    answer_max = PICTURE_BYTES_MAX

    def paint(
        self, prompt: str, size: tuple[int, int], *, seed: int, progress: Progress | None = None, **_: Any
    ) -> Pixels:
        """Return uint8[H, W, 3] for a text. size (width, height): requested, but the server may return another."""
        body = {
            "model": self.address.model,
            "prompt": prompt,
            "n": 1,
            "size": f"{size[0]}x{size[1]}",
            "response_format": "b64_json",
        }
        document = self.post("/images/generations", body, {"seed": seed})
        if progress is not None:
            progress(1)
        try:
            pixels = _picture(base64.b64decode(document["data"][0]["b64_json"], validate=True))
        except (KeyError, IndexError, TypeError, ValueError, SemError):  # ValueError: not base64, or not ASCII
            raise self.error("answers without a picture") from None
        if not pixels.any():  # what a safety checker leaves of a picture
            raise self.error("answers with an all-black picture", "take another seed, or name another painter")
        return pixels

    def edit(
        self, pixels: Pixels, prompt: str, strength: float, *, seed: int, progress: Progress | None = None, **_: Any
    ) -> Pixels:
        """Generate the prompt from scratch, since the interface cannot edit a picture at a given strength."""
        return self.paint(prompt, (pixels.shape[1], pixels.shape[0]), seed=seed, progress=progress)


def _picture(data: bytes) -> Pixels:
    from refcodec.images.load import load as load_image

    return load_image(data, background=(255, 255, 255), max_side=4 * SIDE_MAX, max_pixels=16 * SIDE_MAX**2).pixels
