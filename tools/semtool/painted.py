# SPDX-License-Identifier: MIT
"""semtool decode: pictures painted and written, all of them or none."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from refcodec.errors import SemError
from refcodec.files import shown
from refcodec.progress import Progress, part
from semtool.held import free
from semtool.report import notice
from semtool.streams import STDIO, default_output, write_output

if TYPE_CHECKING:
    from refcodec.container import Container
    from refcodec.models.sources import Models
    from refcodec.symbols import Symbols


@dataclass
class Wanted:
    """What the user asks of the painter. `trace`: a folder for its steps."""

    wish: dict[str, Any]
    samples: int = 1
    reflections: int | None = None
    trace: str | None = None
    steps: list[tuple[str, Any]] = field(default_factory=list)  # as they come

    def record(self, name: str, value: Any) -> None:
        self.steps.append((name, value))


def write_pictures(
    container: Container, source: str, output: str | None, models: Models, wanted: Wanted, level: int, update: Progress
) -> tuple[Symbols, list[dict[str, Any]], dict[str, str]]:
    """(symbols, files written, models used by role)."""
    from refcodec import painting, pictures
    from refcodec.models import store
    from refcodec.symbols import symbols_of

    store.need_torch("painting a picture")
    target = output or free(default_output(source, ".png"))
    names = _names(target, wanted.samples)
    if wanted.trace is not None:
        _claim_folder(wanted.trace)
    decoded = symbols_of(container, models=models.folders, level=level, progress=part(update, 0, 0.2))
    try:
        painted = painting.paint(
            decoded, part(update, 0.2, 1), models=models, wish=wanted.wish, samples=wanted.samples,
            reflections=wanted.reflections, record=wanted.record if wanted.trace else None,
        )  # fmt: skip
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except SemError as error:
        if error.code != 801 or not decoded.values:
            raise
        hint = f"{error.hint}; semtool decode --symbols gives what the file holds"
        raise SemError(801, error.what, path=error.path, hint=hint) from error
    for text in painted.notices:
        notice(text)
    suffix = os.path.splitext(target)[1]
    kind = "png" if target == STDIO or not suffix else suffix

    def file_of(pixels: Any) -> bytes:
        out = io.BytesIO()
        pictures.save(pixels, out, format=kind, note=painted.note)
        return out.getvalue()

    made = [(name, "picture", seed, file_of(pixels)) for name, seed, pixels in zip(names(painted.seeds), painted.seeds or (None,), painted.pictures, strict=True)]
    if wanted.samples > 1:
        from refcodec.sheet import contact_sheet

        made.insert(0, (target, "contact sheet", None, file_of(contact_sheet(painted.pictures))))
    for name, _, _, data in made:
        write_output(name, data)
    if wanted.trace is not None:
        _write_trace(wanted.trace, wanted.steps)
    written = [{"file": name, "what": what} | ({} if seed is None else {"seed": seed}) for name, what, seed, _ in made]
    return decoded, written, dict(painted.models)


def _names(target: str, samples: int) -> Any:
    """The file of each seed: `target` itself for one picture, else with the seed before its suffix."""
    if samples == 1:
        return lambda _: [target]
    if target == STDIO:
        raise click.UsageError("--samples needs a named output")
    stem, suffix = os.path.splitext(target)
    return lambda seeds: [f"{stem}-{seed}{suffix}" for seed in seeds]


def _claim_folder(name: str) -> None:
    if os.path.exists(name) and (not os.path.isdir(name) or os.listdir(name)):
        raise click.UsageError(f"{shown(name)} is there already: name a new folder for --trace")


def _write_trace(folder: str, steps: list[tuple[str, Any]]) -> None:
    """trace.json with every step in its order, pictures as files beside it."""
    from refcodec import pictures

    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise SemError(102, f"{shown(folder)}: {error.strerror}") from error
    listed = []
    for i, (name, value) in enumerate(steps):
        if isinstance(value, str | int | float | list | dict):
            listed.append({"step": name, "value": value})
            continue
        file = f"{i:02d}-{name}.png"
        pictures.save(value, os.path.join(folder, file))
        listed.append({"step": name, "picture": file})
    write_output(os.path.join(folder, "trace.json"), (json.dumps(listed, indent=1) + "\n").encode())
