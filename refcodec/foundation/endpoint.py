# SPDX-License-Identifier: MIT
"""Roles filled by an endpoint: a server with the HTTP interface of OpenAI's, hosted or on this machine. No torch here.

Nothing is asked of a server unless the user names it: https://host/v1#MODEL. The key is in the environment
(SEM_ENDPOINT_KEY) and nowhere else, http is for this machine only, and redirects are not followed, since the key
would go with them.
"""

from __future__ import annotations

import base64
import binascii
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
TIMEOUT_S: Final = 300.0  # for a whole answer: a picture may take minutes
ANSWER_BYTES_MAX: Final = 1 << 25
TEXT_MAX: Final = 1 << 16  # characters of an answer that are looked at
SIDE_MAX: Final = 1024  # of a picture that is sent to be described, and of one that is painted
_CHUNK: Final = 1 << 16
# status -> what to do about it
REMEDIES: Final = {
    401: f"put its key into the environment variable {KEY}", 403: f"put a key that may use it into the environment variable {KEY}",
    404: "check the address and the name of the model", 429: "wait, then try again",
}  # fmt: skip

UNKNOWN: Final = (400, 422)  # statuses of a request with a member that the server does not know


@dataclass(frozen=True)
class Address:
    """Where a model is served. `base`: URL that paths are appended to; `host`: with its port, for people."""

    base: str
    host: str
    model: str
    local: bool

    @property
    def name(self) -> str:
        return f"{self.host}#{self.model}"


def address(url: str) -> Address:
    """The parts of https://host/v1#MODEL. ValueError, which does not repeat the URL, for what is none."""
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


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are answers like others, and no good ones."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Endpoint:
    """A model behind an address, in a role."""

    role: str
    address: Address

    @property
    def name(self) -> str:
        return self.address.name

    def post(self, path: str, body: dict[str, Any], spare: dict[str, Any]) -> Any:
        """The JSON document that answers this one. SEM-E-801 for no answer, or another one.

        spare: members that some servers do not know; asked again without them where the request is refused.
        """
        headers = {"Content-Type": "application/json", "Accept": "application/json", **_authorisation(self)}
        request = urllib.request.Request(self.address.base + path, json.dumps(body | spare).encode(), headers)
        own = [urllib.request.ProxyHandler({})] if self.address.local else []
        until = time.monotonic() + TIMEOUT_S
        try:
            with urllib.request.build_opener(_Stay(), *own).open(request, timeout=TIMEOUT_S) as stream:
                data = self._read(stream, until)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in UNKNOWN and spare:
                return self.post(path, body, {})
            raise self.fault(f"answers with status {error.code}", REMEDIES.get(error.code)) from None
        except TimeoutError:
            raise self.fault(f"gave no answer in {TIMEOUT_S:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            late = isinstance(getattr(error, "reason", None), TimeoutError)
            raise self.fault(f"gave no answer in {TIMEOUT_S:g} s" if late else "cannot be reached") from None
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise self.fault("answers with something that is not JSON") from None

    def _read(self, stream: Any, until: float) -> bytes:
        data = bytearray()
        while chunk := stream.read1(_CHUNK):
            data += chunk
            if len(data) > ANSWER_BYTES_MAX:
                raise self.fault(f"answers with more than {ANSWER_BYTES_MAX} bytes")
            if time.monotonic() > until:
                raise TimeoutError
        if getattr(stream, "length", None):  # what was promised and did not come
            raise http.client.IncompleteRead(b"")
        return bytes(data)

    def fault(self, what: str, hint: str | None = None) -> SemError:
        """SEM-E-801 that names role, host and remedy, and no secret."""
        hint = hint or f"see that it runs and serves this model, or name another with --model {self.role}=FOLDER"
        return SemError(
            Code.MODEL_UNAVAILABLE,
            f"{self.role}: the endpoint {shown(self.address.name)} {what}",
            path=self.role,
            hint=hint,
        )

    def chat(self, content: Any, most_tokens: int) -> str:
        """What the model says to one turn of a conversation, as repeatably as the server can."""
        body = {
            "model": self.address.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": most_tokens,
            "temperature": 0,
        }
        document = self.post("/chat/completions", body, {"seed": 0})
        try:
            said = document["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            said = None
        if not isinstance(said, str):
            raise self.fault("answers without a message")
        return strip_reasoning(said[:TEXT_MAX])


class RemoteCaptioner(Endpoint):
    """The role captioner: a chat model that takes pictures."""

    def describe(self, pixels: Pixels, instruction: str | None = None, most_tokens: int = 512) -> str:
        """As `roles.captioner.Captioner`; the picture is made smaller where it is large."""
        from PIL import Image

        picture, out = Image.fromarray(pixels), io.BytesIO()
        picture.thumbnail((SIDE_MAX, SIDE_MAX), Image.Resampling.LANCZOS)
        picture.save(out, "png")
        url = f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
        parts = [{"type": "text", "text": instruction or SENTENCE}, {"type": "image_url", "image_url": {"url": url}}]
        return self.chat(parts, most_tokens)

    def caption(self, pixels: Pixels, tokens: int = 32) -> str:
        """One short line of pixels uint8[H, W, 3]."""
        return " ".join(self.describe(pixels, SENTENCE, tokens).split())


class RemoteLanguageModel(Endpoint):
    """The role language: a chat model."""

    def ask(self, instruction: str, text: str, most_tokens: int) -> str:
        """The answer to an instruction about a text."""
        return self.chat(f"{instruction}\n\n{text}", most_tokens)


class RemoteTextToImage(Endpoint):
    """The role painter of texts. Of how it paints it is told the size, and the seed where the server takes one."""

    native = SIDE_MAX

    def paint(
        self, prompt: str, size: tuple[int, int], *, seed: int, progress: Progress | None = None, **_: Any
    ) -> Pixels:
        """uint8[H, W, 3] of a text; size (width, height) is asked for, and servers may paint another."""
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
        except (KeyError, IndexError, TypeError, binascii.Error, SemError):
            raise self.fault("answers without a picture") from None

    def edit(
        self, pixels: Pixels, prompt: str, strength: float, *, seed: int, progress: Progress | None = None, **_: Any
    ) -> Pixels:
        """The prompt painted anew: the interface has no editing from a share of the steps on."""
        return self.paint(prompt, (pixels.shape[1], pixels.shape[0]), seed=seed, progress=progress)


def _picture(data: bytes) -> Pixels:
    from refcodec.images.load import load as load_image

    return load_image(data, background=(255, 255, 255), max_side=4 * SIDE_MAX, max_pixels=16 * SIDE_MAX**2).pixels


def _authorisation(endpoint: Endpoint) -> dict[str, str]:
    key = os.environ.get(KEY, "").strip()
    if not key:
        return {}
    if not key.isascii() or not key.isprintable():
        raise endpoint.fault("is asked with a key that no header can hold", f"look at the environment variable {KEY}")
    return {"Authorization": f"Bearer {key}"}
