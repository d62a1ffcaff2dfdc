# SPDX-License-Identifier: MIT
"""The closed error list of SPEC.md §17: one code for each thing that can be wrong with a file.

Faults of an *input* (a file, a picture, a model package) raise a `SemError`; faults of the *caller* (a wrong type,
a rate that is not a number) raise `TypeError` or `ValueError`. Nothing else leaves this package for bad bytes.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Family(NamedTuple):
    """One family of codes: its name and the exit status every program gives for it (SPEC §17)."""

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

# code -> (short name, what to do about it)
CODES: Final[dict[int, tuple[str, str]]] = {
    101: ("cannot-read", "check the path and its permissions"),
    102: ("cannot-write", "check the folder, its permissions and the free space"),
    103: ("picture-unreadable", "give a picture in a format Pillow reads (PNG, JPEG, WebP, AVIF, TIFF, GIF, BMP …)"),
    104: ("picture-truncated", "the picture file is damaged or cut short: fetch it again"),
    105: ("picture-too-large", "scale the picture down first"),
    201: ("not-a-sem-file", "a .sem file starts with the bytes F5 9E"),
    202: ("header-truncated", "the file ends inside its header: fetch it again"),
    203: ("reserved-bit", "the file is damaged, or written by a program that breaks SPEC.md"),
    204: ("check-code", "the file is damaged: no such check code is defined"),
    205: ("size-form", "the size is not in its shortest form: the file is damaged or its writer is wrong"),
    206: ("dim-class", "the file is damaged: no such dim class is defined"),
    207: ("varint-range", "the file is damaged: a number in its header is longer than the format allows"),
    208: ("hash-code", "the file is damaged: no such model hash length is defined"),
    209: (
        "profile-form",
        "the profile cannot stand there: an explicit model needs a row below 254, a base an explicit model",
    ),
    301: ("section-truncated", "the file ends inside a section: fetch it again"),
    302: ("section-order", "sections must stand in their fixed order, none twice"),
    303: ("section-kind", "the profile does not allow this section"),
    304: ("section-count", "the section count is not in its allowed form"),
    305: ("section-value", "the section's contents break its own rules"),
    306: ("trailing-bytes", "bytes follow the last section: remove them"),
    401: ("stream-invalid", "the entropy-coded body is damaged"),
    402: ("stream-not-canonical", "the body is damaged, or its writer does not end streams as SPEC.md says"),
    403: ("value-range", "a decoded value is outside the range SPEC.md allows"),
    501: ("check-mismatch", "the file is damaged, or its registry or model is not the one it was written with"),
    601: ("limit-side", "a side is longer than the level allows"),
    602: ("limit-pixels", "the picture has more pixels than the level allows"),
    603: ("limit-sections", "the file has more sections than the level allows"),
    604: ("limit-text", "a text is longer than the level allows"),
    605: ("limit-symbols", "the payload has more symbols than the level allows"),
    606: ("limit-file", "the file has more bytes than the level allows"),
    701: ("unsupported-version", "a program for that version is needed"),
    702: ("unsupported-profile", "a newer registry may list this profile"),
    703: ("unsupported-section", "a newer program may know this critical section"),
    704: ("unsupported-kind", "this program does not read this kind of payload"),
    705: ("unsupported-model", "the model package needs a newer program"),
    801: ("model-unavailable", "install the model or name its folder with --model DIR"),
    802: ("model-digest", "the model is not the one the file names: get the listed one"),
    803: ("model-malformed", "the model package breaks SPEC.md: fetch it again"),
    804: ("model-bounds", "the model's integers break the bounds of SPEC.md: it cannot be exact"),
    805: ("dependency-missing", "install the extra that brings it: pip install 'refcodec[codec]'"),
}


class SemError(Exception):
    """One fault of one input. `str()` is one line: code, name, what, where, remedy.

    Attributes: `code` (int, a key of `CODES`), `what` (str), `offset` (int, bytes from the start of the file, or
    None), `path` (str, the field as SPEC.md names it, or None), `hint` (str, what to do).
    """

    def __init__(
        self, code: int, what: str, *, offset: int | None = None, path: str | None = None, hint: str | None = None
    ) -> None:
        name, remedy = CODES[code]
        self.code, self.name, self.what = code, name, what
        self.offset, self.path, self.hint = offset, path, hint or remedy
        super().__init__(code, what)

    @property
    def id(self) -> str:
        """The permanent id, e.g. `SEM-E-202`."""
        return f"SEM-E-{self.code}"

    @property
    def family(self) -> str:
        return FAMILIES[self.code // 100].name

    @property
    def status(self) -> int:
        """The exit status of DESIGN §8 that belongs to this family."""
        return FAMILIES[self.code // 100].status

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at byte {self.offset}"
        said = self.path is None or re.search(rf"\b{re.escape(self.path)}\b", self.what) is not None  # not twice
        field = "" if said else f" in {self.path}"
        return f"{self.id} {self.name}: {self.what}{field}{where}; {self.hint}"

    def to_dict(self) -> dict[str, object]:
        return {
            "code": self.id,
            "name": self.name,
            "family": self.family,
            "message": self.what,
            "offset": self.offset,
            "path": self.path,
            "hint": self.hint,
        }
