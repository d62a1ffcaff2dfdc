# SPDX-License-Identifier: MIT
"""semtool verify: is a file valid, canonical, intact and within limits? One line a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from refcodec.errors import SemError
from semtool.output import json_option, level_option, model_option, read_input, show_json


def _one(name: str, model: Path | None, level: int, trace: bool) -> dict[str, Any]:
    from refcodec.symbols import read_symbols
    from refcodec.tracing import Tracer

    row: dict[str, Any] = {
        "file": name, "valid": None, "canonical": None, "check": None, "level": level, "complete": None, "parts_at": None,
        "error": None,
    }  # fmt: skip
    tracer = Tracer() if trace else None
    data = b""
    try:
        data = read_input(name, level)
        decoded = read_symbols(data, models=(model,) if model else (), level=level, trace=tracer)
        row.update(valid=True, canonical=True, check=decoded.state, complete=decoded.container.complete)
    except SemError as e:
        row.update(valid=False if e.status == 3 else None, error=e.to_dict(), status=e.status, line=str(e))
    if tracer is not None and data:
        row["parts_at"] = _parts_at(name, tracer)
    return row


def _parts_at(name: str, tracer: Any) -> str | None:
    """The first layer or pass whose digest is not the encoder's, by its digest file beside the .sem."""
    path = Path(f"{name}.trace.json")
    try:
        wanted = json.loads(path.read_text())["entries"]
        pairs = [(e["name"], e["sha256"]) for e in wanted]
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise SemError(101, f"cannot read the digest file {path}", hint="encode with --trace to make one") from e
    return tracer.parts_from(pairs)  # type: ignore[no-any-return]


@click.command()
@click.argument("sources", metavar="IN.sem…", nargs=-1, required=True)
@click.option("--trace", is_flag=True, help="Name the first layer or pass that differs from IN.sem.trace.json.")
@model_option
@level_option
@json_option
def command(sources: tuple[str, ...], trace: bool, model: Path | None, level: int, as_json: bool) -> None:
    """Check files: form, canonical streams, keyed check, limits. The exit status is that of the first fault."""
    rows = [_one(name, model, level, trace) for name in sources]
    for row in rows:
        line = row.pop("line", None)
        if as_json:
            continue
        if line is not None:
            word = {5: "model unavailable", 6: "over the limits", 4: "unsupported", 7: "unreadable"}.get(row["status"], "invalid")
            click.echo(f"{row['file']}: {word}: {line}")
        else:
            whole = "" if row["complete"] else ", incomplete"
            click.echo(f"{row['file']}: valid, canonical, check {row['check']}, level {level}{whole}")
        if trace:
            where = row["parts_at"]
            click.echo(f"{row['file']}: " + ("trace agrees" if where is None else f"trace parts at {where}"))
    status = next((row["status"] for row in rows if "status" in row), 0)
    if as_json:
        for row in rows:
            row.pop("status", None)
        show_json({"files": rows})
    raise SystemExit(status)
