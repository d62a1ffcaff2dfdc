# SPDX-License-Identifier: MIT
"""semtool conformance: the runner of the conformance suite, which knows nothing of refcodec, as a command."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import click

FAILED = 3  # as for an invalid file: the decoder is not what SPEC.md says
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)


@click.group(short_help="Hold a decoder to the conformance suite.")
def group() -> None:
    """The conformance suite: files, and what every decoder must say of them."""


@group.command("run", short_help="Put the vectors to a decoder.")
@click.option("--decoder", metavar="CMD", required=True, help="The command that decodes, as a shell would split it.")
@click.option("--suite", type=FOLDER, default=Path("test_vectors"), show_default=True, help="Folder of manifest.json.")
@click.option("--protocol", type=click.Choice(["auto", "one-shot", "persistent"]), default="auto", show_default=True)
@click.option("--tier", type=click.Choice(["H", "S", "L", "P"]), help="How far the decoder goes. Default: as it says.")
@click.option("--run", metavar="GLOB", multiple=True, help="Only ids or groups like this.")
@click.option("--skip", metavar="GLOB", multiple=True, help="Ids known to fail; one that passes is an error.")
@click.option("--name", default="", help="The decoder's name in skips.txt and reports. Default: as it says.")
@click.option(
    "--jobs", type=click.IntRange(0), default=0, metavar="N", help="So many at a time. Default: one a processor."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Seconds for an answer.",
)
@click.option(
    "--memory", type=click.IntRange(0), default=2048, show_default=True, metavar="MB", help="Of a process; 0: no bound."
)
@click.option("--data", type=FOLDER, multiple=True, help="Where registry.json and the normative tables are.")
@click.option("--json", type=FILE, metavar="OUT", help="Write the report as JSON.")
@click.option("--junit", type=FILE, metavar="OUT", help="Write the report as JUnit XML.")
@click.option("--quiet", is_flag=True, help="Failures and one line.")
def run(**given: Any) -> int:
    """Put the vectors of a suite to a decoder that speaks PROTOCOL.md.

    Exit status: 0 all passed, 3 a vector failed, 2 the suite or the decoder cannot be run.
    """
    from semrunner.cli import Options
    from semrunner.cli import run as run_suite

    status = run_suite(Options(**given), normative())
    return FAILED if status == 1 else status  # 1 is never given on purpose


def normative() -> list[Path]:
    """Where refcodec keeps the registry and the tables, without importing it."""
    found = importlib.util.find_spec("refcodec")
    places = [] if found is None else [Path(place) for place in found.submodule_search_locations or ()]
    return [place / part for place in places for part in ("registry", "payloads/data", "entropy/data")]
