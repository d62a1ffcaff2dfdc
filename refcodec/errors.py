# SPDX-License-Identifier: MIT
"""The errors of SPEC.md §17: a closed list of codes.

An error of an *input* (a file, a picture, a model package) raises a `SemError`; an error of the *caller* (a wrong type,
a rate that is not a number) raises `TypeError` or `ValueError`. Invalid bytes raise no other exception.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Any, Final, NamedTuple


class Family(NamedTuple):
    """A family of codes: its name, and the exit status that every program has for it (SPEC §17)."""

    name: str
    status: int


FAMILIES: Final = {
    1: Family("io", 7),
    2: Family("header", 3),
    3: Family("section", 3),
    4: Family("payload", 3),
    5: Family("check", 3),
    6: Family("limit", 6),
    7: Family("unsupported", 4),
    8: Family("model", 5),
}


class Code(IntEnum):
    """The codes of SPEC §17. `Code.CHECK_CODE.label` is the short name that messages and JSON carry, `check-code`."""

    CANNOT_READ = 101
    CANNOT_WRITE = 102
    PICTURE_UNREADABLE = 103
    PICTURE_TRUNCATED = 104
    PICTURE_TOO_LARGE = 105
    NOT_A_SEM_FILE = 201
    HEADER_TRUNCATED = 202
    RESERVED_BIT = 203
    CHECK_CODE = 204
    SIZE_FORM = 205
    DIM_CLASS = 206
    VARINT_RANGE = 207
    HASH_CODE = 208
    PROFILE_FORM = 209
    SECTION_TRUNCATED = 301
    SECTION_ORDER = 302
    SECTION_KIND = 303
    SECTION_COUNT = 304
    SECTION_VALUE = 305
    TRAILING_BYTES = 306
    STREAM_INVALID = 401
    STREAM_NOT_CANONICAL = 402
    VALUE_RANGE = 403
    CHECK_MISMATCH = 501
    LIMIT_SIDE = 601
    LIMIT_PIXELS = 602
    LIMIT_SECTIONS = 603
    LIMIT_TEXT = 604
    LIMIT_SYMBOLS = 605
    LIMIT_FILE = 606
    LIMIT_MODEL = 607
    UNSUPPORTED_VERSION = 701
    UNSUPPORTED_PROFILE = 702
    UNSUPPORTED_SECTION = 703
    UNSUPPORTED_KIND = 704
    UNSUPPORTED_MODEL = 705
    MODEL_UNAVAILABLE = 801
    MODEL_DIGEST = 802
    MODEL_MALFORMED = 803
    MODEL_BOUNDS = 804
    DEPENDENCY_MISSING = 805

    @property
    def label(self) -> str:
        """The short name, e.g. `header-truncated`."""
        return self.name.lower().replace("_", "-")


REMEDIES: Final[dict[Code, str]] = {
    Code.CANNOT_READ: "check the path and its permissions",
    Code.CANNOT_WRITE: "check the folder, its permissions and the free space",
    Code.PICTURE_UNREADABLE: "give a picture in a format Pillow reads (PNG, JPEG, WebP, AVIF, TIFF, GIF, BMP …)",
    Code.PICTURE_TRUNCATED: "the picture file is damaged or cut short: fetch it again",
    Code.PICTURE_TOO_LARGE: "scale the picture down first",
    Code.NOT_A_SEM_FILE: "a .sem file starts with the bytes F5 9E",
    Code.HEADER_TRUNCATED: "the file ends inside its header: fetch it again",
    Code.RESERVED_BIT: "the file is damaged, or written by a program that breaks SPEC.md",
    Code.CHECK_CODE: "the file is damaged: no such check code is defined",
    Code.SIZE_FORM: "the size is not in its shortest form: the file is damaged or its writer is wrong",
    Code.DIM_CLASS: "the file is damaged: no such dim class is defined",
    Code.VARINT_RANGE: "the file is damaged: a number in its header is longer than the format allows",
    Code.HASH_CODE: "the file is damaged: no such model hash length is defined",
    Code.PROFILE_FORM: "the profile cannot stand there: an explicit model needs a row below 254, a base an explicit model",
    Code.SECTION_TRUNCATED: "the file ends inside a section: fetch it again",
    Code.SECTION_ORDER: "sections must stand in their fixed order, none twice",
    Code.SECTION_KIND: "the profile does not allow this section",
    Code.SECTION_COUNT: "the section count is not in its allowed form",
    Code.SECTION_VALUE: "the section's contents break its own rules",
    Code.TRAILING_BYTES: "bytes follow the last section: remove them",
    Code.STREAM_INVALID: "the entropy-coded body is damaged",
    Code.STREAM_NOT_CANONICAL: "the body is damaged, or its writer does not end streams as SPEC.md says",
    Code.VALUE_RANGE: "a decoded value is outside the range SPEC.md allows",
    Code.CHECK_MISMATCH: "the file is damaged, or its registry or model is not the one it was written with",
    Code.LIMIT_SIDE: "a side is longer than the level allows",
    Code.LIMIT_PIXELS: "the picture has more pixels than the level allows",
    Code.LIMIT_SECTIONS: "the file has more sections than the level allows",
    Code.LIMIT_TEXT: "a text is longer than the level allows",
    Code.LIMIT_SYMBOLS: "the payload has more symbols than the level allows",
    Code.LIMIT_FILE: "the file has more bytes than the level allows",
    Code.LIMIT_MODEL: "the model asks for more memory or work than the level allows",
    Code.UNSUPPORTED_VERSION: "a program for that version is needed",
    Code.UNSUPPORTED_PROFILE: "a newer registry may list this profile",
    Code.UNSUPPORTED_SECTION: "a newer program may know this critical section",
    Code.UNSUPPORTED_KIND: "this program does not read this kind of payload",
    Code.UNSUPPORTED_MODEL: "the model package needs a newer program",
    Code.MODEL_UNAVAILABLE: "install the model or name its folder with --model DIR",
    Code.MODEL_DIGEST: "the model is not the one the file names: get the listed one",
    Code.MODEL_MALFORMED: "the model package breaks SPEC.md: fetch it again",
    Code.MODEL_BOUNDS: "the model's integers break the bounds of SPEC.md: it cannot be exact",
    Code.DEPENDENCY_MISSING: "install the extra that brings it: pip install 'refcodec[codec]'",
}
WHAT_MAX: Final = 1000  # characters of a message, which may quote what an input holds
PATH_MAX: Final = 300
CODES: Final = {code: (code.label, remedy) for code, remedy in REMEDIES.items()}  # code -> (short name, remedy)


class SemError(Exception):
    """An error of an input. `str()` is one line: code, name, message, place, remedy.

    `SemError(code, …)` makes an instance of the subclass of the code's family, so `except HeaderError` catches codes
    201 to 209. Attributes: `code` (`Code`, an int), `name` (str, its short name), `what` (str; `message` is the same),
    `offset` (int, bytes from the start of the file, or None), `path` (str, the field as SPEC.md names it, or None),
    `hint` (str, what to do).
    """

    def __new__(cls, code: int, *args: Any, **more: Any) -> SemError:
        return super().__new__(_CLASSES[code // 100] if cls is SemError else cls)

    def __init__(
        self, code: int, what: str, *, offset: int | None = None, path: str | None = None, hint: str | None = None
    ) -> None:
        self.code = Code(code)
        self.name, self.what = self.code.label, _short(what, WHAT_MAX)
        self.offset, self.path, self.hint = offset, path and _short(path, PATH_MAX), hint or REMEDIES[self.code]
        super().__init__(self.code, self.what)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.code, self.what, self.offset, self.path, self.hint)

    @property
    def message(self) -> str:
        """The message, without code, place and remedy."""
        return self.what

    @property
    def id(self) -> str:
        """The permanent id, e.g. `SEM-E-202`."""
        return f"SEM-E-{self.code}"

    @property
    def family(self) -> str:
        """The name of the family, such as `header` for codes 201 to 209."""
        return FAMILIES[self.code // 100].name

    @property
    def status(self) -> int:
        """The exit status that belongs to this family (SPEC §17)."""
        return FAMILIES[self.code // 100].status

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at byte {self.offset}"
        in_message = self.path is not None and re.search(rf"\b{re.escape(self.path)}\b", self.what) is not None
        field = "" if self.path is None or in_message else f" in {self.path}"
        return f"{self.id} {self.name}: {self.what}{field}{where}; {self.hint}"

    def to_dict(self) -> dict[str, object]:
        """Return the error as an object, whose `code` is the id, as `semtool --json` prints it."""
        return {
            "code": self.id,
            "name": self.name,
            "family": self.family,
            "message": self.what,
            "offset": self.offset,
            "path": self.path,
            "hint": self.hint,
        }


class InputOutputError(SemError):
    """Codes 101 to 105: a path, a picture or a stream that cannot be read or written. Exit status 7."""


class HeaderError(SemError):
    """Codes 201 to 209: the header of a file is invalid. Exit status 3."""


class SectionError(SemError):
    """Codes 301 to 306: a section of a file, or their order, is invalid. Exit status 3."""


class PayloadError(SemError):
    """Codes 401 to 403: the body of a payload is invalid. Exit status 3."""


class CheckError(SemError):
    """Code 501: the check does not match the decoded symbols. Exit status 3."""


class LimitError(SemError):
    """Codes 601 to 607: a limit of the level is exceeded. Exit status 6."""


class UnsupportedError(SemError):
    """Codes 701 to 705: valid as far as is known, but not for this decoder. Exit status 4."""


class ModelError(SemError):
    """Codes 801 to 805: a model is missing, has another digest or is malformed. Exit status 5."""


def _short(text: str, limit: int) -> str:
    """Return a text on one line, shortened in the middle if it is longer than `limit`."""
    if len(text) > limit:
        text = f"{text[: limit // 2]} … {text[-limit // 2 :]}"
    return one_line(text)


def one_line(text: str) -> str:
    """Return a text with its unprintable characters, line breaks included, as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


_CLASSES: Final[dict[int, type[SemError]]] = {
    1: InputOutputError,
    2: HeaderError,
    3: SectionError,
    4: PayloadError,
    5: CheckError,
    6: LimitError,
    7: UnsupportedError,
    8: ModelError,
}


def _restored(code: int, what: str, offset: int | None, path: str | None, hint: str) -> SemError:
    """Rebuild an error that was pickled."""
    return SemError(code, what, offset=offset, path=path, hint=hint)
