# SPDX-License-Identifier: MIT
"""Edit pictures over HTTP: POST /images/edits of OpenAI's interface, a form with the picture as a file."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from refcodec.foundation.endpoint.exchange import Answer
from refcodec.foundation.endpoint.pictures import PICTURE_BYTES_MAX, picture_of, png_of
from refcodec.foundation.endpoint.server import Endpoint
from refcodec.progress import Progress

if TYPE_CHECKING:
    from refcodec.foundation.endpoint.pictures import Pixels

PATH: Final = "/images/edits"
NO_EDITS: Final = (400, 404, 405, 415, 422, 501)  # statuses of a server that does not edit, or not with this model
_HINT: Final = "see that it has POST /images/edits for this model, or name another editor with --model editor=FOLDER"


class RemoteEditor(Endpoint):
    """Edit pictures by instructions over HTTP. Only the size and, where supported, the seed are passed on."""

    answer_max = PICTURE_BYTES_MAX

    def edit(
        self, pixels: Pixels, instruction: str, *, seed: int, progress: Progress | None = None, **_: Any
    ) -> Pixels:
        """Return the picture uint8[H, W, 3] after an edit; the server may return another size.

        Raises Code.MODEL_UNAVAILABLE for an answer without a picture, and without an answer.
        """
        answer = self._ask(pixels, instruction, seed)
        edited = picture_of(self, self.document(answer, _HINT if answer.status in NO_EDITS else None))
        if progress is not None:
            progress(1)
        return edited

    def _ask(self, pixels: Pixels, instruction: str, seed: int) -> Answer:
        """Return the answer to the fullest form that the server does not refuse: hosted models differ in what they know."""
        image, size = png_of(pixels)
        least = {"model": self.address.model, "prompt": instruction, "n": "1"}
        more = {**least, "size": f"{size[0]}x{size[1]}", "response_format": "b64_json"}
        boundary = secrets.token_hex(16)
        forms = [form(fields, image, boundary) for fields in ({**more, "seed": str(seed)}, more, least)]
        return self.send(PATH, f"multipart/form-data; boundary={boundary}", forms)


def form(fields: Mapping[str, str], image: bytes, boundary: str) -> bytes:
    """Return the body of a form (RFC 7578) of texts in UTF-8 and one PNG file, `image`."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode("utf-8", "replace")
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="image.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    return b"".join([*parts, head.encode(), image, f"\r\n--{boundary}--\r\n".encode()])
