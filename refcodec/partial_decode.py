# SPDX-License-Identifier: MIT
"""Decode a file as far as the installed models allow: a caption, for example, can be decoded without any model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from refcodec.container import Container
from refcodec.decoder import decode_container
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.limits import NONE, Limits
from refcodec.progress import Notice, Progress

if TYPE_CHECKING:
    from refcodec.decoder import DecodedFile


def decode_available(
    container: Container,
    environment: Environment,
    level: int,
    progress: Progress | None = None,
    limits: Limits = NONE,
    notice: Notice | None = None,
) -> DecodedFile:
    """Decode a container; if only models are missing, leave out the payloads that need them, and report this to `notice`.

    Raises SemError as `decode_container` does, and Code.MODEL_UNAVAILABLE (SEM-E-801) if no other payloads are left.
    """
    try:
        return decode_container(container, environment, level=level, progress=progress, limits=limits)
    except SemError as error:
        profile = container.profile
        critical = [section for section in container.sections if section.critical]
        undecodable = [
            section
            for section in critical
            if profile.kind(section.number).needs_model(profile.parameters(section.number))
        ]
        if error.code != Code.MODEL_UNAVAILABLE or not 0 < len(undecodable) < len(critical):
            raise
        without = {section.type for section in undecodable}
        decoded = decode_container(
            container, environment, level=level, progress=progress, limits=limits, without=without
        )
        if notice is not None:
            names = ", ".join(profile.kind(section.number).name for section in undecodable)
            notice(f"without {names}, whose model is not installed: {error}")
        return decoded
