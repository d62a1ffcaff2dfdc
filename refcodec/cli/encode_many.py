# SPDX-License-Identifier: MIT
"""semtool encode of many pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from refcodec.batch.encode import Encode
from refcodec.cli.many import run_many
from refcodec.cli.many_report import Report, output_row
from refcodec.efforts import EFFORTS
from refcodec.fileio import shown
from refcodec.images.suffixes import PICTURE_SUFFIXES
from refcodec.report.text import rate_text

if TYPE_CHECKING:
    from refcodec.batch.run import Result
    from refcodec.cli.many_options import Outputs
    from refcodec.limits import Limits

OF_PROCESS: Final = ("environment", "limits", "models")  # arguments that each process makes for itself
MODELS: Final = ("device", "dtype", "allow_download")


def encode_many(
    sources: tuple[str, ...],
    outputs: Outputs,
    jobs: int | None,
    arguments: Mapping[str, Any],
    options: Mapping[str, Any],
) -> int:
    """Encode many pictures; return the exit status.

    arguments: of `refcodec.encode`; options: of the command, which name the models.
    """
    limits: Limits = options["limits"]
    task = encode_task(arguments, options)
    return run_many(
        task,
        sources,
        PICTURE_SUFFIXES,
        limits,
        Report(task.done, _line, output_row),
        jobs=jobs,
        several=in_several(options),
        outputs=outputs,
        options=task.options,
        level=options["level"],
    )


def encode_task(arguments: Mapping[str, Any], options: Mapping[str, Any]) -> Encode:
    """Return the task of the command's options. arguments: of `refcodec.encode`, for them."""
    kept = {name: value for name, value in arguments.items() if name not in OF_PROCESS}
    kept |= {"models": options["model"] or None, **{name: options[name] for name in MODELS}}
    return Encode(kept, replace(options["limits"], timeout=None, until=None))


def in_several(options: Mapping[str, Any]) -> bool:
    """Return whether more than one process pays on a machine: not for foundation models, nor for a search with torch."""
    searches = EFFORTS[options["effort"]].steps > 0
    return not options["model"] and not searches and options["method"] in (None, "elic")


def _line(result: Result) -> str:
    """Return the line of one picture."""
    outcome, name = result.outcome, shown(str(result.item.output))
    if outcome.kept:
        return f"{name}: kept"
    rate = rate_text(result.bytes, outcome.width or 0, outcome.height or 0)
    return f"{name}: {rate}, {outcome.method}, {outcome.width}x{outcome.height}"
