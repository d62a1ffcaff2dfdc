# SPDX-License-Identifier: MIT
"""Damaged model packages (SPEC §12), which are found by the digest that they have then."""

from __future__ import annotations

import copy
import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from diff_fuzz.files import canonical

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, 3, -1, 5, 7, 16, 64, 65, 1024, 1025, 4096, 65536, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, -32768,
    32767, 32768, -32769, 1.0, 0.5, 1e300, "", "a", "é", "1", [], [1], [[]], {}, {"a": 1}, "all", "ends", "scales-means", "means-scales",
    "conv", "deconv", "requant", "relu", "add", "I16", "I64", "F32", "U8", "BF16",
)  # fmt: skip
WIDTHS = {"U8": "B", "I16": "h", "U16": "H", "I32": "i", "F32": "f", "I64": "q"}
EXTREMES = (0, 1, -1, 2, 52, 53, 32767, -32768, 65535, 2**31 - 1, 2**37, 2**38, 2**53 - 1, 2**53, 2**63 - 1, -(2**63))


@dataclass
class Package:
    manifest: dict[str, Any]
    header: dict[str, Any]
    data: bytearray
    raw_manifest: Callable[[bytes], bytes] = bytes
    raw_header: Callable[[bytes], bytes] = bytes
    raw_file: Callable[[bytes], bytes] = bytes
    missing: set[str] = field(default_factory=set)

    @property
    def symbols(self) -> dict[str, Any]:
        found: dict[str, Any] = self.manifest["symbols"]
        return found

    def digest(self) -> bytes:
        """Of what can have one; any other is not to be found."""
        try:
            return hashlib.sha256(canonical(self.manifest["symbols"])).digest()
        except (KeyError, TypeError, ValueError):
            return b"\x5e" * 32

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        header = self.raw_header(json.dumps(self.header).encode())
        parts = {
            "manifest.json": self.raw_manifest(
                json.dumps(self.manifest, ensure_ascii=False).encode("utf-8", "surrogatepass")
            ),
            "symbols.safetensors": self.raw_file(len(header).to_bytes(8, "little") + header + self.data),
        }
        for name, data in parts.items():
            if name not in self.missing:
                (folder / name).write_bytes(data)


def read(folder: Path) -> Package:
    data = (folder / "symbols.safetensors").read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    return Package(
        json.loads((folder / "manifest.json").read_bytes()), json.loads(data[8:begin]), bytearray(data[begin:])
    )


Damage = Callable[[Package], None]


def damages(rng: Random) -> list[Damage]:
    """One thing wrong, or two; each does the same again when it is applied again, so that some can be left out."""
    kinds = (
        _member,
        _member,
        _member,
        _member,
        _number,
        _number,
        _tensor,
        _tensor,
        _tensor,
        _declared,
        _entry,
        _text,
        _head,
        _file,
    )
    out: list[Damage] = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        kind, own = rng.choice(kinds), rng.getrandbits(64)
        out.append(lambda package, kind=kind, own=own: kind(Random(own), package))  # type: ignore[misc]
    return out


def damaged(sound: Package, wanted: list[Damage]) -> Package:
    package = copy.deepcopy(sound)
    for damage in wanted:
        try:
            damage(package)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError, struct.error, OverflowError):
            continue  # there is nothing of that kind left to be damaged
    return package


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of each member at any depth."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for name, member in inner for place in ((*path, name), *places(member, (*path, name)))]


