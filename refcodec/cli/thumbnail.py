# SPDX-License-Identifier: MIT
"""semtool thumbnail: a small PNG of a file, as file managers ask for it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import click

from refcodec.cli.common_options import environment_of, level_option, model_option, progress
from refcodec.cli.limit_options import limits_options
from refcodec.cli.output_file import output_name
from refcodec.cli.stdio import claim_output, read_input, write_output

if TYPE_CHECKING:
    from PIL import Image

    from refcodec.environment import Environment
    from refcodec.limits import Limits

SIZE_MAX = 1024


@click.command(short_help="Write a small PNG of a .sem file.")
@click.argument("source", metavar="IN.sem")
@click.option("-o", "--output", metavar="OUT.png", required=True, callback=output_name, help="Always a PNG file.")
@click.option(
    "--size",
    type=click.IntRange(1, SIZE_MAX),
    default=256,
    show_default=True,
    metavar="N",
    help="Largest width and height, in pixels.",
)
@model_option
@level_option
@limits_options
def command(source: str, output: str, size: int, model: str | None, level: int, limits: Limits) -> None:
    """Write a PNG of at most N by N pixels: the thumbnail in the file, or else its picture, scaled down.

    The picture is decoded by models that ship with the package or that --model names; a file that needs others gives
    no thumbnail. The limits of --timeout and --max-memory apply.
    """
    claim_output(output, source)
    data = read_input(source, level)
    with progress("decoding") as update:
        picture = stored_thumbnail(data, level, environment_of(model))
        if picture is None:
            from refcodec.decode_picture import decode

            picture = decode(data, level=level, environment=environment_of(model), limits=limits, progress=update)
    picture.thumbnail((size, size))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    write_output(output, stream.getvalue())


def stored_thumbnail(data: bytes, level: int, environment: Environment) -> Image.Image | None:
    """Return the thumbnail section of a file as an RGB image; None without one that can be read.

    Raises the SemError of an invalid container or of a check of the section that does not match.
    """
    from refcodec import spec
    from refcodec.container import read
    from refcodec.container.check import mismatch, section_state
    from refcodec.errors import SemError

    container = read(data, level=level, environment=environment)
    section = container.section(spec.THUMBNAIL)
    if section is None:
        return None
    if section_state(container.header, section) == "failed":
        raise mismatch(container.header, container.sections.index(section), section)
    from PIL import Image

    from refcodec.images.load import load

    try:
        return Image.fromarray(load(section.body).pixels)
    except SemError:
        return None
