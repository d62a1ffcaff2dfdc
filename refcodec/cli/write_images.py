# SPDX-License-Identifier: MIT
"""semtool decode: reconstruct the pictures of a file, then write each completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from refcodec.batch.decode import picture_file
from refcodec.cli.error_report import notice
from refcodec.cli.output_probe import probe_file
from refcodec.cli.stdio import STDIO, default_output
from refcodec.cli.step_trace import Steps
from refcodec.cli.write_symbols import Naming
from refcodec.errors import Code, SemError
from refcodec.progress import Progress, part

if TYPE_CHECKING:
    from refcodec.container import Container
    from refcodec.decoder import DecodedFile
    from refcodec.foundation.resolve import Models
    from refcodec.reconstruct import Reconstruction


@dataclass
class ImageOptions:
    """Settings of a reconstruction. overrides: render hints; trace: a folder for the steps; keep_metadata: of the file."""

    overrides: dict[str, Any]
    samples: int = 1
    reflections: int | None = None
    trace: str | None = None
    keep_metadata: bool = False


@dataclass(frozen=True)
class ImageFile:
    """One file to write: its name, its contents, and a word for what they are."""

    name: str
    data: bytes
    what: str = "picture"
    seed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"file": self.name, "what": self.what} | ({} if self.seed is None else {"seed": self.seed})


def write_pictures(
    container: Container,
    naming: Naming,
    models: Models,
    options: ImageOptions,
    level: int,
    update: Progress,
) -> tuple[DecodedFile, list[dict[str, Any]], dict[str, str]]:
    """Reconstruct and write the pictures of a file; return (the file without symbols, files written, models by role)."""
    from refcodec import reconstruct
    from refcodec.decoder import decode_container
    from refcodec.methods import find_method
    from refcodec.methods.generator_models import require_generator

    require_generator(find_method(container.profile.method_name), container, models, "painting a picture")
    target = naming.output or naming.free(default_output(naming.source, ".png"))
    if target != STDIO:
        probe_file(target)
    if target == STDIO and options.samples > 1:
        raise click.UsageError("--samples needs a named output")
    steps = None if options.trace is None else Steps(options.trace)
    decoded = decode_container(
        container, models.package_environment, level=level, progress=part(update, 0, 0.2), limits=models.limits
    )
    with _usage_errors(decoded):
        _claim_names(decoded, naming, target, models, options)
        reconstruction = reconstruct.reconstruct(
            decoded,
            part(update, 0.2, 1),
            models=models,
            overrides=options.overrides,
            samples=options.samples,
            reflections=options.reflections,
            record=None if steps is None else steps.record,
        )
    decoded = replace(decoded, values={})  # a large picture is written without its latents in memory
    for text in reconstruction.notices:
        notice(text)
    files = files_for(reconstruction, target, container.metadata if options.keep_metadata else {})
    for file in files:
        naming.file(file.name, chosen=file.name == naming.output).write(file.data)
    _write_steps(steps)
    return decoded, [file.to_dict() for file in files], dict(reconstruction.models)


def files_for(reconstruction: Reconstruction, target: str, metadata: Mapping[str, str]) -> list[ImageFile]:
    """Return the files of a reconstruction: `target` alone, or a contact sheet and one file for each seed.

    `metadata`: entries about the picture to write into each.
    """
    suffix = os.path.splitext(target)[1]
    kind = "png" if target == STDIO or not suffix else suffix
    pictures, note = reconstruction.pictures, reconstruction.note
    seeds = reconstruction.seeds or (None,)
    names = names_for(target, reconstruction.seeds) if len(pictures) > 1 else [target]
    files = [
        ImageFile(name, picture_file(pixels, kind, note, metadata), seed=seed)
        for name, seed, pixels in zip(names, seeds, pictures, strict=True)
    ]
    if len(pictures) > 1:
        from refcodec.images.contact_sheet import contact_sheet

        sheet = picture_file(contact_sheet(pictures), kind, note, metadata)
        files.insert(0, ImageFile(target, sheet, "contact sheet"))
    return files


def names_for(target: str, seeds: Iterable[int]) -> list[str]:
    """Return one name for each seed: the target's, with the seed before the suffix."""
    stem, suffix = os.path.splitext(target)
    return [f"{stem}-{seed}{suffix}" for seed in seeds]


def _claim_names(decoded: DecodedFile, naming: Naming, target: str, models: Models, options: ImageOptions) -> None:
    """Raise a usage error if a file exists under a name that the user did not choose."""
    if options.samples == 1:
        return
    from refcodec import reconstruct
    from refcodec.methods import find_method

    method = find_method(decoded.container.profile.method_name)
    context = reconstruct.decode_context(decoded, method, models, options.overrides)
    for name in names_for(target, replace(context, samples=options.samples).seeds()):
        naming.free(name)


@contextmanager
def _usage_errors(decoded: DecodedFile) -> Iterator[None]:
    """Turn ValueError into usage errors; for a missing model, add to the hint that --symbols works without it."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except SemError as error:
        if error.code != Code.MODEL_UNAVAILABLE or not decoded.values:
            raise
        hint = f"{error.hint}; semtool decode --symbols writes the symbols without it"
        raise SemError(Code.MODEL_UNAVAILABLE, error.what, path=error.path, hint=hint) from error


def _write_steps(steps: Steps | None) -> None:
    """Write the recorded steps, or print a notice that there are none."""
    if steps is not None and steps.recorded:
        steps.write()
    elif steps is not None:
        notice("nothing to trace: the generator of this method reports no steps")
