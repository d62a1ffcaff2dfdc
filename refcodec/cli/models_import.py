# SPDX-License-Identifier: MIT
"""semtool models import: fill roles with folders and hub ids, and convert public checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from refcodec.cli.common_options import json_option, progress
from refcodec.cli.error_report import notice
from refcodec.cli.import_checkpoint import import_checkpoint
from refcodec.cli.import_role import import_role
from refcodec.cli.output_file import folder_name
from refcodec.cli.stdio import say, show_json, wants_json
from refcodec.fileio import shown


def _kinds() -> list[str]:
    """Return the choices of --as: roles and kinds of checkpoints."""
    from refcodec.foundation.roles import ROLES

    return [*ROLES, "elic", "hed", "perco", "lpips-alex", "lpips-vgg", "dists", "inception"]


@click.command("import", short_help="Import a model: a folder, a hub id or a public checkpoint.")
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
    callback=folder_name,
    help="A set, or the folder of a package or of weights.  [default: the user's folder of models]",
)
@click.option("--replace", is_flag=True, help="Replace a model that is there already.")
@click.option("--no-fetch", is_flag=True, help="Record a hub id without downloading it, and so without a digest.")
@click.option("--photos", metavar="DIR", help="elic: photographs for measuring the ranges of activations.")
@click.option("--variant", metavar="NAME", help="elic: taco, compressai or chandelier.  [default: by its tensors]")
@click.option(
    "--base", metavar="DIR", help="perco: the folder of the Stable Diffusion that the U-Net was derived from."
)
@click.option("--name", metavar="NAME", help="elic: the name of the package.  [default: the file's]")
@click.option("--licence", metavar="TEXT", default="", help="elic: the licence of the weights.")
@click.option("--notes", metavar="TEXT", default="", help="elic: the origin of the weights, and other notes for users.")
@json_option
def command(
    sources: tuple[str, ...], kind: str, output: str | None, replace: bool, no_fetch: bool, **settings: str | None
) -> None:
    """Import a model, and record its digest.

    \b
    KIND a role (captioner, language, painter, editor, controlnet, image_embedder, text_encoder,
        clip, edge_detector, hyper_encoder, segmenter): SOURCE is a folder, which is copied into the
        set unless it is in it, or ID[@REVISION] of the hub, which is downloaded and recorded
    elic                                     convert a public checkpoint to a model package
    hed, perco                               convert checkpoints to folders of a set
    lpips-alex, lpips-vgg, dists, inception  convert checkpoints to the weights of a metric

    Pickled weights are converted in a separate process that accepts tensors only.
    """
    from refcodec.foundation.roles import ROLES

    used = {name: value for name, value in settings.items() if value}
    try:
        with progress("importing") as update:
            if kind in ROLES:
                if used or len(sources) > 1:
                    raise click.UsageError(f"{kind} takes one SOURCE" + (f", and no --{min(used)}" if used else ""))
                result = import_role(sources[0], kind, output, replace, no_fetch, update)
            else:
                if no_fetch:
                    raise click.UsageError("--no-fetch is for hub ids")
                result = import_checkpoint([Path(source) for source in sources], kind, output, replace, used, update)
    except ValueError as error:
        hint = " (--replace replaces it)" if not replace and str(error).endswith("already") else ""
        raise click.UsageError(f"{error}{hint}") from error
    for text in result["notices"]:
        notice(text)
    if wants_json():
        show_json(result)
    else:
        for line in _lines(result):
            say(line)


def _lines(result: dict[str, Any]) -> list[str]:
    """Return the lines of the text output."""
    lines = [
        f"{entry['role']}: {shown(entry['source'])}, sha256 {(entry['sha256'] or 'not recorded')[:16]}"
        for entry in result["roles"]
    ]
    lines += [f"{shown(result['folder'])}: model package {result['digest'][:16]}…"] if result["digest"] else []
    return lines or [f"{shown(result['folder'])}: {result['as']}"]
