# SPDX-License-Identifier: MIT
"""semtool models import: folders and hub ids fill roles, public checkpoints become what the codec reads."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from refcodec.cli.common_options import json_option, progress
from refcodec.cli.error_report import notice
from refcodec.cli.stdio import say, show_json, wants_json
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.progress import part

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
                done = _role(sources[0], kind, output, replace, no_fetch, update)
            else:
                if no_fetch:
                    raise click.UsageError("--no-fetch is of hub ids")
                done = _checkpoint([Path(source) for source in sources], kind, output, replace, given, update)
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


def _result(kind: str, folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "as": kind,
        "folder": str(folder),
        "set": None,
        "roles": [],
        "digest": None,
        "converted": [],
        "notices": [],
    } | more


def _role(place: str, role: str, output: str | None, replace: bool, no_fetch: bool, update: Progress) -> dict[str, Any]:
    """A folder or a hub id that fills a role of a set."""
    from refcodec.foundation.download import resolve_folder, source_sha256
    from refcodec.foundation.model_set import own_set, refuse_taken_role, relative_to
    from refcodec.foundation.roles import ModelSource, source_of

    folder = own_set() if output is None else Path(output)
    refuse_taken_role(folder, role, replace=replace)
    found, notices = source_of(role, place), []
    if found.is_endpoint:
        raise ValueError("an endpoint has no files: name it with --model where it is used")
    if not os.path.isdir(found.place):
        if os.path.lexists(found.place):
            raise ValueError(f"{shown(place)} is a file: name the folder of the model")
        if no_fetch:
            moves = "" if found.revision else ", and without a revision, so that it may change"
            notices.append(
                f"{found.name} is recorded without a digest{moves}: nothing can tell whether it is the same model later"
            )
            _record(folder, found)
            return _result(role, folder, set=str(folder), roles=[_entry(found)], notices=notices)
        found, here = _fetched(found)
        if here is None:
            return _copied(Path(found.place), role, folder, replace, update, found.revision)
        found = ModelSource(role, found.place, found.revision, source_sha256(found, here))
    elif relative_to(folder, Path(found.place)) is None or _needs_conversion(Path(found.place)):
        return _copied(Path(found.place), role, folder, replace, update)
    else:
        found = ModelSource(role, found.place, None, source_sha256(found, resolve_folder(found)))
    _record(folder, found)
    return _result(role, folder, set=str(folder), roles=[_entry(found)], notices=notices)


def _fetched(found: Any) -> tuple[Any, Path | None]:
    """A model of the hub with the revision that was fetched, and its folder; where it has pickled weights only, as a folder."""
    from refcodec.foundation.download import WEIGHTS, download
    from refcodec.foundation.folder_digest import model_files
    from refcodec.foundation.roles import ModelSource

    here = download(found)
    revision = here.name if here.parent.name == "snapshots" else found.revision
    if any(path.suffix == WEIGHTS for _, path in model_files(here)):
        return ModelSource(found.role, found.place, revision), here
    return ModelSource(found.role, str(download(found, pickled=True)), revision), None


def _needs_conversion(folder: Path) -> bool:
    from refcodec.convert.copy_folder import pickled_weights

    return bool(pickled_weights(folder))


def _copied(
    source: Path, role: str, folder: Path, replace: bool, update: Progress, revision: str | None = None
) -> dict[str, Any]:
    """A folder copied into a set."""
    from refcodec.convert.copy_folder import copy
    from refcodec.foundation.model_set import refuse_existing, temporary_dir

    target = folder / role
    if os.path.realpath(target) == os.path.realpath(source):
        raise ValueError(
            f"{shown(str(source))} has pickled weights, and their conversion would take its place: move it, or name another -o"
        )
    if os.path.realpath(target).startswith(os.path.join(os.path.realpath(source), "")):
        raise ValueError(
            f"the set lies inside {shown(str(source))}, which would be copied into itself: name another -o"
        )
    refuse_existing(target, replace=replace)
    with temporary_dir(folder) as place:
        (place / role).mkdir()
        converted = copy(source, place / role, progress=part(update, 0, 0.9))
        entry = _settled(place / role, role, folder, revision)
    return _result(role, target, set=str(folder), roles=[entry], converted=converted)


def _settled(made: Path, role: str, folder: Path, revision: str | None = None) -> dict[str, Any]:
    """The folder of a role takes its place in the set and is recorded."""
    from refcodec.foundation.download import resolve_folder, source_sha256
    from refcodec.foundation.model_set import record, replace_atomically
    from refcodec.foundation.roles import ModelSource

    found = ModelSource(role, str(made))
    found = ModelSource(role, str(folder / role), revision, source_sha256(found, resolve_folder(found)))
    replace_atomically(made, folder / role)
    record(folder, found)
    return _entry(found)


def _record(folder: Path, found: Any) -> None:
    from refcodec.foundation.model_set import record, write_errors

    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    record(folder, found)


def _entry(found: Any) -> dict[str, Any]:
    return {"role": found.role, "source": found.place, "revision": found.revision, "sha256": found.sha256}


def _checkpoint(
    sources: list[Path], kind: str, output: str | None, replace: bool, given: dict[str, Any], update: Progress
) -> dict[str, Any]:
    """Convert public checkpoints to a package, to folders of a set, or to a file of weights."""
    from refcodec.convert.checkpoints import ROLE_KINDS, SETTINGS, ImportJob

    if odd := sorted(given.keys() - set(SETTINGS.get(kind, ()))):
        raise ValueError(f"{kind} has no --{odd[0]}")
    for source in sources:
        if not source.is_file():
            raise SemError(
                Code.CANNOT_READ, f"{shown(str(source))}: there is no such file", hint="name the file of a checkpoint"
            )
    notices: list[str] = []
    stem = given.get("name") or sources[0].name.split(".")[0] or kind
    photos, base = (Path(given[name]) if name in given else None for name in ("photos", "base"))
    words = {name: given[name] for name in ("variant", "licence", "notes") if name in given}
    job = ImportJob(sources, photos=photos, base=base, name=stem, say=notices.append, progress=update, **words)
    folder = _usual_folder(kind, stem) if output is None else Path(output)
    done = _result(kind, folder, converted=[source.name for source in sources], notices=notices)
    return done | (_convert_roles if kind in ROLE_KINDS else _convert_one)(kind, job, folder, replace)


def _usual_folder(kind: str, stem: str) -> Path:
    """Return the folder for what is imported without --output."""
    from refcodec.convert.checkpoints import PACKAGE_KINDS, ROLE_KINDS
    from refcodec.foundation.model_set import own_set
    from refcodec.networks import package_search

    if kind in ROLE_KINDS:
        return own_set()
    return package_search.own() / (stem if kind in PACKAGE_KINDS else "metrics")


def _convert_roles(kind: str, job: ImportJob, folder: Path, replace: bool) -> dict[str, Any]:
    """Convert to folders of the set `folder`, each of which fills a role."""
    from refcodec.convert.checkpoints import convert
    from refcodec.foundation.model_set import refuse_existing, refuse_taken_role, temporary_dir

    with temporary_dir(folder) as job.scratch:
        job.out = job.scratch
        convert(kind, job)
        for role in job.roles:
            refuse_taken_role(folder, role, replace=replace)
            refuse_existing(folder / role, replace=replace)
        roles = [_settled(made, role, folder) for role, made in job.roles.items()]
    return {"set": str(folder), "roles": roles}


def _convert_one(kind: str, job: ImportJob, folder: Path, replace: bool) -> dict[str, Any]:
    """Convert to the package `folder`, or to the weights of a metric network in it."""
    from refcodec.convert.checkpoints import PACKAGE_KINDS, convert
    from refcodec.foundation.model_set import refuse_existing, replace_atomically, temporary_dir

    package = kind in PACKAGE_KINDS
    target = folder if package else folder / f"{kind}.safetensors"
    refuse_existing(target, replace=replace)
    with temporary_dir(target.parent) as job.scratch:
        job.out = job.scratch / target.name if package else job.scratch
        convert(kind, job, None if package else _write_metric)
        replace_atomically(job.out if package else job.out / target.name, target)
    return {"digest": job.digest}


def _write_metric(kind: str, job: Any, states: list[dict[str, Any]]) -> None:
    """Write the weights of a metric network, from its public checkpoints."""
    from refcodec.cli.bench.metric_networks.checkpoints import convert
    from refcodec.convert.checkpoints import write_weights
    from refcodec.foundation.download import WEIGHTS

    write_weights(job.out, convert(kind, states), None, kind + WEIGHTS)


def _lines(done: dict[str, Any]) -> list[str]:
    lines = [
        f"{entry['role']}: {shown(entry['source'])}, sha256 {(entry['sha256'] or 'not recorded')[:16]}"
        for entry in done["roles"]
    ]
    lines += [f"{shown(done['folder'])}: model package {done['digest'][:16]}…"] if done["digest"] else []
    return lines or [f"{shown(done['folder'])}: {done['as']}"]
