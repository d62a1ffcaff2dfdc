# SPDX-License-Identifier: MIT
"""The symbols of a file as far as the models that are here read them: a caption needs none, whatever stands beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from refcodec.cli.error_report import notice
from refcodec.container import Container
from refcodec.decoder import decode_container
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.progress import Progress

if TYPE_CHECKING:
    from refcodec.decoder import DecodedFile


def symbols_here(
    container: Container, environment: Environment, level: int, progress: Progress | None = None
) -> DecodedFile:
    """As `decode_container`; where only models are missing, without the payloads that need them, which is told.

    SemError as there, and 801 for a file of no other payloads.
    """
    try:
        return decode_container(container, environment, level=level, progress=progress)
    except SemError as error:
        lacking = [
            section
            for section in container.sections
            if section.critical
            and container.profile.kind(section.number).needs_model(container.profile.parameters(section.number))
        ]
        kept = tuple(section for section in container.sections if section not in lacking)
        if error.code != Code.MODEL_UNAVAILABLE or not lacking or not any(section.critical for section in kept):
            raise
        names = ", ".join(container.profile.kind(section.number).name for section in lacking)
        header = replace(container.header, count=len(kept) + (not container.complete))
        found = decode_container(replace(container, header=header, sections=kept), environment, level=level)
        notice(f"without {names}, whose model is not here: {error}")
        # what was left out is not checked
        return replace(found, state="unchecked") if found.state == "ok" else found
