# SPDX-License-Identifier: MIT
"""Check the files of a model folder that may be absent: one that is there and damaged would silently not count."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.config_files import CONFIG_BYTES_MAX, read_object
from refcodec.foundation.required_files import PROCESSOR_CONFIGS

OBJECTS: Final = ("generation_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.json")
TEMPLATE: Final = "chat_template.jinja"
BOM: Final = "\ufeff"  # the libraries, unlike json.loads of bytes, do not read a file that begins with it
TEMPLATES: Final = "additional_chat_templates"  # a folder of more of them


def check_optional_files(role: str, name: str, folder: Path, parts: Iterable[str]) -> None:
    """Check the optional files in a folder and in its subfolders `parts`; those that are absent are right.

    name: of the model, for messages. Raises Code.MODEL_MALFORMED for one that cannot be what its name says.
    """
    for part in ("", *parts):
        place = folder / part
        # one of the two is enough; a folder without a valid one is reported with what its role needs
        processor = PROCESSOR_CONFIGS if any(read_object(place / file) for file in PROCESSOR_CONFIGS) else ()
        for file in (*OBJECTS, *processor, TEMPLATE, *_more_templates(place)):
            if (defect := _defect(place / file)) is not None:
                what = f"{role}: {shown(f'{part}/{file}' if part else file)} of {shown(name)} is {defect}"
                hint = "download it again" if file in PROCESSOR_CONFIGS else "download it again, or delete it"
                raise SemError(Code.MODEL_MALFORMED, what, path=role, hint=hint)


def _more_templates(place: Path) -> list[str]:
    try:
        names = sorted(os.listdir(place / TEMPLATES))
    except OSError:
        return []
    return [f"{TEMPLATES}/{name}" for name in names if name.endswith(".jinja")]


def _defect(path: Path) -> str | None:
    """Return what is in the place of a file, as the end of a sentence; None if the file is sound or absent."""
    if not os.path.lexists(path):
        return None
    if not path.is_file():  # reading a pipe would block
        return "a folder, not a file" if path.is_dir() else "a link or a device, not a file"
    try:
        size = path.stat().st_size
        if size == 0:
            return "empty"
        if size > CONFIG_BYTES_MAX:
            return f"longer than {CONFIG_BYTES_MAX} bytes"
        text = path.read_bytes().decode("utf-8")
        if path.suffix == ".json" and (text.startswith(BOM) or read_object(path) is None):
            return "not a JSON object in UTF-8 without a byte order mark"
    except UnicodeDecodeError:
        return "not in UTF-8"
    except OSError as error:
        return f"a file that cannot be read ({error.strerror or error})"
    return None
