# SPDX-License-Identifier: MIT
"""semtool verify: check whether files are valid, canonical, intact and within limits. One line per file."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import click

from refcodec.batch.inputs import is_folder
from refcodec.batch.outcome import Failure
from refcodec.batch.verify import empty_row, verify
from refcodec.cli.common_options import environment_of, json_option, level_option, model_option, progress
from refcodec.cli.error_report import notice
from refcodec.cli.limit_options import limits_options
from refcodec.cli.many_options import jobs_option
from refcodec.cli.stdio import STDIO, one_destination, read_input, say, show_json, wants_json
from refcodec.errors import Code, SemError, one_line
from refcodec.fileio import read_settings, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from refcodec.environment import Environment
    from refcodec.limits import Limits

WORDS = {3: "invalid", 4: "unsupported", 5: "model unavailable", 6: "over the limits", 7: "unreadable"}
SEVERAL = 32  # files from which on other processes pay
TRACE_BYTES = 1 << 26  # largest digest file: more than any model needs


@click.command(short_help="Check that files are valid and intact.")
@click.argument("sources", metavar="IN.sem…", nargs=-1, required=True)
@click.option(
    "--trace", is_flag=True, help="Print the first layer or pass that differs from IN.sem.trace.json. Takes no value."
)
@model_option
@level_option
@jobs_option
@limits_options
@json_option
def command(
    sources: tuple[str, ...], trace: bool, model: str | None, level: int, jobs: int | None, limits: Limits
) -> int:
    """Check form, canonical streams, keyed check and limits of each file, and of the .sem files in folders.

    The exit status is that of the first invalid file.
    """
    if trace and STDIO in sources:
        raise click.UsageError("--trace needs named files")
    folders = any(map(is_folder, sources))
    if STDIO not in sources and not trace and (folders or (jobs or 1) > 1 or len(sources) >= SEVERAL):
        from refcodec.cli.verify_many import verify_many

        return verify_many(sources, model, level, jobs, limits, _line, summary=folders)
    if folders:
        raise click.UsageError("--trace and standard input are for named files, not for folders")
    environment = environment_of(model)
    rows, status = [], 0
    for source in sources:
        row, error = _check(source, environment, level, trace, limits)
        rows.append(row)
        status = status or (error.status if error is not None else 0)
        if not wants_json():
            say(_line(row, error))
        if error is not None:
            name = "" if error.family == "io" else f"{shown(source)}: "  # io messages begin with the name
            say(name + one_line(str(error)), err=True)
    if wants_json():
        show_json({"files": rows})
    return status


def _check(
    source: str, environment: Environment, level: int, trace: bool, limits: Limits
) -> tuple[dict[str, Any], SemError | None]:
    """Return the object of one file in verify.schema.json, and its first error, if any."""
    from refcodec.networks.trace import Tracer

    row, failure = empty_row(source), None
    tracer = Tracer() if trace else None
    try:
        data = read_input(source, level)
        with progress("verifying") as update:
            verified = verify(data, environment, level, limits, tracer, update)
        row |= verified.members
        failure = verified.error
        if tracer is not None:
            row["parts_at"] = _parts_at(source, data, tracer)
    except SemError as error:
        failure = failure or error
    row["error"] = None if failure is None else failure.to_dict()
    return row, failure


def _parts_at(source: str, data: bytes, tracer: Any) -> str | None:
    """Return the first layer or pass whose digest differs from the encoder's, in the digest file beside the .sem."""
    path = f"{source}.trace.json"
    hint = "encode with --trace to make one"
    try:
        trace = json.loads(read_settings(path, TRACE_BYTES, "a digest file"))
        pairs = [(str(entry["name"]), str(entry["sha256"])) for entry in trace["entries"]]
        of = trace["file_sha256"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SemError(Code.CANNOT_READ, f"{shown(path)} is not a digest file", hint=hint) from error
    except SemError as error:
        raise SemError(error.code, error.what, hint=hint) from error
    if of != hashlib.sha256(data).hexdigest():
        notice(f"{path} was written for a file with other bytes than {source}")
    name: str | None = tracer.first_difference(pairs)
    return name


def _line(row: Mapping[str, Any], error: SemError | Failure | None) -> str:
    """Return the line of one file."""
    name = shown(row["file"])
    words = []
    if row["valid"]:
        words += [
            "valid",
            "canonical" if row["canonical"] else "foreign form",
            "no check" if row["check"] == "absent" else f"check {row['check']}",
        ]
        words += [f"level {row['level']}"] if row["complete"] else [f"level {row['level']}", "incomplete"]
        words += [] if error is None else ["no trace"]
    elif error is not None:
        words += [WORDS.get(error.status, "failed")]
        words += [] if one_destination() else [f"{_id(error)} {error.name}".strip()]
    words += [f"differs from the encoder at {row['parts_at']}"] if row["parts_at"] else []
    return f"{name}: {', '.join(words)}"


def _id(error: SemError | Failure) -> str:
    return error.id if isinstance(error, SemError) else error.code or ""
