# SPDX-License-Identifier: MIT
"""Commands on many files: find inputs, name outputs, work, report. Each file is done as a call for it alone would."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from refcodec.batch.inputs import Inputs, find_inputs, is_folder
from refcodec.batch.job import Work
from refcodec.batch.notes import Notes, digest_of
from refcodec.batch.outputs import Item, OutputClash, name_outputs, unwritten
from refcodec.batch.run import Plan, Run
from refcodec.cli.error_report import notice
from refcodec.cli.many_report import Report
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.limits import Limits

if TYPE_CHECKING:
    from refcodec.batch.task import Task
    from refcodec.cli.many_options import Outputs


def run_many(
    task: Task,
    sources: tuple[str, ...],
    suffixes: Collection[str],
    limits: Limits,
    report: Report,
    *,
    jobs: int | None = None,
    several: bool = True,
    outputs: Outputs | None = None,
    options: Mapping[str, Any] | None = None,
    level: int = 1,
) -> int:
    """Carry out a task on the named files and folders; return the exit status, of the first file that failed.

    suffixes: of the files in folders. several: whether more than one process pays by default. options: those that decide
    what an output holds.
    """
    plan = _plan(sources, suffixes, outputs, digest_of(options or {}), level)
    try:
        plan.check()
        task.prepare()
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    run = _sized(plan, Work(task, replace(limits, timeout=None, until=None)), limits, jobs, several=several)
    notes = None if plan.folder is None else Notes.of(plan.folder, task.verb)
    if notes is not None:
        notes.begin(plan.options)
    try:
        with report.reporting(len(plan.items)), closing(run.results(notes)) as results:
            for result in results:
                report.add(result)
    finally:
        if notes is not None:
            notes.close()
    return report.finish()


def _plan(
    sources: tuple[str, ...], suffixes: Collection[str], outputs: Outputs | None, options: str, level: int
) -> Plan:
    inputs = find_inputs(sources, suffixes, None if outputs is None else outputs.folder)
    report_left_out(inputs)
    if not inputs.files:
        folder = next(name for name in sources if is_folder(name))
        what = f"{shown(folder)}: no file in this folder has one of the suffixes {_listed(suffixes)}"
        raise SemError(Code.CANNOT_READ, what, hint="name another folder, or the files themselves")
    if outputs is None:
        return Plan(unwritten(inputs.files), level=level)
    return Plan(
        _named(inputs, outputs),
        outputs.folder,
        options,
        outputs.present,
        outputs.pictures,
        outputs.times,
        level,
    )


def _named(inputs: Inputs, outputs: Outputs) -> list[Item]:
    try:
        return name_outputs(inputs.files, outputs.folder, outputs.suffix, keep_suffix=outputs.keep_suffix)
    except OutputClash as error:
        raise click.UsageError(str(error)) from error


def _sized(plan: Plan, work: Work, limits: Limits, jobs: int | None, *, several: bool) -> Run:
    from refcodec.batch.sizing import memory_for_work, process_count
    from refcodec.networks.threads import cores

    processes = jobs or process_count(len(plan.items), limits, several=several)
    threads = max(1, cores() // processes)
    work = replace(work, files=max(1, len(plan.items) // processes))
    return Run(plan, work, processes, memory_for_work(limits, processes), threads, limits)


def report_left_out(inputs: Inputs) -> None:
    """Print notices of what folders hold beside inputs."""
    for folder in inputs.loops:
        notice(f"{shown(folder)} leads to a folder around it, and is left out")
    if inputs.special:
        more = f", and {len(inputs.special) - 1} more" if len(inputs.special) > 1 else ""
        notice(f"left out what is no regular file: {shown(inputs.special[0])}{more}")
    if inputs.left_out:
        ordered = sorted(inputs.left_out.items(), key=lambda each: (-each[1], not each[0], each[0]))
        kinds = [f"{shown(suffix) if suffix else 'none'} ({count})" for suffix, count in ordered[:5]]
        more = ", …" if len(ordered) > len(kinds) else ""
        files = "1 file" if inputs.left_out.total() == 1 else f"{inputs.left_out.total()} files"
        notice(f"left out {files} of other suffixes: {', '.join(kinds)}{more}")


def _listed(suffixes: Collection[str]) -> str:
    listed = sorted(suffixes)
    return ", ".join(listed) if len(listed) < 6 else f"{', '.join(listed[:5])} …"
