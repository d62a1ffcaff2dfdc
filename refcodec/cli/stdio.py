# SPDX-License-Identifier: MIT
"""Standard streams and files as the commands use them. Standard library only, so that every call starts quickly."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TextIO

from refcodec import fileio
from refcodec.errors import Code, SemError
from refcodec.fileio import shown

STDIO = "-"


@dataclass
class _Call:
    """What all parts of one call of the program need to know."""

    json: bool = False  # results and errors are wanted as JSON, too
    binary: bool = False  # standard output carries a file: everything else goes to standard error


_call = _Call()


def prepare(arguments: list[str]) -> None:
    """Before anything else: streams that print any text, and no data file in the place of a closed one."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    _call.json, _call.binary = "--json" in options, False
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def wants_json() -> bool:
    return _call.json


def safe(text: str) -> str:
    """Text from a stranger's file on one line of a terminal: what does not print stands as its escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def say(text: str, err: bool = False) -> None:
    """A line of text. BrokenPipeError where nobody reads it any more, SemError 102 where it cannot be written."""
    err = err or _call.binary
    stream: TextIO | None = sys.stderr if err else sys.stdout
    if stream is None:
        if err:
            return
        raise SemError(Code.CANNOT_WRITE, "standard output is closed")
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        if err:  # nowhere left to say it
            return
        mute()
        raise SemError(
            Code.CANNOT_WRITE, f"standard output: {error.strerror}", hint="free some space or name a file"
        ) from error


def show_json(value: Any) -> None:
    """A JSON object on standard output. ASCII only, whatever the terminal's encoding."""
    say(json.dumps(value, indent=2))


def flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def mute() -> None:
    """Let what is still buffered for standard output go nowhere, rather than fail again when Python ends."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def read_input(name: str, level: int = 1) -> bytes:
    """The bytes of a .sem file, `-` for standard input."""
    from refcodec.container.limits import level_bounds

    bound = level_bounds(level).file_bytes
    return fileio.read_stream(standard_input(), bound) if name == STDIO else fileio.read_bytes(name, bound)


def standard_input() -> Any:
    """The binary stream of standard input."""
    if sys.stdin is None:
        raise SemError(Code.CANNOT_READ, "standard input is closed", hint="name a file")
    return sys.stdin.buffer


def claim_output(name: str, source: str) -> None:
    """Refuse an output that cannot be, before work is done for it: a terminal, a missing folder, the input itself."""
    import click

    if name == STDIO:
        _call.binary = True
        if sys.stdout is None:
            raise SemError(Code.CANNOT_WRITE, "standard output is closed", hint="name a file with -o")
        if sys.stdout.isatty():
            raise click.UsageError("this would write a file to the terminal: name one with -o")
        return
    if _same(name, source):
        raise click.UsageError(f"{shown(name)} is the input itself: name another output")
    folder = os.path.dirname(name) or "."
    if not os.path.isdir(folder):
        raise SemError(Code.CANNOT_WRITE, f"{shown(name)}: there is no folder {shown(folder)}", hint="make it first")
    if os.path.isdir(name):
        raise SemError(Code.CANNOT_WRITE, f"{shown(name)} is a folder", hint="name a file")


def write_output(name: str, data: bytes) -> None:
    """Write a file whole or not at all; `-` is standard output."""
    if name != STDIO:
        fileio.write_atomic(name, data)
        return
    try:
        fileio.write_stream(sys.stdout.buffer, data)
    except SemError as error:
        if isinstance(error.__cause__, BrokenPipeError):
            raise BrokenPipeError from error
        mute()
        raise


def default_output(source: str, suffix: str) -> str:
    """`-` for standard input, otherwise the name of the source with another suffix."""
    return STDIO if source == STDIO else os.path.splitext(source)[0] + suffix


def _same(name: str, source: str) -> bool:
    try:
        status = os.fstat(0) if source == STDIO else os.stat(source)
        return os.path.isfile(name) and os.path.samestat(status, os.stat(name))
    except (OSError, ValueError):
        return False
