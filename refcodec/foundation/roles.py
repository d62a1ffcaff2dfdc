# SPDX-License-Identifier: MIT
"""Roles of foundation models, and the source of the model that fills one: a folder, a hub id or an endpoint."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from refcodec.errors import Code, SemError
from refcodec.foundation.place_text import is_url, without_user

# role -> the kind of model that fills it
ROLES: Final = {
    "captioner": "a vision-language model",
    "language": "a language model",
    "painter": "a diffusion pipeline",
    "editor": "a pipeline that edits pictures by instructions",
    "controlnet": "a ControlNet of the painter",
    "image_embedder": "a CLIP vision model",
    "text_encoder": "a CLIP text model",
    "clip": "a CLIP model of pictures and texts",
    "edge_detector": "an HED edge detector",
    "hyper_encoder": "a PerCo hyper-encoder",
    "segmenter": "a semantic segmentation model",
}
_ENDPOINT: Final = re.compile(r"\s*https?://", re.IGNORECASE)
HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")


@dataclass(frozen=True)
class ModelSource:
    """Source of a model. place: a folder, a hub id, or the http(s) URL of an endpoint. sha256: recorded digest of a folder.

    listed_in: the folder of the models.json that names it, None if the caller does.
    """

    role: str
    place: str
    revision: str | None = None
    sha256: str | None = None
    listed_in: Path | None = field(default=None, compare=False)

    @property
    def is_endpoint(self) -> bool:
        return _ENDPOINT.match(self.place) is not None

    @property
    def name(self) -> str:
        """Name for messages and provenance, without local paths."""
        if os.path.isdir(self.place):
            folder = Path(self.place).resolve()
            return f"{folder.parent.name}/{folder.name}" if folder.name == self.role else folder.name
        if self.is_endpoint:
            from refcodec.foundation import endpoint

            return endpoint.address(self.place).name
        return f"{self.place}@{self.revision}" if self.revision else self.place


def parse_role(text: str) -> tuple[str, str] | None:
    """Parse "ROLE=MODEL" into (role, place); return None for a plain folder. Raise ValueError for an unknown role."""
    role, equals, place = text.partition("=")
    if not equals or is_url(role) or os.path.exists(text):
        return None
    if role not in ROLES:
        raise ValueError(f"{without_user(role)!r} is not a role: there are {', '.join(ROLES)}")
    if not place:
        raise ValueError(f"no model is named for the role {role}")
    return role, place


def source_of(role: str, place: str | os.PathLike[str]) -> ModelSource:
    """Return the source of a folder, an endpoint, or ID[@REVISION]; raise ValueError for an invalid URL."""
    text = os.fspath(place)
    source = ModelSource(role, text)
    if os.path.isdir(text) or (source.is_endpoint and source.name):
        return source
    hub, _, revision = text.partition("@")
    return ModelSource(role, hub, revision or None) if HUB_ID.fullmatch(hub) else source


def missing_model_error(
    role: str, recommended: Mapping[str, str] = {}, what: str | None = None, remark: str = ""
) -> SemError:
    """Return a MODEL_UNAVAILABLE error that names role, model and remedy. remark: added to the remedy."""
    usual = recommended.get(role)
    text = what or (
        f"nothing fills the role {role} ({ROLES[role]})" + (f"; the profile recommends {usual}" if usual else "")
    )
    example = usual or "FOLDER"
    hint = f"name it with --model {role}={example}, a folder or a hub id{remark}"
    return SemError(Code.MODEL_UNAVAILABLE, text, path=role, hint=hint)
