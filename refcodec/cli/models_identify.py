# SPDX-License-Identifier: MIT
"""semtool models identify: digests of the models that give symbols their meaning, printed or written as a package."""

from __future__ import annotations

from pathlib import Path

import click

from refcodec.cli.common_options import json_option, progress
from refcodec.cli.output_file import folder_name
from refcodec.cli.output_probe import probe_folder
from refcodec.cli.stdio import claim_report, say, show_json, wants_json
from refcodec.fileio import shown
from refcodec.progress import Progress


@click.command("identify", short_help="Print the digests that identify models in files, rows and packages.")
@click.argument("models", metavar="ROLE=FOLDER…", nargs=-1, required=True)
@click.option("-o", "--output", metavar="DIR", callback=folder_name, help="Write a model package with this identity.")
@click.option("--with", "base", metavar="PACKAGE", help="Copy the symbol model of PACKAGE into the package.")
@click.option("--name", metavar="NAME", help="Name of the package.  [default: that of DIR]")
@click.option("--replace", is_flag=True, help="Replace an existing package.")
@json_option
def command(models: tuple[str, ...], output: str | None, base: str | None, name: str | None, replace: bool) -> None:
    """Print the digests of the models that give symbols their meaning (SPEC.md §12).

    \b
    image_embedder   a CLIP vision model, or a pipeline of stable unCLIP
    hyper_encoder    a PerCo hyper-encoder
    codebooks        a model package of PQ codes
    tokenizer        a folder with a tokenizer, or a pipeline
    text_encoder     a CLIP text model, or a pipeline

    Digests in `identity` of a registry row add no bytes to a file. With -o they become a package, which --model finds, and
    which --explicit-model names in a file at a cost of 6 bytes or more. Copies of a model in float16 and float32 have the
    same digest.

    \b
    semtool models identify image_embedder=clip-vit-large-patch14 -o my-embedder
    semtool encode photo.jpg --method clip --model set --model my-embedder --explicit-model --hash-bytes 4
    """
    from refcodec.convert import identity_package
    from refcodec.foundation.model_set import refuse_existing_unless_package
    from refcodec.networks import package_cache

    if output is None and (base, name, replace) != (None, None, False):
        raise click.UsageError("--with, --name and --replace are for a package: name its folder with -o")
    digest = None
    claim_report()
    try:
        if output is not None:
            refuse_existing_unless_package(Path(output), (), replace=replace)
            probe_folder(output)
        with progress("reading") as update:
            roles, folders = _identified(models, update)
            if base is not None:
                package_cache.model_digest(Path(base))
            if output is not None:
                title = Path(output).name if name is None else name
                place = None if base is None else Path(base)
                digest = identity_package.write(
                    Path(output), roles, name=title, base=place, replace=replace, sources=folders
                )
    except ValueError as error:
        hint = " (--replace replaces it)" if str(error).endswith("already") else ""
        raise click.UsageError(f"{error}{hint}") from error
    if wants_json():
        show_json({"identity": roles, "folder": output, "digest": digest})
        return
    for role, sha256 in roles.items():
        say(f"{role}: {sha256}")
    if digest is not None:
        say(f"{shown(str(output))}: model package {digest[:16]}…")


def _identified(models: tuple[str, ...], update: Progress) -> tuple[dict[str, str], list[Path]]:
    """Return the digest of each role, and the folders that were read."""
    from refcodec.foundation import identity
    from refcodec.foundation.model_place import snapshot_of

    roles, folders = dict[str, str](), list[Path]()
    for i, entry in enumerate(models):
        role, folder = _parse(entry, roles)
        folders.append(folder)
        roles[role] = identity.identify(role, snapshot_of(role, folder))
        update((i + 1) / len(models))
    return roles, folders


def _parse(entry: str, roles: dict[str, str]) -> tuple[str, Path]:
    """Return (role, folder) of an argument; raise ValueError for another form, an unknown role or one given twice."""
    from refcodec.foundation import identity
    from refcodec.foundation.place_text import shown_place
    from refcodec.foundation.resolve import no_folder_error

    role, equals, place = entry.partition("=")
    if not equals or not place or role not in identity.ROLES:
        raise ValueError(f"{shown_place(entry)} is not ROLE=FOLDER with one of the roles {', '.join(identity.ROLES)}")
    if role in roles:
        raise ValueError(f"the role {role} is given twice")
    if not Path(place).is_dir():
        raise no_folder_error(Path(place))
    return role, Path(place)