def within(value: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        value = value[name]
    return value


def _chosen(rng: Random, package: Package) -> tuple[Any, Any]:
    """What holds a member of `symbols`, and the member's name; the digests of tensors are rarely meant."""
    all_ = places(package.symbols)
    path = rng.choice(all_)
    if path[0] == "tensors" and rng.random() < 0.7:
        path = rng.choice([place for place in all_ if place[0] != "tensors"])
    return within(package.symbols, path[:-1]), path[-1]


def _member(rng: Random, package: Package) -> None:
    holder, name = _chosen(rng, package)
    match rng.randrange(7):
        case 0 | 1 | 2:
            holder[name] = copy.deepcopy(rng.choice(ODD))
        case 3:
            del holder[name]
        case 4:
            other = rng.choice(places(package.symbols))
            holder[name] = copy.deepcopy(within(package.symbols, other))
        case 5 if isinstance(holder, dict):
            holder[rng.choice(("x", "a", "ladder", "notes", "from", "stride", "é", "op", "lo"))] = copy.deepcopy(
                rng.choice(ODD)
            )
        case 5:
            holder.insert(rng.randrange(len(holder) + 1), copy.deepcopy(rng.choice(holder)))
        case 6:
            outer = rng.choice([p for p in places(package.manifest) if p[0] != "symbols" or len(p) == 1])
            within(package.manifest, outer[:-1])[outer[-1]] = copy.deepcopy(rng.choice((*ODD, "sem-model", "1")))


def _number(rng: Random, package: Package) -> None:
    """An integer of the manifest a little larger or smaller."""
    whole = [path for path in places(package.symbols) if type(within(package.symbols, path)) is int]
    path = rng.choice(whole)
    holder = within(package.symbols, path[:-1])
    holder[path[-1]] += rng.choice((-1, 1, -2, 2, 64, 32768, -32768))


def _tensor(rng: Random, package: Package) -> None:
    """Elements of a tensor, or the whole, with the digest made right."""
    name = rng.choice([name for name in package.header if name != "__metadata__"])
    entry = package.header[name]
    begin, end = entry["data_offsets"]
    code = "<" + WIDTHS[entry["dtype"]]
    step = struct.calcsize(code)
    count = (end - begin) // step
    everywhere = rng.random() < 0.15
    for at in range(count) if everywhere else (rng.randrange(count) for _ in range(rng.choice((1, 1, 2)))):
        where = begin + step * at
        if code == "<f":
            package.data[where : where + 4] = rng.choice(
                (b"\0\0\x80\x7f", b"\0\0\xc0\x7f", b"\0\0\x80\xff", b"\0\0\0\x80", rng.randbytes(4))
            )
            continue
        (old,) = struct.unpack_from(code, package.data, where)
        least, most = (0, 256**step - 1) if code[1].isupper() else (-(256**step) // 2, 256**step // 2 - 1)
        value = old + rng.choice((-1, 1)) if rng.random() < 0.4 else rng.choice((*EXTREMES, most, least, -old, 2 * old))
        struct.pack_into(code, package.data, where, min(max(value, least), most))
    package.symbols["tensors"][name]["sha256"] = hashlib.sha256(package.data[begin:end]).hexdigest()


def _declared(rng: Random, package: Package) -> None:
    """A tensor's dtype or shape, in both places or in one."""
    name = rng.choice([name for name in package.header if name != "__metadata__"])
    where = rng.choice(((package.header,), (package.symbols["tensors"],), (package.header, package.symbols["tensors"])))
    shape = list(package.header[name]["shape"])
    change: dict[str, Any] = rng.choice(
        (
            {"dtype": rng.choice((*WIDTHS, "BOOL", "F16", "i16", None, "U32"))},
            {"shape": shape[::-1]},
            {"shape": [*shape, 1]},
            {"shape": [1, *shape]},
            {"shape": shape[:-1]},
            {"shape": [n + 1 for n in shape]},
            {"shape": []},
            {"shape": [0]},
            {"shape": [*shape[:-1], float(shape[-1])] if shape else None},
            {"shape": [-n for n in shape]},
            {"sha256": "0" * 64},
            {"shape": [*shape[:-1], True]},
        )
    )
    for holder in where:
        holder[name].update(change)


def _entry(rng: Random, package: Package) -> None:
    """The header of the safetensors file."""
    header = package.header
    name = rng.choice([name for name in header if name != "__metadata__"])
    match rng.randrange(12):
        case 0:
            header["__metadata__"] = copy.deepcopy(
                rng.choice((None, {}, {"a": "b"}, {"a": 1}, [], "x", {"a": None}, 1))
            )
        case 1:
            del header[name]
        case 2:
            header[name][rng.choice(("x", "sha256", "offset"))] = 1
        case 3:
            header[name]["data_offsets"] = copy.deepcopy(
                rng.choice(([0, 0], [0], [0, 1, 2], None, [-1, 4], [4, 0], [0.0, 4.0], "01", [0, 2**40], [True, 4]))
            )
        case 4:
            header[name]["data_offsets"] = [n + rng.choice((1, -1, 2, 8)) for n in header[name]["data_offsets"]]
        case 5:
            package.data += rng.choice((b"\0", b"\0" * 8))
        case 6:
            del package.data[len(package.data) - rng.choice((1, 8)) :]
        case 7:
            size = len(package.data)
            header["nothing"] = {"dtype": "U8", "shape": [0], "data_offsets": [size, size]}
            if rng.random() < 0.5:
                package.symbols["tensors"]["nothing"] = {
                    "dtype": "U8",
                    "shape": [0],
                    "sha256": hashlib.sha256(b"").hexdigest(),
                }
        case 8:
            package.header = dict(reversed(header.items()))
        case 9:
            del header[name][rng.choice(("dtype", "shape", "data_offsets"))]
        case 10:
            header[name] = copy.deepcopy(rng.choice(ODD))
        case 11:
            other = rng.choice(list(header))
            header[name], header[other] = header[other], header[name]


def _text(rng: Random, package: Package) -> None:
    """The JSON of one of both files, as a text: what stands around it, twice in it, or spelled otherwise; not what SPEC §2 leaves to parsers."""
    change = rng.choice(
        (
            lambda text: b" \n" + text + b"\t\r ",
            lambda text: b"\xef\xbb\xbf" + text,
            lambda text: text + b"x",
            lambda text: text[:-1],
            lambda text: b'{"a": 1, "a": 1, ' + text[1:],
            lambda text: b'{"\\u0061": 1, "b": 1,' + text[1:],
            lambda text: text.replace(b": 1", b": 1.0", 1),
            lambda text: text.replace(b": 1", b": 1e0", 1),
            lambda text: text.replace(b": 1", b": 01", 1),
            lambda text: text.replace(b": 0", b": -0", 1),
            lambda text: text.replace(b": 3", b": 3E+0", 1),
            lambda text: text.replace(b'"kind"', b'"k\\u0069nd"', 1),
            lambda text: text.replace(b'"symbols"', b'"symbol\\u0073"', 1),
            lambda text: b'{"n": NaN, ' + text[1:],
            lambda text: b'{"n": 1e300, ' + text[1:],
            lambda text: b'{"n": "\xff", ' + text[1:],
            lambda text: b'{"n": "\xed\xa0\x80", ' + text[1:],
            lambda text: b'{"n": "\n", ' + text[1:],
            lambda text: b'{"n": ' + b"[" * 60 + b"]" * 60 + b", " + text[1:],
            lambda text: b'{"n": ' + b"9" * 300 + b", " + text[1:],
            lambda text: b'{"n": 0.1, ' + text[1:],
            lambda text: b'{"n": "\\ud83e\\udd86", ' + text[1:],
            lambda text: b'{"n": "\\x41", ' + text[1:],
            lambda text: b'{"n": "\x7f", "": {}, ' + text[1:],
            lambda text: text[:-1] + b",}",
            lambda text: b"",
            lambda text: b"[]",
            lambda text: b"null",
            lambda text: text.replace(b"{", b"{\x0c", 1),
            lambda text: text.replace(b": ", b":\xc2\xa0", 1),
            lambda text: text.decode().encode("utf-16"),
            lambda text: b'{"symbols": {}, ' + text[1:],
            lambda text: b'{"__proto__": {"a": 1}, ' + text[1:],
            lambda text: b'{"format": "sem-model", ' + text[1:],
            lambda text: text.replace(b'"kind": ', b'"__proto__": {}, "kind": ', 1),
            lambda text: text.replace(b'"lo": ', b'"lo": -', 1),
            lambda text: text + b" " * 8,
            lambda text: text.replace(b"I16", b"\\u004916", 1),
        )
    )
    if rng.random() < 0.7:
        package.raw_manifest = change
    else:
        package.raw_header = change


def _head(rng: Random, package: Package) -> None:
    """The members of the manifest beside `symbols`."""
    name = rng.choice(
        (
            "format",
            "format_version",
            "format_version",
            "name",
            "licence",
            "notes",
            "training",
            "x",
            "painter",
            "encoder",
            "symbols",
        )
    )
    if rng.random() < 0.3:
        package.manifest.pop(name, None)
    else:
        package.manifest[name] = copy.deepcopy(
            rng.choice((*ODD, "sem-model", {"file": "../x", "sha256": "0" * 64}, {"file": 1}))
        )


def _file(rng: Random, package: Package) -> None:
    match rng.randrange(6):
        case 0:
            package.missing.add(rng.choice(("manifest.json", "symbols.safetensors")))
        case 1:
            package.raw_file = lambda data: b""
        case 2:
            length = rng.choice((0, 1, 2**32, 2**63, 2**64 - 1, 100_000_001))
            package.raw_file = lambda data: length.to_bytes(8, "little") + data[8:]
        case 3:
            less = rng.choice((1, 8, 100))
            package.raw_file = lambda data: data[:-less]
        case 4:
            package.raw_file = lambda data: data[: rng.choice((1, 7, 8, 9))]
        case 5:
            package.raw_file = lambda data: data + b"\0"
