# SPDX-License-Identifier: MIT
"""The library does what the program does: docs/python.md compares every option with an argument, and misses none."""

from __future__ import annotations

import importlib
import inspect
import re
import typing
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import click
import pytest

import refcodec
from refcodec.cli.commands import COMMANDS

PAGE = Path(__file__).resolve().parents[2] / "docs/python.md"
PROGRAMS = (
    "batch",
    "example",
    "models",
    "conformance",
    "bench",
    "completion",
)  # commands without a counterpart in the library
FUNCTIONS = ("encode", "decode", "decode_progressive", "inspect", "payload", "symbols", "symbol_files", "text")
NOWHERE = "—"
Row = tuple[str, str, str]


def tables() -> dict[str, list[Row]]:
    """The rows of each table of the page, by its heading."""
    found: dict[str, list[Row]] = {}
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        heading, _, body = part.partition("\n")
        lines = [line for line in body.splitlines() if line.startswith("|")][2:]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        found[heading] = [(row[0].strip("`"), row[1], row[2] if len(row) > 2 else "") for row in cells]
    return found


TABLES = tables()
COMPARED = [name for name in COMMANDS if name not in PROGRAMS]


def references(*cells: str) -> list[tuple[str, str]]:
    """The (function, argument) that cells name."""
    return re.findall(r"`(refcodec(?:\.\w+)+)\((\w+)\)`", " ".join(cells))


def resolved(path: str) -> Callable[..., Any]:
    """The function or class of a dotted name."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[end:], module)  # type: ignore[arg-type, return-value]
    raise AssertionError(path)


def arguments(function: Callable[..., Any]) -> set[str]:
    """The arguments of a function, those of an unpacked TypedDict among them."""
    names = set()
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind != parameter.VAR_KEYWORD:
            names.add(parameter.name)
            continue
        module = importlib.import_module(function.__module__)
        (inner,) = re.findall(r"Unpack\[(\w+)\]", str(parameter.annotation))
        names |= set(typing.cast(Any, getattr(module, inner)).__annotations__)
    return names


def command(name: str) -> click.Command:
    module, attribute = COMMANDS[name]
    found: click.Command = getattr(importlib.import_module(module), attribute)
    return found


def shown(parameter: click.Parameter) -> str:
    """An option by its first long name, an argument by its metavar."""
    if isinstance(parameter, click.Argument):
        return (parameter.metavar or "").strip("[]")
    return next((name for name in parameter.opts if name.startswith("--")), parameter.opts[0])


@pytest.mark.parametrize("name", COMPARED)
def test_every_option_has_its_row(name: str) -> None:
    options = [shown(parameter) for parameter in command(name).params]
    assert sorted(row[0] for row in TABLES[f"semtool {name}"]) == sorted(options)


@pytest.mark.parametrize("name", COMPARED)
def test_every_row_names_an_argument_that_there_is(name: str) -> None:
    for option, python, remark in TABLES[f"semtool {name}"]:
        named = references(python)
        assert len(named) == (python != NOWHERE), option
        for path, argument in [*named, *references(remark)]:
            assert argument in arguments(resolved(path)), (option, path, argument)
    files = ("--output", "-o", "--force", "--preserve-times", "--json", "--hex", "--html", "--size")
    assert {row[0] for row in TABLES[f"semtool {name}"] if row[1] == NOWHERE} <= set(files)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_has_its_row(name: str) -> None:
    rows = [row for heading, rows in TABLES.items() if heading.startswith("semtool ") for row in rows]
    named = {argument for row in rows for path, argument in references(*row) if path == f"refcodec.{name}"}
    if name == "decode_progressive":
        named |= {argument for row in rows for path, argument in references(*row) if path == "refcodec.decode"}
        assert arguments(refcodec.decode) - arguments(refcodec.decode_progressive) == {"samples", "record"}
    named |= {
        argument for row in rows for path, argument in references(*row) if argument in ("level", "limits", "data")
    }
    without = {row[0] for row in TABLES["Arguments without an option"]}
    assert arguments(getattr(refcodec, name)) - named == arguments(getattr(refcodec, name)) & without - named


def test_commands_are_compared_or_programs() -> None:
    assert {heading.removeprefix("semtool ") for heading in TABLES if heading.startswith("semtool ")} == set(COMPARED)
    assert set(FUNCTIONS) < set(refcodec.__all__)


def test_a_new_option_or_argument_is_found_out() -> None:
    """The comparison is one of equal sets: a row too few fails as well as a row too many."""
    options = {shown(parameter) for parameter in [*command("decode").params, click.Option(["--new"])]}
    assert options - {row[0] for row in TABLES["semtool decode"]} == {"--new"}

    def decode(data: bytes, *, new: int = 0) -> None: ...

    assert "new" in arguments(decode)
    assert arguments(refcodec.encode) >= {"image", "candidates", "record", "notice"}
