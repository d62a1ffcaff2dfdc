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
@click.option("--decoder", metavar="CMD", help="The decoder's command line, split as a shell would.")
@click.option("--encoder", metavar="CMD", help="The same of an encoder, for the lists encode, refuse and quantise.")
@click.option("--editor", metavar="CMD", help="The same of an editor, for the list edit.")
@click.option(
    "--suite", type=FOLDER, default=Path("test_vectors"), show_default=True, help="Folder with manifest.json."
)
@click.option("--protocol", type=click.Choice(["auto", "one-shot", "persistent"]), default="auto", show_default=True)
@click.option("--tier", type=click.Choice(["H", "S", "L", "P"]), help="Tier to test. Default: the one it reports.")
@click.option("--run", metavar="GLOB", multiple=True, help="Run only ids or groups that match.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="Leave out ids or groups that match.")
@click.option(
    "--known-bad",
    "--skip",
    "skip",
    metavar="GLOB",
    multiple=True,
    help="Ids known to fail; they run all the same, and it is an error if one passes.",
)
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
    help="Memory limit of a process; 0: none, as builds with sanitisers need.",
)
@click.option("--data", type=FOLDER, multiple=True, help="Folder with registry.json and the tables.")
@click.option("--json", type=FILE, metavar="OUT", help="Write the report as JSON.")
@click.option("--junit", type=FILE, metavar="OUT", help="Write the report as JUnit XML.")
@click.option("--cwd", type=FOLDER, metavar="DIR", help="Folder in which the decoder runs. Default: an empty one.")
@click.option("--shuffle", type=int, metavar="SEED", help="Give the vectors in a random order.")
@click.option("--quiet", is_flag=True, help="Print failures and a summary line only.")
def run(**options: Any) -> int:
    """Run the vectors of a suite with a decoder, an encoder or an editor that implements PROTOCOL.md.

    Give one of --decoder, --encoder and --editor. Exit status: 0 all passed, 3 a vector failed, 2 the suite or the
    program cannot be run.
    """
    from semrunner.cli import Options
    from semrunner.cli import run as run_suite

    commands = {role: options.pop(role) for role in ("decoder", "encoder", "editor")}
    given = [(role, command) for role, command in commands.items() if command is not None]
    if len(given) != 1:
        raise click.UsageError("Give one of --decoder, --encoder and --editor.")
    ((role, command),) = given
    status = run_suite(Options(command, role=role, **options), normative())
    return FAILED if status == 1 else status  # semtool reserves 1 for bugs


def normative() -> list[Path]:
    """Return the folders where refcodec keeps the registry and the tables, without importing it."""
    package = importlib.util.find_spec("refcodec")
    folders = [] if package is None else [Path(folder) for folder in package.submodule_search_locations or ()]
    return [folder / part for folder in folders for part in ("registry", "payloads/data", "entropy/data")]
