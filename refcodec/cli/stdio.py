# SPDX-License-Identifier: MIT
"""Standard streams and files as the commands use them. Standard library only, so that every call starts quickly."""

from __future__ import annotations

import json
import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TextIO

from refcodec import fileio
from refcodec.cli.output_probe import probe_descriptor, probe_file
from refcodec.descriptor_names import descriptor_of
from refcodec.errors import Code, SemError, one_line
from refcodec.fileio import shown
from refcodec.temporary_files import remove_stale

STDIO = "-"
SHOWN_CHARACTERS = 2000  # of a value in a text output
START_CHARACTERS = 200  # of a longer one
TERMINAL_BYTES = 1 << 20  # of JSON on a terminal
TERMINAL = "this would write a file to the terminal: name one with -o"


@dataclass
class _Call:
    """The output settings of one call of the program."""

    json: bool = False  # print results and errors as JSON, too
    binary: bool = False  # standard output is a file: everything else goes to standard error
    binary_error: bool = False  # an output file goes to standard error: notices go to standard output


_call = _Call()


def prepare(arguments: list[str]) -> None:
    """Prepare the standard streams and read --json, before anything else.

    The streams escape what they cannot encode. Closed descriptors are opened on the null device, so that no data file
    gets the number of a standard stream.
    """
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    _call.json, _call.binary, _call.binary_error = "--json" in options, False, False
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def wants_json() -> bool:
    """Return whether --json was given."""
    return _call.json


def error_is_output() -> bool:
    """Return whether an output file is written to standard error, where no notice may be mixed into it."""
    return _call.binary_error


def one_destination() -> bool:
    """Return whether results and errors go to the same terminal, pipe or file, where a text on both would appear twice."""
    if _call.binary:
        return True
    try:
        return os.path.samestat(os.fstat(sys.stdout.fileno()), os.fstat(sys.stderr.fileno()))
    except (OSError, ValueError, AttributeError):  # a stream that is closed, or no file
        return False


def brief(value: object, remedy: str) -> str:
    """Return a value from an untrusted file for one line of a terminal; of more than `SHOWN_CHARACTERS` the beginning.

    remedy: how to get the rest.
    """
    text = str(value)
    if len(text) <= SHOWN_CHARACTERS:
        return one_line(text)
    return f"{one_line(text[:START_CHARACTERS])}… ({len(text)} characters: {remedy})"


def say(text: str, err: bool = False) -> None:
    """Print a line of text.

    Raises BrokenPipeError if the reader has exited, Code.CANNOT_WRITE (SEM-E-102) if it cannot be written otherwise.
    """
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
        if err:  # there is no stream left to report it on
            return
        mute()
        raise SemError(
            Code.CANNOT_WRITE, f"standard output: {error.strerror}", hint="free some space or name a file"
        ) from error


def show_json(value: Any, remedy: str = "redirect it to a file") -> None:
    """Print a JSON object on standard output, in ASCII whatever the terminal's encoding.

    Raises a usage error, with the remedy, for one that is too long for a terminal.
    """
    text = json.dumps(value, indent=2)
    if len(text) > TERMINAL_BYTES and not _call.binary and sys.stdout is not None and sys.stdout.isatty():
        import click

        raise click.UsageError(f"this would print {len(text)} bytes to the terminal: {remedy}")
    say(text)


def flush() -> None:
    """Flush standard output."""
    if sys.stdout is not None:
        sys.stdout.flush()


