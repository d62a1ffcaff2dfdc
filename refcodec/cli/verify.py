# SPDX-License-Identifier: MIT
"""semtool verify: is a file valid, canonical, intact and within limits? One line a file."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.common_options import environment_of, json_option, level_option, model_option, progress
from refcodec.cli.error_report import notice
from refcodec.cli.stdio import STDIO, read_input, safe, say, show_json, wants_json
from refcodec.errors import Code, SemError
from refcodec.fileio import read_bytes, shown

if TYPE_CHECKING:
    from refcodec.environment import Environment

WORDS = {3: "invalid", 4: "unsupported", 5: "model unavailable", 6: "over the limits", 7: "unreadable"}
TRACE_BYTES = 1 << 26  # more than the layers and passes of any model


@click.command(short_help="Say whether files are valid and intact.")
@click.argument("sources", metavar="IN.sem…", nargs=-1, required=True)
@click.option("--trace", is_flag=True, help="Name the first layer or pass that differs from IN.sem.trace.json.")
@model_option
@level_option
@json_option
def command(sources: tuple[str, ...], trace: bool, model: str | None, level: int) -> int:
    """Check form, canonical streams, keyed check and limits of each file.

    The exit status is that of the first file with a fault.
    """
    if trace and STDIO in sources:
        raise click.UsageError("--trace needs named files")
    environment = environment_of(model)
    rows, first = [], 0
    for source in sources:
        row, fault = _judged(source, environment, level, trace)
        rows.append(row)
        first = first or (fault.status if fault is not None else 0)
        if not wants_json():
            say(_line(row, fault))
        if fault is not None:
            name = "" if fault.family == "io" else f"{shown(source)}: "  # its messages begin so
            say(name + safe(str(fault)), err=True)
    if wants_json():
        show_json({"files": rows})
    return first


def _judged(source: str, environment: Environment, level: int, trace: bool) -> tuple[dict[str, Any], SemError | None]:
    """The object of one file in verify.schema.json, and the fault if there is one."""
    from refcodec.decoder import decode_file
    from refcodec.inspection import inspect
    from refcodec.networks.trace import Tracer

    row: dict[str, Any] = {
        "file": source,
        "valid": None,
        "canonical": None,
        "check": None,
        "level": None,
        "complete": None,
        "parts_at": None,
        "error": None,
    }
    tracer = Tracer() if trace else None
    fault: SemError | None = None
    data = None
    try:
        data = read_input(source, level)
        with progress("verifying") as update:
            decoded = decode_file(data, level=level, trace=tracer, progress=update, environment=environment)
        row.update(valid=True, canonical=decoded.canonical, check=decoded.state, complete=decoded.container.complete)
    except SemError as error:
        fault = error
        row.update(
            valid=False if error.status == 3 else None,
            canonical=False if error.code == Code.STREAM_NOT_CANONICAL else None,
        )
    if data is not None:
        row["level"] = _level(data, environment)
    if data is not None and fault is not None:
        found = inspect(data, level=level, environment=environment)
        row.update(complete=found.complete, check="failed" if fault.code == Code.CHECK_MISMATCH else found.check.state)
    if tracer is not None and data is not None:
        try:
            row["parts_at"] = _parts_at(source, data, tracer)
        except SemError as error:
            fault = fault or error
    row["error"] = None if fault is None else fault.to_dict()
    return row, fault


def _level(data: bytes, environment: Environment) -> int | None:
    """The lowest level whose limits the file keeps."""
    from refcodec.container.limits import LEVELS
    from refcodec.inspection import inspect

    def keeps(level: int) -> bool:
        return all(error.family != "limit" for error in inspect(data, level=level, environment=environment).errors)

    return next(filter(keeps, LEVELS), None)


def _parts_at(source: str, data: bytes, tracer: Any) -> str | None:
    """The first layer or pass whose digest is not the encoder's, by its digest file beside the .sem."""
    path = f"{source}.trace.json"
    hint = "encode with --trace to make one"
    try:
        trace = json.loads(read_bytes(path, TRACE_BYTES))
        pairs = [(str(entry["name"]), str(entry["sha256"])) for entry in trace["entries"]]
        of = trace["file_sha256"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SemError(Code.CANNOT_READ, f"{shown(path)} is no digest file", hint=hint) from error
    except SemError as error:
        raise SemError(error.code, error.what, hint=hint) from error
    if of != hashlib.sha256(data).hexdigest():
        notice(f"{path} was written for other bytes than those of {source}")
    parts: str | None = tracer.first_difference(pairs)
    return parts


def _line(row: dict[str, Any], fault: SemError | None) -> str:
    name = shown(row["file"])
    words = []
    if row["valid"]:
        words += [
            "valid",
            "canonical" if row["canonical"] else "foreign form",
            "no check" if row["check"] == "absent" else f"check {row['check']}",
        ]
        words += [f"level {row['level']}"] if row["complete"] else [f"level {row['level']}", "incomplete"]
        words += [] if fault is None else ["no trace"]
    elif fault is not None:
        words += [WORDS[fault.status], f"{fault.id} {fault.name}"]
    words += [f"parts from the encoder at {row['parts_at']}"] if row["parts_at"] else []
    return f"{name}: {', '.join(words)}"
