# SPDX-License-Identifier: MIT
"""semtool decode --progressive: replace the output by a better picture at each stage of decoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.error_report import notice
from refcodec.cli.output_file import OutputFile
from refcodec.cli.stdio import STDIO, default_output, say, wants_json
from refcodec.cli.write_images import ImageOptions, files_for
from refcodec.cli.write_symbols import Naming
from refcodec.fileio import shown
from refcodec.progress import Progress

if TYPE_CHECKING:
    from refcodec.container import Container
    from refcodec.decoder import DecodedFile
    from refcodec.foundation.resolve import Models


def check(options: ImageOptions, output: str | None, source: str) -> None:
    """Raise a usage error for options that do not go with --progressive."""
    if options.samples > 1 or options.trace:
        other = "samples" if options.samples > 1 else "trace"
        raise click.UsageError(f"--progressive and --{other} exclude each other: give one of them")
    if output == STDIO or (output is None and source == STDIO):
        raise click.UsageError("--progressive replaces its output stage by stage: name a file with -o")


def has_stages(container: Container) -> bool:
    """Return whether there are previews of a file: whether one of its payloads is decoded in stages."""
    return any(
        container.profile.kind(section.number).stages is not None for section in container.sections if section.critical
    )


def write_stages(
    container: Container,
    naming: Naming,
    models: Models,
    options: ImageOptions,
    level: int,
    update: Progress,
) -> tuple[DecodedFile, list[dict[str, Any]], dict[str, str]]:
    """Write the picture of each stage to the output; return (symbols, files written, models used by role).

    Every picture is written completely or not at all. After an error the output is the last preview.
    """
    from refcodec.methods import find_method
    from refcodec.progressive import reconstruct_in_stages

    target = naming.output or naming.free(default_output(naming.source, ".png"))
    output = naming.file(target, chosen=naming.output is not None)
    try:
        find_method(container.profile.method_name).check_sampler_settings(options.overrides, 1, options.reflections)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    metadata = container.metadata if options.keep_metadata else {}
    written = 0
    with _remaining(target, lambda: written):
        for decoded, reconstruction, final in reconstruct_in_stages(container, models, level, update):
            (file,) = files_for(reconstruction, target, metadata)
            OutputFile(target, new=output.new and not written, times=output.times if final else None).write(file.data)
            written += 1
            if not final and not wants_json():
                header = decoded.container.header
                say(f"{shown(target)}: preview {written}, {header.width}x{header.height}, not verified")
    for text in reconstruction.notices:
        notice(text)
    return decoded, [file.to_dict()], dict(reconstruction.models)


@contextmanager
def _remaining(target: str, written: Callable[[], int]) -> Iterator[None]:
    """Print a notice that a preview remains, if decoding ends before the picture is complete and verified."""
    try:
        yield
    except BaseException:
        if written():
            notice(f"{shown(target)} is preview {written()}, which is not verified")
        raise
