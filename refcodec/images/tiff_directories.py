# SPDX-License-Identifier: MIT
"""Read the directories of a TIFF file, and choose its main image.

A camera raw file (DNG, NEF, ARW …) is a TIFF file whose first image is a thumbnail; the photograph is in a SubIFD, often as
sensor data. Standard library only.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from refcodec.errors import Code, SemError

RAW_HINT: Final = "develop it in a raw converter and export it as JPEG, PNG or TIFF"
MAX_PAGES: Final = 100  # read of one file

_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC = 256, 257, 259, 262
_NEW_SUBFILE, _SUBFILE, _SUB_IFDS = 254, 255, 330
_ORIENTATION, _ICC_PROFILE, _DNG_VERSION = 274, 34675, 50706
_MULTIPAGE: Final = 2  # the bit of NewSubfileType for a page of several; the others: reduced, mask, depth map
_SENSOR: Final = frozenset({32803, 34892})  # photometric interpretations: colour filter array, linear raw
_RAW_COMPRESSIONS: Final = frozenset(
    {32767, 32769, 32770, 34713, 65000, 65535}
)  # Sony, packed, Samsung, Nikon, Kodak, Pentax
_VALUES: Final = 4096  # of one tag; an ICC profile may have more
_PROFILE_BYTES: Final = 1 << 22
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_UNSIGNED: Final = {1: "B", 3: "H", 4: "I", 7: "B", 13: "I", 16: "Q", 18: "Q"}
_READ: Final = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 274, 277, 330, 338, 339, _ICC_PROFILE, _DNG_VERSION, 50752}
)


@dataclass(frozen=True)
class Directory:
    """One image of a TIFF file: the offset of its directory, and its tags of unsigned integers."""

    offset: int
    tags: dict[int, tuple[int, ...]]

    def first(self, tag: int, default: int = 0) -> int:
        return self.tags.get(tag, (default,))[0]

    @property
    def size(self) -> tuple[int, int]:
        return self.first(_WIDTH), self.first(_HEIGHT)

    @property
    def area(self) -> int:
        return self.first(_WIDTH) * self.first(_HEIGHT)

    @property
    def full(self) -> bool:
        """Return whether the image is marked neither as a reduced one nor as a mask or depth map of another."""
        return not self.first(_NEW_SUBFILE) & ~_MULTIPAGE and self.first(_SUBFILE, 1) != 2

    @property
    def raw(self) -> bool:
        """Return whether the pixels are values of a sensor, which have no colour before they are developed."""
        return (
            self.first(_PHOTOMETRIC) in _SENSOR
            or self.first(_COMPRESSION) in _RAW_COMPRESSIONS
            or 50752 in self.tags  # Canon's slices
        )


@dataclass(frozen=True)
class Chosen:
    """The image to read: the data of a file that begins with it, what its directory lacks, and what to report."""

    data: bytes
    pages: int = 1  # images of full size in the chain of the file; 0: `MAX_PAGES` and more
    notices: tuple[str, ...] = ()
    orientation: int = 1  # of the first directory, where the chosen one has none
    icc: bytes | None = None  # likewise
    directory: Directory | None = None


def choose(data: bytes) -> Chosen:
    """Return the image of full size of a TIFF file.

    Raises Code.PICTURE_UNREADABLE for a camera raw file without a developed image of full size.
    """
    chain = _chain(data)
    if not chain:
        return Chosen(data)
    below = [sub for page in chain for sub in _below(data, page)]
    first, every = chain[0], [*chain, *below]
    raw = max((each.area for each in every if each.raw), default=0)
    canon = data[:4] == b"II*\0" and data[8:10] == b"CR"  # CR2, in which the sensor data are marked as JPEG
    usable = [each for each in every if each.full and not each.raw]
    best = max(usable, key=lambda each: each.area, default=None)
    if canon or (raw and (best is None or best.area < raw * 9 // 10)):  # sensors have a border that is cut off
        kind = "a camera raw file (DNG)" if _DNG_VERSION in first.tags else "a camera raw file"
        what = f"the file is {kind}: its photograph is sensor data, and other images in it are previews"
        raise SemError(Code.PICTURE_UNREADABLE, what, hint=RAW_HINT)
    notices: tuple[str, ...] = ()
    pages = max(1, sum(each.full for each in chain)) if len(chain) < MAX_PAGES else 0
    if best is None:
        best = max(every, key=lambda each: each.area)
        notices = ("The file marks all of its images as reduced: the largest was taken.",)
    elif first.full and not any(each.full and each.area > first.area for each in below):
        best = first
        larger = max(chain, key=lambda each: each.area if each.full else 0)
        if larger.area > first.area:
            notices = ("A later page is larger, {}x{}.".format(*larger.size),)
    if best is first:
        return Chosen(data, pages, notices, directory=first)
    notices = (*notices, "The image of full size was taken, not the preview before it.")
    icc = first.tags.get(_ICC_PROFILE) if _ICC_PROFILE not in best.tags else None
    return Chosen(
        _beginning_with(data, best),
        pages if best in chain else 1,
        notices,
        1 if _ORIENTATION in best.tags else first.first(_ORIENTATION, 1),
        bytes(icc) if icc and max(icc) < 256 else None,
        best,
    )


def describe(directory: Directory) -> str:
    """Return the pixels of an image in a few words."""
    kinds = {1: "unsigned integers", 2: "signed integers", 3: "floating point", 4: "no known type"}
    photometric = {0: "white is 0", 1: "grey", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "CIE Lab"}
    photometric |= {9: "ICC Lab", 10: "ITU Lab", 32844: "LogL", 32845: "LogLuv"}
    bits = "/".join(str(each) for each in sorted(set(directory.tags.get(258, (1,)))))
    colour = photometric.get(directory.first(_PHOTOMETRIC), f"photometric {directory.first(_PHOTOMETRIC)}")
    kind = kinds.get(directory.first(339, 1), "complex numbers")
    return f"{colour}, {directory.first(277, 1)} x {bits} bits, {kind}, compression {directory.first(_COMPRESSION, 1)}"


def _beginning_with(data: bytes, directory: Directory) -> bytes:
    """Return the file with another directory as its first."""
    order, big = _form(data)
    at = 8 if big else 4
    pointer = struct.pack(order + ("Q" if big else "I"), directory.offset)
    return data[:at] + pointer + data[at + len(pointer) :]


def _form(data: bytes) -> tuple[str, bool]:
    """Return (byte order, whether it is a BigTIFF); Pillow takes the number 42 in either byte order."""
    return ("<" if data[:2] == b"II" else ">"), data[2:4] in (b"\0+", b"+\0")


def _chain(data: bytes) -> list[Directory]:
    """Return the pages of a file, up to `MAX_PAGES`; as many as can be read."""
    order, big = _form(data)
    chain: list[Directory] = []
    try:
        offset = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
        while offset and len(chain) < MAX_PAGES and offset not in (page.offset for page in chain):
            page, offset = _directory(data, offset)
            chain.append(page)
    except struct.error:
        pass
    return chain


def _below(data: bytes, page: Directory, depth: int = 2) -> list[Directory]:
    """Return the SubIFDs of a page, and those below them."""
    found: list[Directory] = []
    for offset in page.tags.get(_SUB_IFDS, ())[:MAX_PAGES]:
        try:
            sub, _ = _directory(data, offset)
        except struct.error:
            continue
        found += [sub, *(_below(data, sub, depth - 1) if depth > 1 else [])]
    return found


def _directory(data: bytes, offset: int) -> tuple[Directory, int]:
    """Return a directory, with the tags that are needed here, and the offset of the next; struct.error if cut short."""
    if offset > len(data):
        raise struct.error("beyond the end")
    order, big = _form(data)
    count, entry, word = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    number = struct.unpack_from(order + count, data, offset)[0]
    at, step, inline = offset + struct.calcsize(order + count), (20 if big else 12), struct.calcsize(word)
    if number > 4096:
        raise struct.error("more tags than a page has")
    tags: dict[int, tuple[int, ...]] = {}
    for _ in range(number):
        tag, kind, length = struct.unpack_from(order + entry, data, at)
        where = at + step - inline
        if tag in _READ and kind in _UNSIGNED and 0 < length <= (_PROFILE_BYTES if tag == _ICC_PROFILE else _VALUES):
            if length * _SIZES[kind] > inline:
                where = struct.unpack_from(order + word, data, where)[0]
            if where + length * _SIZES[kind] <= len(data):
                tags[tag] = struct.unpack_from(f"{order}{length}{_UNSIGNED[kind]}", data, where)
        at += step
    following = struct.unpack_from(order + word, data, at)[0] if at + inline <= len(data) else 0
    return Directory(offset, tags), following
