# SPDX-License-Identifier: MIT
"""semtool decode: the pictures of a file, reconstructed, then written, each of them entirely or not at all."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
    from refcodec.decoder import DecodedFile
    from refcodec.foundation.resolve import Models
    from refcodec.reconstruct import Reconstruction


@dataclass
class ImageOptions:
    """How pictures are to be reconstructed. overrides: render hints; trace: a folder for the steps."""

    overrides: dict[str, Any]
    samples: int = 1
    reflections: int | None = None
    trace: str | None = None


@dataclass(frozen=True)
class ImageFile:
    """One file to be written: its name, its contents, and what they are."""

    name: str
    data: bytes
    what: str = "picture"
    seed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"file": self.name, "what": self.what} | ({} if self.seed is None else {"seed": self.seed})


def write_pictures(
    container: Container,
    source: str,
    output: str | None,
    models: Models,
    options: ImageOptions,
    level: int,
    update: Progress,
) -> tuple[DecodedFile, list[dict[str, Any]], dict[str, str]]:
    """Return (symbols, files written, models used by role)."""
    from refcodec import reconstruct
    from refcodec.decoder import decode_container
    from refcodec.networks import package_cache

    package_cache.need_torch("painting a picture", container.profile.method_name)
    target = output or free(default_output(source, ".png"))
    if target == STDIO and options.samples > 1:
        raise click.UsageError("--samples needs a named output")
    steps = None if options.trace is None else Steps(options.trace)
    decoded = decode_container(container, models.package_environment, level=level, progress=part(update, 0, 0.2))
    with _usage_errors(decoded):
        if output is None:
            _claim_names(decoded, target, models, options)
        made = reconstruct.reconstruct(
            decoded,
            part(update, 0.2, 1),
            models=models,
            overrides=options.overrides,
            samples=options.samples,
            reflections=options.reflections,
            record=None if steps is None else steps.record,
        )
    for text in made.notices:
        notice(text)
    files = files_for(made, target)
    for file in files:
        write_output(file.name, file.data)
    _write_steps(steps)
    return decoded, [file.to_dict() for file in files], dict(made.models)


def files_for(made: Reconstruction, target: str) -> list[ImageFile]:
    """Return the files of a reconstruction: `target` alone, or a contact sheet and one file for each seed."""
    suffix = os.path.splitext(target)[1]
    kind = "png" if target == STDIO or not suffix else suffix
    seeds = made.seeds or (None,)
    names = names_for(target, made.seeds) if len(made.pictures) > 1 else [target]
    files = [
        ImageFile(name, _encoded(pixels, kind, made.note), seed=seed)
        for name, seed, pixels in zip(names, seeds, made.pictures, strict=True)
    ]
    if len(made.pictures) > 1:
        from refcodec.images.contact_sheet import contact_sheet

        sheet = _encoded(contact_sheet(made.pictures), kind, made.note)
        files.insert(0, ImageFile(target, sheet, "contact sheet"))
    return files


def names_for(target: str, seeds: Iterable[int]) -> list[str]:
    """Return one name for each seed, which stands before the suffix of the target."""
    stem, suffix = os.path.splitext(target)
    return [f"{stem}-{seed}{suffix}" for seed in seeds]


def _encoded(pixels: Any, kind: str, note: dict[str, str]) -> bytes:
    from refcodec.images.save import save

    out = io.BytesIO()
    save(pixels, out, format=kind, note=note)
    return out.getvalue()


def _claim_names(decoded: DecodedFile, target: str, models: Models, options: ImageOptions) -> None:
    """Raise a usage error where a name that the user did not choose is taken."""
    if options.samples == 1:
        return
    from refcodec import reconstruct
    from refcodec.methods import find_method

    method = find_method(decoded.container.profile.method_name)
    context = reconstruct.decode_context(decoded, method, models, options.overrides)
    for name in names_for(target, replace(context, samples=options.samples).seeds()):
        free(name)


@contextmanager
def _usage_errors(decoded: DecodedFile) -> Iterator[None]:
    """Turn ValueError into usage errors, and add what can be done without the model that is missing."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except SemError as error:
        if error.code != Code.MODEL_UNAVAILABLE or not decoded.values:
            raise
        hint = f"{error.hint}; semtool decode --symbols gives what the file holds"
        raise SemError(Code.MODEL_UNAVAILABLE, error.what, path=error.path, hint=hint) from error


def _write_steps(steps: Steps | None) -> None:
    if steps is not None and steps.told:
        steps.write()
    elif steps is not None:
        notice("nothing to trace: this method's painter tells no steps")
