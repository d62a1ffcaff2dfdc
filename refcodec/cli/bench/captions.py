# SPDX-License-Identifier: MIT
"""Captions of pictures, for metrics that compare a picture with a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from refcodec.errors import Code, SemError
from refcodec.fileio import read_settings, shown

CAPTIONS_BYTES_MAX: Final = 1 << 28


def read_captions(path: Path) -> dict[str, str]:
    """Return file name -> caption from lines of name, tab, text, or of JSON objects with file_name and caption.

    If a name occurs twice, the first caption counts. Raises Code.CANNOT_READ (SEM-E-101) for a file that cannot be read
    or has another form.
    """
    try:
        lines = read_settings(path, CAPTIONS_BYTES_MAX, "a file of captions").decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise SemError(Code.CANNOT_READ, f"cannot read the captions of {shown(str(path))}") from error
    captions: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            name, caption = _json_caption(line) if line.lstrip().startswith("{") else line.split("\t")[:2]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SemError(
                Code.CANNOT_READ, f"line {number} of {shown(str(path))} is not a caption", hint="write name, tab, text"
            ) from error
        captions.setdefault(name, caption)
    return captions


def _json_caption(line: str) -> tuple[str, str]:
    document = json.loads(line)
    name, caption = document["file_name"], document["caption"]
    if not isinstance(name, str) or not isinstance(caption, str):
        raise TypeError
    return name, caption


def caption_of(picture: str, captions: Mapping[str, str]) -> str:
    """Return the caption for a file name, with or without its suffix. Raises Code.CANNOT_READ if it is missing."""
    caption = captions.get(picture, captions.get(Path(picture).stem))
    if caption is None:
        raise SemError(
            Code.CANNOT_READ,
            f"there is no caption for {shown(picture)}",
            hint="add a line for it to the file of --captions",
        )
    return caption
