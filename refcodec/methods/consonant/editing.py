# SPDX-License-Identifier: MIT
"""Make a change to a picture: by instruction if a model does that, else from the picture and its entire prompt.

In this order: the role editor, a folder or an endpoint; the image edits of an endpoint that fills the role painter, if it
has them; image-to-image of the painter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from refcodec.errors import Code, SemError
from refcodec.methods.base import DecodeContext
from refcodec.methods.consonant.prompts import Prompts
from refcodec.methods.picture_size import generation_size, resize_to
from refcodec.progress import Progress

if TYPE_CHECKING:
    from refcodec.foundation.endpoint import RemoteEditor
    from refcodec.methods.picture_size import Pixels

STRENGTH: Final = 0.6  # of image-to-image: enough to change an object, but not the composition


@dataclass
class Editing:
    """Edit pictures for one reconstruction.

    editor: the model of the role, None without one. remote: image edits of the painter's endpoint, None
    without one, and once it has not made one.
    """

    context: DecodeContext
    prompts: Prompts
    painter: Any
    editor: Any = None
    remote: RemoteEditor | None = None

    @property
    def reads_image_guidance(self) -> bool:
        """Whether a model in this process or in the worker edits by instruction."""
        from refcodec.foundation.endpoint import RemoteEditor

        return self.editor is not None and not isinstance(self.editor, RemoteEditor)

    def apply(self, pixels: Pixels, prompt: str, change: str, seed: int, progress: Progress | None) -> Pixels:
        """Return the picture with a change. prompt: from which it was generated."""
        instruction = self.prompts.ask("instruct", text=prompt, change=change)
        if self.editor is not None:
            return self._instructed(pixels, instruction, seed, progress)
        if self.remote is not None:
            try:
                return self.remote.edit(pixels, instruction, seed=seed, progress=progress)
            except SemError as error:
                if error.code != Code.MODEL_UNAVAILABLE:
                    raise
                self.context.notices.append(f"no image edits, {error.what}: reflections generate the picture anew")
            self.remote = None
        text = self.prompts.ask("edit", text=prompt, change=change)
        return self.painter.edit(pixels, text, STRENGTH, **self._settings(seed, progress))  # type: ignore[no-any-return]

    def _instructed(self, pixels: Pixels, instruction: str, seed: int, progress: Progress | None) -> Pixels:
        if self.reads_image_guidance:
            pixels = resize_to(pixels, generation_size(self.context.size, self.editor.native))
        image_guidance = self.context.overrides.get("image-guidance")
        return self.editor.edit(  # type: ignore[no-any-return]
            pixels, instruction, image_guidance=image_guidance, **self._settings(seed, progress)
        )

    def _settings(self, seed: int, progress: Progress | None) -> dict[str, Any]:
        settings = self.context.sampler
        return {
            "seed": seed,
            "kind": settings.generator,
            "steps": settings.steps,
            "guidance": settings.guidance,
            "sampler": settings.scheduler,
            "progress": progress,
        }


def make_editing(context: DecodeContext, prompts: Prompts, painter: Any) -> Editing:
    """Return what edits the pictures of a context, with the model of the role editor if one fills it. Raises ModelError."""
    from refcodec.foundation.endpoint import RemoteTextToImage

    if context.models.has("editor"):
        editor = context.models.load_editor(context.profile.recommended.models)
        return Editing(context, prompts, painter, editor)
    if isinstance(painter, RemoteTextToImage):
        return Editing(context, prompts, painter, remote=painter.image_edits)
    if not getattr(painter, "edits_pictures", True):
        context.notices.append("the painter has no image-to-image: reflections generate the picture anew")
    return Editing(context, prompts, painter)