def mute() -> None:
    """Discard what is still buffered for standard output, which would fail again when Python exits."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def read_input(name: str, level: int = 1) -> bytes:
    """Return the bytes of a .sem file; `-` is standard input."""
    from refcodec.container.limits import level_bounds

    bound = level_bounds(level).file_bytes
    return fileio.read_stream(standard_input(), bound) if name == STDIO else fileio.read_bytes(name, bound)


def standard_input() -> Any:
    """Return the binary stream of standard input."""
    if sys.stdin is None:
        raise SemError(Code.CANNOT_READ, "standard input is closed", hint="name a file")
    return sys.stdin.buffer


def is_standard_output(name: str) -> bool:
    """Return whether a name of an output means what standard output is: /dev/stdout, /dev/fd/1, or the same file."""
    if name == STDIO:
        return True
    number = descriptor_of(name)
    try:
        status = os.stat(name) if number is None else os.fstat(number)
        return number == 1 or (not stat.S_ISCHR(status.st_mode) and os.path.samestat(status, os.fstat(1)))
    except (OSError, ValueError):
        return number == 1


def claim_output(name: str, source: str) -> None:
    """Check that an output can be written, before the work starts, and remove what killed processes have left there.

    Raises a usage error for a terminal or the input file itself, Code.CANNOT_WRITE (SEM-E-102) for a missing folder.
    """
    number = 1 if name == STDIO else descriptor_of(name)
    if number == 1:
        _call.binary = True
        if sys.stdout is None:
            raise SemError(Code.CANNOT_WRITE, "standard output is closed", hint="name a file with -o")
    if number is not None:
        _claim_descriptor(number, source)
        return
    if _is_terminal(name):
        raise _usage(TERMINAL)
    if _same(name, source):
        raise _usage(f"{shown(name)} is the input itself: name another output")
    folder = os.path.dirname(name) or "."
    if not os.path.isdir(folder):
        raise SemError(Code.CANNOT_WRITE, f"{shown(name)}: there is no folder {shown(folder)}", hint="create it first")
    if os.path.isdir(name):
        raise SemError(Code.CANNOT_WRITE, f"{shown(name)} is a folder", hint="name a file")
    probe_file(name)
    remove_stale(folder)


def claim_report() -> None:
    """Check that a result can be printed on standard output, before long work starts.

    Raises Code.CANNOT_WRITE (SEM-E-102) for a closed or full one. Where a file goes there, `claim_output` checks it.
    """
    if sys.stdout is None:
        raise SemError(Code.CANNOT_WRITE, "standard output is closed")
    if sys.stdout is sys.__stdout__ and not _call.binary:
        probe_descriptor(1)


def _claim_descriptor(number: int, source: str) -> None:
    """Check that an output can be written to an open descriptor. Raises as `claim_output` does."""
    _call.binary_error = _call.binary_error or number == 2
    try:
        status = os.fstat(number)
        terminal = sys.stdout.isatty() if number == 1 else os.isatty(number)
    except (OSError, ValueError) as error:
        what = f"descriptor {number}: {getattr(error, 'strerror', None) or error}"
        raise SemError(Code.CANNOT_WRITE, what, hint="name a file with -o") from error
    if terminal:
        raise _usage(TERMINAL)
    if stat.S_ISREG(status.st_mode) and _is_source(status, source):
        raise _usage("the output is the input itself: name another one")
    probe_descriptor(number)


def _usage(text: str) -> Exception:
    """Return a usage error."""
    import click

    return click.UsageError(text)


def write_output(name: str, data: bytes, *, new: bool = False, times: tuple[int, int] | None = None) -> None:
    """Write a file completely or not at all; `-` is standard output.

    new: raise Code.CANNOT_WRITE (SEM-E-102) if there is one. times: of access and modification, in nanoseconds.
    """
    if name != STDIO:
        fileio.write_atomic(name, data, exclusive=new, times=times)
        return
    try:
        fileio.write_stream(sys.stdout.buffer, data)
    except SemError as error:
        if isinstance(error.__cause__, BrokenPipeError):
            raise BrokenPipeError from error
        mute()
        raise


def default_output(source: str, suffix: str) -> str:
    """Return the name of the source with another suffix, `-` for standard input."""
    return STDIO if source == STDIO else os.path.splitext(source)[0] + suffix


def _same(name: str, source: str) -> bool:
    try:
        return os.path.isfile(name) and _is_source(os.stat(name), source)
    except (OSError, ValueError):
        return False


def _is_source(status: os.stat_result, source: str) -> bool:
    try:
        return os.path.samestat(os.fstat(0) if source == STDIO else os.stat(source), status)
    except (OSError, ValueError):
        return False


def _is_terminal(name: str) -> bool:
    """Return whether a name is that of a terminal, such as /dev/tty."""
    try:
        if not stat.S_ISCHR(os.stat(name).st_mode):
            return False
        descriptor = os.open(name, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            return os.isatty(descriptor)
        finally:
            os.close(descriptor)
    except (OSError, ValueError, AttributeError):
        return False
