# SPDX-License-Identifier: MIT
"""Notes of what a command has written into a folder of outputs, by which a later call sees what it need not do again.

The notes are lines of JSON in a hidden file of the folder: a line for each call with a digest of its options, and one for
each output with its own digest, the size and time of its input, and the options. A line is added after its output has been
written; one that a kill has cut short is ignored. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import PurePath
from typing import Any, BinaryIO, Final

from refcodec.batch.outputs import make_folder
from refcodec.errors import Code, SemError
from refcodec.fileio import read_bytes, shown, write_atomic

NOTES_MAX: Final = 1 << 32  # bytes


@dataclass(frozen=True)
class Note:
    """What is noted of one output. size, time_ns: of the input when it was read; options: a digest of the options."""

    output: str
    sha256: str
    size: int
    time_ns: int
    options: str


@dataclass
class Notes:
    """The notes of one folder. options: digests of the options of all calls so far."""

    path: str
    by_output: dict[str, Note] = field(default_factory=dict)
    options: set[str] = field(default_factory=set)
    _stream: BinaryIO | None = None

    @classmethod
    def of(cls, folder: str, verb: str) -> Notes:
        """Return the notes of a command in a folder, empty if there are none. Unreadable lines are left out."""
        notes = cls(os.path.join(folder, f".semtool-{verb}.jsonl"))
        if not os.path.isfile(notes.path):
            return notes
        for line in read_bytes(notes.path, NOTES_MAX).splitlines():
            try:
                entry = json.loads(line)
                if "output" in entry:
                    note = Note(**{each.name: entry[each.name] for each in fields(Note)})
                    notes.by_output[note.output] = note
                else:
                    notes.options.add(str(entry["options"]))
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
        return notes

    def begin(self, options: str) -> None:
        """Rewrite the file without what is outdated, note the options of a new call, and keep it open for its outputs."""
        self.options.add(options)
        make_folder(os.path.dirname(self.path))
        lines = [{"options": each} for each in sorted(self.options)]
        lines += [asdict(note) for note in self.by_output.values()]
        try:
            write_atomic(self.path, b"".join(map(_line, lines)))
            self._stream = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise SemError(Code.CANNOT_WRITE, f"{shown(self.path)}: {error.strerror}") from error

    def add(self, note: Note) -> None:
        """Note an output that has been written."""
        self.by_output[note.output] = note
        if self._stream is not None:
            try:
                self._stream.write(_line(asdict(note)))
            except OSError as error:
                raise SemError(Code.CANNOT_WRITE, f"{shown(self.path)}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry).encode("ascii") + b"\n"


def digest_of(options: Mapping[str, Any]) -> str:
    """Return a digest of options, which are the same in another process; those that are None do not count."""
    kept = {name: value for name, value in options.items() if value is not None}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=_plain).encode("ascii")).hexdigest()


def _plain(value: Any) -> Any:
    """Return a value of an option as JSON has it: paths as text, arrays by type, shape and digest."""
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tobytes"):
        return [str(value.dtype), list(value.shape), hashlib.sha256(value.tobytes()).hexdigest()]
    return repr(value)
