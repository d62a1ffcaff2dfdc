# SPDX-License-Identifier: MIT
"""Roles filled by an endpoint: a server, hosted or local, with OpenAI's HTTP interface. Imports no torch.

Only servers that the user names, as https://host/v1#MODEL, are contacted. The key is read from the environment variable
SEM_ENDPOINT_KEY and stored nowhere else. http is allowed for this machine only, and redirects are not followed, since
they would receive the key.
"""

from __future__ import annotations

import base64
import http.client
import io
import ipaddress
import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.llm_output import SENTENCE, strip_reasoning
from refcodec.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

KEY: Final = "SEM_ENDPOINT_KEY"
TIMEOUT_S: Final = 300.0  # for an entire answer: a picture may take minutes
ANSWER_BYTES_MAX: Final = 1 << 25
TEXT_MAX: Final = 1 << 16  # characters of an answer that are read
SIDE_MAX: Final = 1024  # of a picture sent to be described, and of a generated one
_CHUNK: Final = 1 << 16
# status -> remedy
REMEDIES: Final = {
    401: f"put its key into the environment variable {KEY}", 403: f"put a key that may use it into the environment variable {KEY}",
    404: "check the address and the name of the model", 429: "wait, then try again",
}  # fmt: skip

UNKNOWN_MEMBER: Final = (400, 422)  # statuses of a request with a member unknown to the server


@dataclass(frozen=True)
class Address:
    """Address of a model. base: URL to which paths are appended. host: host and port, for display."""

    base: str
    host: str
    model: str
    local: bool

    @property
    def name(self) -> str:
        return f"{self.host}#{self.model}"


def address(url: str) -> Address:
    """Parse https://host/v1#MODEL. Raises ValueError, without repeating the URL, if it is invalid."""
    try:
        parts = urlsplit(url)
        name, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError("an endpoint is https://host/v1#MODEL") from error
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            f"the URL of an endpoint holds no user and no password: its key is in the environment variable {KEY}"
        )
    if not name or not parts.fragment or parts.query or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("an endpoint is https://host/v1#MODEL")
    local = _loopback(name)
    if parts.scheme != "https" and not local:
        raise ValueError("an endpoint is reached by https; http is for this machine only")
    host = f"[{name}]" if ":" in name else name
    host = host if port is None else f"{host}:{port}"
    return Address(f"{parts.scheme}://{host}{parts.path.rstrip('/')}", host, parts.fragment, local)


def _loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Do not follow redirects, but treat them as errors."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Endpoint:
    """A remote model that fills a role."""

    role: str
    address: Address

    @property
    def name(self) -> str:
        return self.address.name

    def post(self, path: str, body: dict[str, Any], spare: dict[str, Any]) -> Any:
        """Return the JSON answer to a JSON request. Raises Code.MODEL_UNAVAILABLE for any other answer, or none.

        spare: members that some servers do not know; the request is repeated without them if it is refused.
        """
        headers = {"Content-Type": "application/json", "Accept": "application/json", **_authorisation(self)}
        request = urllib.request.Request(self.address.base + path, json.dumps(body | spare).encode(), headers)
        own = [urllib.request.ProxyHandler({})] if self.address.local else []
        until = time.monotonic() + TIMEOUT_S
        try:
            with urllib.request.build_opener(_NoRedirects(), *own).open(request, timeout=TIMEOUT_S) as stream:
                data = self._read(stream, until)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in UNKNOWN_MEMBER and spare:
                return self.post(path, body, {})
            raise self.error(f"answers with status {error.code}", REMEDIES.get(error.code)) from None
        except TimeoutError:
            raise self.error(f"gave no answer in {TIMEOUT_S:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            late = isinstance(getattr(error, "reason", None), TimeoutError)
            raise self.error(f"gave no answer in {TIMEOUT_S:g} s" if late else "cannot be reached") from None
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise self.error("answers with something that is not JSON") from None

    def _read(self, stream: Any, until: float) -> bytes:
        data = bytearray()
        while chunk := stream.read1(_CHUNK):
            data += chunk
            if len(data) > ANSWER_BYTES_MAX:
                raise self.error(f"answers with more than {ANSWER_BYTES_MAX} bytes")
            if time.monotonic() > until:
                raise TimeoutError
        if getattr(stream, "length", None):  # fewer bytes than Content-Length
            raise http.client.IncompleteRead(b"")
        return bytes(data)

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
        return strip_reasoning(reply[:TEXT_MAX])


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
            return _picture(base64.b64decode(document["data"][0]["b64_json"], validate=True))
        except (KeyError, IndexError, TypeError, ValueError, SemError):  # ValueError: not base64, or not ASCII
            raise self.error("answers without a picture") from None

    def edit(
        self, pixels: Pixels, prompt: str, strength: float, *, seed: int, progress: Progress | None = None, **_: Any
    ) -> Pixels:
        """Generate the prompt from scratch, since the interface cannot edit a picture at a given strength."""
        return self.paint(prompt, (pixels.shape[1], pixels.shape[0]), seed=seed, progress=progress)


def _picture(data: bytes) -> Pixels:
    from refcodec.images.load import load as load_image

    return load_image(data, background=(255, 255, 255), max_side=4 * SIDE_MAX, max_pixels=16 * SIDE_MAX**2).pixels


def _authorisation(endpoint: Endpoint) -> dict[str, str]:
    key = os.environ.get(KEY, "").strip()
    if not key:
        return {}
    if not key.isascii() or not key.isprintable():
        raise endpoint.error(
            "was not contacted: the key contains characters that a header cannot hold",
            f"check the environment variable {KEY}",
        )
    return {"Authorization": f"Bearer {key}"}
