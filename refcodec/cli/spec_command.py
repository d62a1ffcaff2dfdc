# SPDX-License-Identifier: MIT
"""semtool spec: print SPEC.md, or one section, rule or error of it."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import click

from refcodec.cli.common_options import json_option
from refcodec.cli.spec_sections import Passage, find, sections
from refcodec.cli.stdio import say, show_json, wants_json
from refcodec.errors import Code, SemError

NAME = "SPEC.md"
_REVISION = re.compile(r"^Format version (\d+)\. Document revision (\d+)\.$", re.MULTILINE)


@click.command(short_help="Print the specification, or a section, rule or error of it.")
@click.argument("reference", metavar="[REFERENCE]", required=False)
@json_option
def command(reference: str | None) -> None:
    """Print SPEC.md, the text that defines the format, in the revision that this program implements.

    \b
    semtool spec                the entire document
    semtool spec 13.7           a section with its subsections; also §13.7
    semtool spec A              an appendix
    semtool spec SEM-R-103      a rule
    semtool spec SEM-E-804      an error code, and the rules that name it

    On a terminal a long text is shown by the pager (PAGER).
    """
    document = specification()
    if reference is None:
        passage = Passage("", "", document.partition("\n")[0].lstrip("# "), document.strip())
    else:
        passage = found(document, reference)
    if wants_json():
        show_json(as_object(document, passage))
        return
    head = "" if passage.reference == passage.section else f"{passage.heading}\n\n"
    page(f"{head}{passage.text}")


def specification() -> str:
    """Return the installed SPEC.md, or that of the checkout. Raises SemError CANNOT_READ if neither exists."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package, package.parent):
        try:
            return (folder / NAME).read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
    raise SemError(Code.CANNOT_READ, f"{NAME} is not part of this installation", hint="install refcodec anew")


def found(document: str, reference: str) -> Passage:
    """Return what a reference names. Raises a usage error for one that names nothing."""
    passage = find(document, reference)
    if passage is None:
        numbers = [section.number for section in sections(document) if "." not in section.number]
        digits = [number for number in numbers if number.isdigit()]
        letters = [number for number in numbers if not number.isdigit()]
        raise click.UsageError(
            f"{reference!r} is not in {NAME}: sections are {digits[0]} to {digits[-1]} and {', '.join(letters)}, "
            f"rules SEM-R-nnn, errors SEM-E-nnn",
            click.get_current_context(),
        )
    return passage


def as_object(document: str, passage: Passage) -> dict[str, object]:
    """Return a passage for --json; `reference` and `section` are null for the entire document."""
    revision = _REVISION.search(document)
    return {
        "format_version": int(revision[1]) if revision else None,
        "document_revision": int(revision[2]) if revision else None,
        "reference": passage.reference or None,
        "section": passage.section or None,
        "heading": passage.heading,
        "text": passage.text,
    }


def page(text: str) -> None:
    """Print a text; by the pager if it is longer than the terminal that it goes to."""
    terminal = sys.stdin is not None and sys.stdout is not None and sys.stdin.isatty() and sys.stdout.isatty()
    if terminal and text.count("\n") + 2 > shutil.get_terminal_size().lines:
        click.echo_via_pager(text + "\n")
    else:
        say(text)
