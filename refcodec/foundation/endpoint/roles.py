# SPDX-License-Identifier: MIT
"""The remote models that fill the roles captioner, language and painter."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from refcodec.foundation.endpoint.image_edits import RemoteEditor
from refcodec.foundation.endpoint.pictures import PICTURE_BYTES_MAX, SIDE_MAX, picture_of, png_of
from refcodec.foundation.endpoint.server import Endpoint
from refcodec.foundation.llm_output import SENTENCE
from refcodec.foundation.text_lengths import CAPTION_TOKENS, DESCRIPTION_TOKENS, PROMPT_WORDS_MAX
from refcodec.progress import Progress

if TYPE_CHECKING:
    from refcodec.foundation.endpoint.pictures import Pixels


class RemoteCaptioner(Endpoint):
    """The role captioner: a chat model that takes pictures."""

    def describe(self, pixels: Pixels, instruction: str | None = None, max_tokens: int = DESCRIPTION_TOKENS) -> str:
        """Describe a picture as `captioner.Captioner` does; large pictures are reduced to SIDE_MAX."""
        url = f"data:image/png;base64,{base64.b64encode(png_of(pixels)[0]).decode()}"
        parts = [{"type": "text", "text": instruction or SENTENCE}, {"type": "image_url", "image_url": {"url": url}}]
        return self.chat(parts, max_tokens)

    def caption(self, pixels: Pixels, tokens: int = CAPTION_TOKENS) -> str:
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
    prompt_words = PROMPT_WORDS_MAX  # hosted models read thousands of letters
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
        return picture_of(self, document)

    @property
    def image_edits(self) -> RemoteEditor:
        """The image edits of the same model, which the server may lack."""
        return RemoteEditor(self.role, self.address, self.limits, self.others, self.timeout)

    def edit(
        self, pixels: Pixels, prompt: str, strength: float, *, seed: int, progress: Progress | None = None, **_: Any
    ) -> Pixels:
        """Generate the prompt from scratch, since the interface has no edits of a given strength; see `image_edits`."""
        return self.paint(prompt, (pixels.shape[1], pixels.shape[0]), seed=seed, progress=progress)
