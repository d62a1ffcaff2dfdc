# SPDX-License-Identifier: MIT
"""semtool models import for public checkpoints: convert them to a package, to folders of a set, or to weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from refcodec.cli.import_role import place_role, result
from refcodec.cli.output_probe import probe_folder
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.progress import Progress

if TYPE_CHECKING:
    from refcodec.convert.checkpoints import ImportJob


def import_checkpoint(
    sources: list[Path], kind: str, output: str | None, replace: bool, settings: dict[str, Any], update: Progress
) -> dict[str, Any]:
    """Convert public checkpoints to a package, to folders of a set, or to a file of weights.

    Returns the result that --json prints. Raises ValueError for a setting that the kind does not have, SemError for a
    checkpoint that cannot be converted.
    """
    from refcodec.convert.checkpoints import ROLE_KINDS, SETTINGS, ImportJob

    if odd := sorted(settings.keys() - set(SETTINGS.get(kind, ()))):
        raise ValueError(f"{kind} has no --{odd[0]}")
    for source in sources:
        if not source.is_file():
            raise SemError(
                Code.CANNOT_READ, f"{shown(str(source))}: there is no such file", hint="name the file of a checkpoint"
            )
    notices: list[str] = []
    stem = settings.get("name") or sources[0].name.split(".")[0] or kind
    photos, base = (Path(settings[name]) if name in settings else None for name in ("photos", "base"))
    texts = {name: settings[name] for name in ("variant", "licence", "notes") if name in settings}
    job = ImportJob(sources, photos=photos, base=base, name=stem, say=notices.append, progress=update, **texts)
    folder = _usual_folder(kind, stem) if output is None else Path(output)
    probe_folder(str(folder))
    done = result(kind, folder, converted=[source.name for source in sources], notices=notices)
    return done | (_convert_roles if kind in ROLE_KINDS else _convert_one)(kind, job, folder, replace)


def _usual_folder(kind: str, stem: str) -> Path:
    """Return the folder for imports without --output."""
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
        roles = [place_role(converted, role, folder) for role, converted in job.roles.items()]
    return {"set": str(folder), "roles": roles}


def _convert_one(kind: str, job: ImportJob, folder: Path, replace: bool) -> dict[str, Any]:
    """Convert to the package `folder`, or to the weights of a metric network in it."""
    from refcodec.convert.checkpoints import PACKAGE_KINDS, convert
    from refcodec.foundation.model_set import (
        refuse_existing,
        refuse_existing_unless_package,
        replace_atomically,
        temporary_dir,
    )

    package = kind in PACKAGE_KINDS
    target = folder if package else folder / f"{kind}.safetensors"
    if package:
        refuse_existing_unless_package(target, job.sources, replace=replace)
    else:
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
