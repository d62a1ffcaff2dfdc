# SPDX-License-Identifier: MIT
"""semtool decode of many files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from refcodec.batch.decode import Decode
from refcodec.cli.many import run_many
from refcodec.cli.many_options import SUFFIXES
from refcodec.cli.many_report import Report, output_row
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.batch.run import Result
    from refcodec.cli.many_options import Outputs
    from refcodec.limits import Limits

OPTIONS: Final = ("device", "dtype", "allow_download", "any_model", "level", "keep_metadata")


def decode_many(
    sources: tuple[str, ...],
    outputs: Outputs,
    jobs: int | None,
    arguments: Mapping[str, Any],
    options: Mapping[str, Any],
) -> int:
    """Decode many files to pictures; return the exit status.

    arguments: render hints and reflections of `refcodec.decode`; options: of the command, which name the others.
    """
    limits: Limits = options["limits"]
    task = decode_task(outputs.suffix[1:], arguments, options)
    return run_many(
        task,
        sources,
        SUFFIXES,
        limits,
        Report(task.done, _line, output_row),
        jobs=jobs,
        several=not options["model"],
        outputs=outputs,
        options={**task.options, "format": task.format},
        level=options["level"],
    )


def decode_task(format: str, arguments: Mapping[str, Any], options: Mapping[str, Any]) -> Decode:
    """Return the task of the command's options. format: of the pictures; arguments: render hints and reflections."""
    kept = {**arguments, "models": options["model"] or None, **{name: options[name] for name in OPTIONS}}
    limits = replace(options["limits"], timeout=None, until=None)
    return Decode(kept, limits=limits, format=format)


def _line(result: Result) -> str:
    """Return the line of one picture."""
    outcome, name = result.outcome, shown(str(result.item.output))
    if outcome.kept:
        return f"{name}: kept"
    incomplete = "" if outcome.detail["complete"] else ", of an incomplete file"
    return f"{name}: picture, {outcome.width}x{outcome.height}, check {outcome.check}{incomplete}"
