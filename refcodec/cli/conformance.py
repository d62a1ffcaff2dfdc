# SPDX-License-Identifier: MIT
"""semtool conformance: run the conformance suite. The runner, `semrunner`, is independent of refcodec."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import click

FAILED = 3  # the status for an invalid file: the decoder does not conform to SPEC.md
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)


@click.group(short_help="Test a decoder with the conformance suite.")
def group() -> None:
    """Test a decoder with the conformance suite: files, and the result that every decoder must report for each."""


@group.command("run", short_help="Run the test vectors with a decoder.")
@click.option("--decoder", metavar="CMD", required=True, help="The decoder's command line, split as a shell would.")
@click.option(
    "--suite", type=FOLDER, default=Path("test_vectors"), show_default=True, help="Folder with manifest.json."
)
@click.option("--protocol", type=click.Choice(["auto", "one-shot", "persistent"]), default="auto", show_default=True)
@click.option("--tier", type=click.Choice(["H", "S", "L", "P"]), help="Tier to test. Default: the one it reports.")
@click.option("--run", metavar="GLOB", multiple=True, help="Run only ids or groups that match.")
@click.option("--skip", metavar="GLOB", multiple=True, help="Ids known to fail; it is an error if one passes.")
@click.option("--name", default="", help="The decoder's name in skips.txt and reports. Default: the one it reports.")
@click.option(
    "--jobs", type=click.IntRange(0), default=0, metavar="N", help="Processes at a time. Default: one per processor."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Time limit for one answer, in seconds.",
)
@click.option(
    "--memory",
    type=click.IntRange(0),
    default=2048,
    show_default=True,
    metavar="MB",
    help="Memory limit of a process; 0: none.",
)
@click.option("--data", type=FOLDER, multiple=True, help="Folder with registry.json and the normative tables.")
@click.option("--json", type=FILE, metavar="OUT", help="Write the report as JSON.")
@click.option("--junit", type=FILE, metavar="OUT", help="Write the report as JUnit XML.")
@click.option("--cwd", type=FOLDER, metavar="DIR", help="Folder in which the decoder runs. Default: an empty one.")
@click.option("--shuffle", type=int, metavar="SEED", help="Give the vectors in a random order.")
@click.option("--quiet", is_flag=True, help="Print failures and a summary line only.")
def run(**options: Any) -> int:
    """Run the vectors of a suite with a decoder that implements PROTOCOL.md.

    Exit status: 0 all passed, 3 a vector failed, 2 the suite or the decoder cannot be run.
    """
    from semrunner.cli import Options
    from semrunner.cli import run as run_suite

    status = run_suite(Options(**options), normative())
    return FAILED if status == 1 else status  # semtool reserves 1 for bugs


def normative() -> list[Path]:
    """Return the folders where refcodec keeps the registry and the tables, without importing it."""
    package = importlib.util.find_spec("refcodec")
    folders = [] if package is None else [Path(folder) for folder in package.submodule_search_locations or ()]
    return [folder / part for folder in folders for part in ("registry", "payloads/data", "entropy/data")]
