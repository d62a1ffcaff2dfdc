# SPDX-License-Identifier: MIT
"""semtool strip, cut, add: remove, truncate and add sections. The other sections are neither decoded nor changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.common_options import environment_of, json_option, level_option, model_option
from refcodec.cli.error_report import notice
from refcodec.cli.output_file import OutputFile, output_name, times_of, times_option
from refcodec.cli.stdio import claim_output, read_input, say, show_json, wants_json
from refcodec.cli.symbol_options import NAMES, loaded, note_options, pairs, symbol_options
from refcodec.fileio import read_settings, shown

if TYPE_CHECKING:
    from refcodec.environment import Environment

THUMBNAIL_BYTES = 1 << 20
output_option = click.option(
    "-o",
    "--output",
    metavar="OUT.sem",
    required=True,
    callback=output_name,
    help="The new file; - for standard output.",
)


@click.command("strip", short_help="Remove sections from a .sem file.")
@click.argument("source", metavar="IN.sem")
@output_option
@times_option
@click.option("--section", "names", metavar="NAME", multiple=True, help="A section by name or type. Repeatable.")
@click.option(
    "--ancillary",
    is_flag=True,
    help="Everything but the picture: provenance, hints, thumbnail, metadata, unknown sections.",
)
@level_option
@json_option
def strip(source: str, output: str, preserve_times: bool, names: tuple[str, ...], ancillary: bool, level: int) -> None:
    """Remove sections from IN.sem; the others do not change.

    Without an option this removes provenance, metadata and thumbnail, which may reveal more than the picture.
    """
    environment = environment_of(None)
    file = OutputFile(output, times=times_of(source, preserve_times))
    container = _read(source, output, level, environment)
    from refcodec import editing, spec

    have = [section.type for section in container.sections]
    try:
        types = {editing.type_named(name, environment.kinds) for name in names}
        if ancillary:
            types |= {section.type for section in container.sections if not section.critical}
        if not names and not ancillary:
            types = {t for t in (spec.PROVENANCE, spec.THUMBNAIL, spec.METADATA) if t in have}
        _finish(editing.strip(container, types, level=level), file, level, environment)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@click.command("cut", short_help="Truncate a .sem file at the end of a section.")
@click.argument("source", metavar="IN.sem")
@output_option
@times_option
@click.option("--sections", type=click.IntRange(1), metavar="N", help="Keep the first N sections.")
@click.option("--bytes", "limit", type=click.IntRange(1), metavar="B", help="Keep as many sections as fit in B bytes.")
@level_option
@json_option
def cut(source: str, output: str, preserve_times: bool, sections: int | None, limit: int | None, level: int) -> None:
    """Truncate IN.sem at the end of a section. The result can be read, and reports that it is incomplete.

    `semtool truncate` is the same command.
    """
    if sections is None and limit is None:
        raise click.UsageError("give --sections or --bytes")
    environment = environment_of(None)
    file = OutputFile(output, times=times_of(source, preserve_times))
    container = _read(source, output, level, environment)
    from refcodec import editing

    try:
        _finish(editing.cut(container, sections=sections, limit=limit), file, level, environment)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@click.command("add", short_help="Add sections to a .sem file.")
@click.argument("source", metavar="IN.sem")
@output_option
@times_option
@symbol_options
@note_options
@click.option(
    "--provenance",
    "--provenance-entry",
    "provenance",
    metavar="K=V",
    multiple=True,
    callback=pairs,
    help="An entry about the origin of the file, such as author=Ann. Repeatable. In semtool encode, --provenance takes no "
    "value and adds encoder, settings and models.",
)
@click.option("--thumbnail", metavar="F", help="A small picture: PNG, JPEG or WebP, stored without its metadata.")
@click.option(
    "--keep-metadata", is_flag=True, help="Store the thumbnail with its EXIF (with its GPS position), XMP and comments."
)
@click.option("--from", "other", metavar="OTHER.sem", help="All sections of another file of the same profile and size.")
@click.option("--replace", is_flag=True, help="Replace sections that the file has already.")
@model_option
@level_option
@json_option
def add(
    source: str,
    output: str,
    preserve_times: bool,
    metadata: dict[str, str],
    hints: dict[str, str],
    provenance: dict[str, str],
    thumbnail: str | None,
    keep_metadata: bool,
    other: str | None,
    replace: bool,
    model: str | None,
    level: int,
    mode: str | None,
    strict: bool,
    **symbols: Any,
) -> None:
    """Add sections to IN.sem, such as a caption, metadata or render hints; the others do not change."""
    environment = environment_of(None)
    file = OutputFile(output, times=times_of(source, preserve_times))
    container = _read(source, output, level, environment)
    from refcodec import editing
    from refcodec.assemble import ancillary, payload_section, section_of
    from refcodec.codec import with_edge_map
    from refcodec.decoder import explicit_digest
    from refcodec.methods.inputs import SymbolInputs
    from refcodec.pack import payloads_for

    header, environment = container.header, environment_of(model)
    digest = header.model_digest() or explicit_digest(header, environment)
    try:
        others = ancillary(provenance, hints, metadata, _thumbnail(thumbnail, keep_metadata))
        sections = [section_of(header, digest, t, body, body) for t, body in others.items()]
        if not any(symbols[name] is not None for name in NAMES):
            if mode is not None or strict:
                raise click.UsageError("--mode and --strict need --text or --caption")
        else:
            inputs = with_edge_map(SymbolInputs(**loaded(symbols)), level)
            payloads = payloads_for(header, inputs, environment, mode=mode, strict=strict)
            sections += [payload_section(header, digest, payload, level) for payload in payloads]
        if other is not None:
            sections += _sections_of(other, header, level, environment)
        if not sections:
            raise click.UsageError("nothing to add")
        _finish(editing.add(container, sections, replacing=replace, level=level), file, level, environment)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _thumbnail(name: str | None, keep_metadata: bool) -> bytes | None:
    """Return the file of a thumbnail, without its metadata unless they are to be kept."""
    if name is None:
        if keep_metadata:
            raise click.UsageError("--keep-metadata needs --thumbnail")
        return None
    from refcodec.assemble import is_thumbnail

    data = read_settings(name, THUMBNAIL_BYTES, "a thumbnail")
    if keep_metadata or not is_thumbnail(data):
        return data
    from refcodec.images.without_metadata import without_metadata

    try:
        bare = without_metadata(data)
    except ValueError as error:
        what = f"the metadata of {shown(name)} cannot be removed ({error}): --keep-metadata stores the file as it is"
        raise click.UsageError(what) from error
    if bare != data:
        notice("the metadata of the thumbnail were left out: --keep-metadata keeps them")
    return bare


def _sections_of(other: str, header: Any, level: int, environment: Environment) -> list[Any]:
    """Return the sections of another file.

    Their checks also cover the header, so that must have the same profile, size and check; else raises a usage error.
    """
    from refcodec.container import bound_header, read

    container = read(read_input(other, level), level=level, environment=environment)
    if bound_header(container.header) != bound_header(header):
        raise click.UsageError(
            f"{shown(other)} has another profile, size or check, which the checks of its sections cover"
        )
    return list(container.sections)


def _read(source: str, output: str, level: int, environment: Environment) -> Any:
    """Return the container of a file. Prints a notice if it is incomplete."""
    claim_output(output, source)
    from refcodec.container import read

    container = read(read_input(source, level), level=level, environment=environment)
    if not container.complete:
        notice(
            "the file is incomplete: the new one has the sections that are there, and no longer reports any as missing"
        )
    return container


def _finish(edited: Any, file: OutputFile, level: int, environment: Environment) -> None:
    """Write the edited file, and print its sections."""
    from refcodec.container import read
    from refcodec.container.sections import section_name

    file.write(edited.data)
    for section_type in edited.dropped:
        notice(f"section 0x{section_type:02X} is unknown and not safe to copy: it was removed with the change")
    container = read(edited.data, level=level, environment=environment)
    kinds = environment.kinds
    names = [section_name(section.type, kinds) or f"0x{section.type:02X}" for section in container.sections]
    if wants_json():
        show_json(
            {
                "file": file.name,
                "bytes": len(edited.data),
                "sections": names,
                "complete": container.complete,
                "dropped": [f"0x{t:02X}" for t in edited.dropped],
            }
        )
    else:
        incomplete = "" if container.complete else ", incomplete"
        say(f"{shown(file.name)}: {len(edited.data)} bytes, {', '.join(names)}{incomplete}")
