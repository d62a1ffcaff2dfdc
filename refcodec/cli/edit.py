# SPDX-License-Identifier: MIT
"""semtool strip, cut, add: sections taken away, cut off and added; the others are neither decoded nor changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.common_options import environment_of, json_option, level_option, model_option
from refcodec.cli.error_report import notice
from refcodec.cli.stdio import claim_output, read_input, say, show_json, wants_json, write_output
from refcodec.cli.symbol_options import NAMES, loaded, note_options, pairs, symbol_options
from refcodec.fileio import read_bytes, shown

if TYPE_CHECKING:
    from refcodec.environment import Environment

THUMBNAIL_BYTES = 1 << 20
output_option = click.option(
    "-o", "--output", metavar="OUT.sem", required=True, help="The new file; - for standard output."
)


@click.command("strip", short_help="Take sections out of a .sem file.")
@click.argument("source", metavar="IN.sem")
@output_option
@click.option(
    "--section", "names", metavar="NAME", multiple=True, help="A section by name or type; may be given several times."
)
@click.option(
    "--ancillary",
    is_flag=True,
    help="All that is not the picture: provenance, hints, thumbnail, metadata, unknown sections.",
)
@level_option
@json_option
def strip(source: str, output: str, names: tuple[str, ...], ancillary: bool, level: int) -> None:
    """Take sections out of IN.sem; the others stay as they are.

    Without an option provenance, metadata and thumbnail go, which may tell more than the picture.
    """
    environment = environment_of(None)
    container = _read(source, output, level, environment)
    from refcodec import editing, spec

    have = [section.type for section in container.sections]
    try:
        types = {editing.type_named(name) for name in names}
        if ancillary:
            types |= {section.type for section in container.sections if not section.critical}
        if not names and not ancillary:
            types = {t for t in (spec.PROVENANCE, spec.THUMBNAIL, spec.METADATA) if t in have}
        _finish(editing.strip(container, types, level=level), output, level, environment)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@click.command("cut", short_help="Cut a .sem file off at the end of a section.")
@click.argument("source", metavar="IN.sem")
@output_option
@click.option("--sections", type=click.IntRange(1), metavar="N", help="Keep the first N sections.")
@click.option("--bytes", "most", type=click.IntRange(1), metavar="B", help="Keep as many sections as B bytes hold.")
@level_option
@json_option
def cut(source: str, output: str, sections: int | None, most: int | None, level: int) -> None:
    """Cut IN.sem off at the end of a section. What is left reads, and says that it is incomplete."""
    if sections is None and most is None:
        raise click.UsageError("say where: --sections or --bytes")
    environment = environment_of(None)
    container = _read(source, output, level, environment)
    from refcodec import editing

    try:
        _finish(editing.cut(container, sections=sections, most=most), output, level, environment)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@click.command("add", short_help="Add sections to a .sem file.")
@click.argument("source", metavar="IN.sem")
@output_option
@symbol_options
@note_options
@click.option(
    "--provenance", metavar="K=V", multiple=True, callback=pairs, help="An entry on who made the file and how."
)
@click.option("--thumbnail", metavar="F", help="A small picture: PNG, JPEG or WebP.")
@click.option("--from", "other", metavar="OTHER.sem", help="All sections of another file of the same profile and size.")
@click.option("--replace", is_flag=True, help="Instead of sections that are there already.")
@model_option
@level_option
@json_option
def add(
    source: str,
    output: str,
    metadata: dict[str, str],
    hints: dict[str, str],
    provenance: dict[str, str],
    thumbnail: str | None,
    other: str | None,
    replace: bool,
    model: str | None,
    level: int,
    mode: str | None,
    strict: bool,
    **symbols: Any,
) -> None:
    """Add sections to IN.sem: a caption beside indices, metadata, render hints; the others stay as they are."""
    environment = environment_of(None)
    container = _read(source, output, level, environment)
    from refcodec import editing
    from refcodec.assemble import ancillary, payload_section, section_of
    from refcodec.decoder import explicit_digest
    from refcodec.pack import payloads_for

    header, environment = container.header, environment_of(model)
    digest = header.model_digest() or explicit_digest(header, environment)
    try:
        picture = read_bytes(thumbnail, THUMBNAIL_BYTES) if thumbnail is not None else None
        others = ancillary(provenance, hints, metadata, picture)
        sections = [section_of(header, digest, t, body, body) for t, body in others.items()]
        if not any(symbols[name] is not None for name in NAMES):
            if mode is not None or strict:
                raise click.UsageError("--mode and --strict are of a text, and none is given")
        else:
            made = payloads_for(header, loaded(symbols), environment, mode=mode, strict=strict)
            sections += [payload_section(header, digest, payload, level) for payload in made]
        if other is not None:
            sections += _sections_of(other, header, level, environment)
        if not sections:
            raise click.UsageError("nothing to add")
        _finish(editing.add(container, sections, replacing=replace, level=level), output, level, environment)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _sections_of(other: str, header: Any, level: int, environment: Environment) -> list[Any]:
    """The sections of another file, whose checks hold here only if all that they cover is the same."""
    from refcodec.container import bound_header, read

    found = read(read_input(other, level), level=level, environment=environment)
    if bound_header(found.header) != bound_header(header):
        raise click.UsageError(
            f"{shown(other)} has another profile, size or check, which the checks of its sections cover"
        )
    return list(found.sections)


def _read(source: str, output: str, level: int, environment: Environment) -> Any:
    claim_output(output, source)
    from refcodec.container import read

    container = read(read_input(source, level), level=level, environment=environment)
    if not container.complete:
        notice("the file is incomplete: the new one has what is there, and no longer says that something is missing")
    return container


def _finish(edited: Any, output: str, level: int, environment: Environment) -> None:
    from refcodec.container import read

    write_output(output, edited.data)
    for section_type in edited.dropped:
        notice(f"section 0x{section_type:02X} is not known here and not safe to copy: it went with the change")
    found = read(edited.data, level=level, environment=environment)
    names = [section.name or f"0x{section.type:02X}" for section in found.sections]
    if wants_json():
        show_json(
            {
                "file": output,
                "bytes": len(edited.data),
                "sections": names,
                "complete": found.complete,
                "dropped": [f"0x{t:02X}" for t in edited.dropped],
            }
        )
    else:
        whole = "" if found.complete else ", incomplete"
        say(f"{shown(output)}: {len(edited.data)} bytes, {', '.join(names)}{whole}")
