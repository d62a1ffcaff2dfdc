# SPDX-License-Identifier: MIT
"""Write the steps that a method reports into a folder: texts in trace.json, pictures as files beside it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

import click

from refcodec.cli.output_probe import probe_folder
from refcodec.cli.stdio import write_output
from refcodec.errors import Code, SemError
from refcodec.fileio import shown


@dataclass
class Steps:
    """The steps of one file, kept until they are written. Raises a usage error for a folder that is not empty."""

    folder: str
    recorded: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if os.path.exists(self.folder) and (not os.path.isdir(self.folder) or os.listdir(self.folder)):
            raise click.UsageError(f"{shown(self.folder)} is there already, and --trace needs a new folder")
        probe_folder(self.folder)

    def record(self, name: str, value: Any) -> None:
        """Record one step: a text, a number, an object, or a picture uint8[H, W, 3]."""
        self.recorded.append((name, value))

    def write(self) -> None:
        """Write all steps. Raises Code.CANNOT_WRITE (SEM-E-102) if the folder cannot be created."""
        from refcodec.images.save import save

        try:
            os.makedirs(self.folder, exist_ok=True)
        except OSError as error:
            raise SemError(Code.CANNOT_WRITE, f"{shown(self.folder)}: {error.strerror}") from error
        listed = []
        for i, (name, value) in enumerate(self.recorded):
            if isinstance(value, str | int | float | list | dict):
                listed.append({"step": name, "value": value})
                continue
            file = f"{i:02d}-{name}.png"
            save(value, os.path.join(self.folder, file))
            listed.append({"step": name, "picture": file})
        write_output(os.path.join(self.folder, "trace.json"), (json.dumps(listed, indent=1) + "\n").encode())
