# SPDX-License-Identifier: MIT
"""semtool decode: pictures painted, and then written, each of them whole or not at all."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.error_report import notice
from refcodec.cli.stdio import STDIO, default_output, write_output
from refcodec.cli.step_trace import Steps
from refcodec.cli.write_symbols import free
from refcodec.errors import Code, SemError
from refcodec.progress import Progress, part

if TYPE_CHECKING:
    from refcodec.container import Container
    from refcodec.decoder import Symbols
    from refcodec.foundation.resolve import Models


@dataclass
class Wanted:
    """What the user asks of the painter. `trace`: a folder for its steps."""

    wish: dict[str, Any]
    samples: int = 1
    reflections: int | None = None
    trace: str | None = None


def write_pictures(
    container: Container, source: str, output: str | None, models: Models, wanted: Wanted, level: int, update: Progress
) -> tuple[Symbols, list[dict[str, Any]], dict[str, str]]:
    """(symbols, files written, models used by role)."""
    from refcodec import reconstruct
    from refcodec.decoder import symbols_of
    from refcodec.images.save import save
    from refcodec.networks import package_cache

    package_cache.need_torch("painting a picture", container.profile.method_name)
    target = output or free(default_output(source, ".png"))
    names = _names(target, wanted.samples)
    steps = None if wanted.trace is None else Steps(wanted.trace)
    decoded = symbols_of(container, models.package_environment, level=level, progress=part(update, 0, 0.2))
    try:
        if output is None and wanted.samples > 1:  # names that nobody chose take nobody's place
            scene = replace(reconstruct.scene_of(decoded, models, dict(wanted.wish), None), samples=wanted.samples)
            for name in names(scene.seeds()):
                free(name)
        painted = reconstruct.paint(
            decoded,
            part(update, 0.2, 1),
            models=models,
            wish=wanted.wish,
            samples=wanted.samples,
            reflections=wanted.reflections,
            record=None if steps is None else steps.record,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except SemError as error:
        if error.code != Code.MODEL_UNAVAILABLE or not decoded.values:
            raise
        hint = f"{error.hint}; semtool decode --symbols gives what the file holds"
        raise SemError(Code.MODEL_UNAVAILABLE, error.what, path=error.path, hint=hint) from error
    for text in painted.notices:
        notice(text)
    suffix = os.path.splitext(target)[1]
    kind = "png" if target == STDIO or not suffix else suffix

    def file_of(pixels: Any) -> bytes:
        out = io.BytesIO()
        save(pixels, out, format=kind, note=painted.note)
        return out.getvalue()

    made = [
        (name, "picture", seed, file_of(pixels))
        for name, seed, pixels in zip(names(painted.seeds), painted.seeds or (None,), painted.pictures, strict=True)
    ]
    if wanted.samples > 1:
        from refcodec.images.contact_sheet import contact_sheet

        made.insert(0, (target, "contact sheet", None, file_of(contact_sheet(painted.pictures))))
    for name, _, _, data in made:
        write_output(name, data)
    if steps is not None and steps.told:
        steps.write()
    elif steps is not None:
        notice("nothing to trace: this method's painter tells no steps")
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
