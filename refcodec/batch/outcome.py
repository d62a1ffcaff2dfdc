# SPDX-License-Identifier: MIT
"""The outcome of one file of many: what was made, or why nothing was. Values that can be pickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from refcodec.errors import Code, SemError, one_line
from refcodec.python_errors import BUG, MORE_MEMORY, USAGE, describe_bug, known_error, members_without_code


@dataclass(frozen=True)
class Failure:
    """Why a file failed. code: such as "SEM-E-104", None for an argument that does not fit the file and for a bug.

    text: one line with code, message and remedy; status: the exit status (SPEC §17); members: the object of
    conformance/schema/error.schema.json.
    """

    code: str | None
    name: str
    text: str
    status: int
    members: Mapping[str, Any]

    @property
    def names_file(self) -> bool:
        """Whether the text begins with the name of the file, as errors of the file system do."""
        return self.code in _NAMING

    def as_error(self) -> Exception:
        """Return the error that this failure is of, a `SemError` if it has a code."""
        if self.code is None:
            return ValueError(self.members["message"])
        members = {name: self.members[name] for name in ("offset", "path", "hint")}
        return SemError(int(self.code.removeprefix("SEM-E-")), self.members["message"], **members)

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Return the failure that an exception is."""
        known = known_error(error, more_memory=f"{MORE_MEMORY}, or fewer processes")
        if known is not None:
            return cls(known.id, known.name, one_line(str(known)), known.status, known.to_dict())
        if isinstance(error, ValueError):
            return _without_code("usage", str(error), "see --help", USAGE)
        return _without_code("bug", describe_bug(error), "this is a bug of refcodec: please report it", BUG)


_NAMING: Final = (f"SEM-E-{Code.CANNOT_READ.value}", f"SEM-E-{Code.CANNOT_WRITE.value}")


def _without_code(name: str, what: str, hint: str, status: int) -> Failure:
    what = one_line(" ".join(what.split()))
    return Failure(None, name, f"{name}: {what}; {hint}", status, members_without_code(name, what, hint))


@dataclass(frozen=True)
class Outcome:
    """What a task made of one file.

    data: the bytes of the .sem file or of the picture, None after a failure and for tasks that make no file. width, height:
    pixels. bpp: bits of the .sem file per pixel. check: "ok", "absent", "failed", "unchecked" or None. detail: the members
    of the object that `semtool COMMAND --json` prints for a single file, apart from the names of files.
    """

    key: str
    data: bytes | None = None
    width: int | None = None
    height: int | None = None
    method: str | None = None
    bpp: float | None = None
    check: str | None = None
    error: Failure | None = None
    seconds: float = 0.0
    notices: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    kept: bool = False

    @property
    def status(self) -> int:
        """The exit status of this file alone, 0 without an error."""
        return 0 if self.error is None else self.error.status
