# SPDX-License-Identifier: MIT
"""semtool models import: folders and hub ids fill roles, public checkpoints become what the codec reads."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from refcodec.cli.common_options import json_option, progress
from refcodec.cli.error_report import notice
from refcodec.cli.import_checkpoint import import_checkpoint
from refcodec.cli.import_role import import_role
from refcodec.cli.stdio import say, show_json, wants_json
from refcodec.fileio import shown

Progress = Callable[[float], None]


def _kinds() -> list[str]:
    from refcodec.foundation.roles import ROLES

    return [*ROLES, "elic", "hed", "perco", "lpips-alex", "lpips-vgg", "dists", "inception"]


@click.command("import", short_help="Bring in a model: a folder, a hub id or a public checkpoint.")
@click.argument("sources", metavar="SOURCE…", nargs=-1, required=True)
@click.option(
    "--as",
    "kind",
    type=click.Choice(_kinds()),
    required=True,
    metavar="KIND",
    help="A role, or a kind of checkpoint: see above.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    help="A set, or the folder of a package or of weights.  [default: where models are found unnamed]",
)
@click.option("--replace", is_flag=True, help="In place of what is there already.")
@click.option("--no-fetch", is_flag=True, help="Record a hub id without its files, and so without a digest.")
@click.option("--photos", metavar="DIR", help="elic: photographs to measure the ranges of activations on.")
@click.option("--variant", metavar="NAME", help="elic: taco, compressai or chandelier.  [default: by its tensors]")
@click.option("--base", metavar="DIR", help="perco: the folder of the Stable Diffusion that the U-Net was made of.")
@click.option("--name", metavar="NAME", help="elic: what the package is called.  [default: as the file]")
@click.option("--licence", metavar="TEXT", default="", help="elic: the licence of the weights.")
@click.option(
    "--notes", metavar="TEXT", default="", help="elic: where they come from, and what else people should know."
)
@json_option
def command(
    sources: tuple[str, ...], kind: str, output: str | None, replace: bool, no_fetch: bool, **settings: str | None
) -> None:
    """Make a model usable, and record its digest.

    \b
    KIND a role (captioner, language, painter, controlnet, image_embedder, text_encoder, clip,
        edge_detector, hyper_encoder, segmenter): SOURCE is a folder, which is copied into the set
        unless it is in it, or ID[@REVISION] of the hub, which is fetched and recorded
    elic                                     a public checkpoint becomes a model package
    hed, perco                               checkpoints become folders of a set
    lpips-alex, lpips-vgg, dists, inception  checkpoints become weights of a metric

    Pickled weights are converted in a process of its own that takes nothing but tensors.
    """
    from refcodec.foundation.roles import ROLES

    given = {name: value for name, value in settings.items() if value}
    try:
        with _ending_tidily(), progress("importing") as update:
            if kind in ROLES:
                if given or len(sources) > 1:
                    raise click.UsageError(f"{kind} takes one SOURCE" + (f", and no --{min(given)}" if given else ""))
                done = import_role(sources[0], kind, output, replace, no_fetch, update)
            else:
                if no_fetch:
                    raise click.UsageError("--no-fetch is of hub ids")
                done = import_checkpoint([Path(source) for source in sources], kind, output, replace, given, update)
    except ValueError as error:
        hint = " (--replace takes its place)" if not replace and str(error).endswith("already") else ""
        raise click.UsageError(f"{error}{hint}") from error
    for text in done["notices"]:
        notice(text)
    if wants_json():
        show_json(done)
    else:
        for line in _lines(done):
            say(line)


@contextmanager
def _ending_tidily() -> Iterator[None]:
    """A request to end (SIGTERM) ends what was begun, as Ctrl-C does: no process and no half-made folder stays behind."""

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # only the main thread takes signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _lines(done: dict[str, Any]) -> list[str]:
    lines = [
        f"{entry['role']}: {shown(entry['source'])}, sha256 {(entry['sha256'] or 'not recorded')[:16]}"
        for entry in done["roles"]
    ]
    lines += [f"{shown(done['folder'])}: model package {done['digest'][:16]}…"] if done["digest"] else []
    return lines or [f"{shown(done['folder'])}: {done['as']}"]
