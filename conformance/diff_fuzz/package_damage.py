# SPDX-License-Identifier: MIT
"""Random changes to model packages; a file can name the result by its new digest."""

from __future__ import annotations

import copy
import hashlib
import re
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from diff_fuzz.packages import Package, member_at, member_paths

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, 3, -1, 5, 7, 16, 64, 65, 1024, 1025, 4096, 65536, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, -32768,
    32767, 32768, -32769, 1.0, 0.5, 1e300, "", "a", "é", "1", [], [1], [[]], {}, {"a": 1}, "all", "ends", "scales-means", "means-scales",
    "conv", "deconv", "requant", "relu", "add", "I16", "I64", "F32", "U8", "BF16",
)  # fmt: skip
WIDTHS = {"U8": "B", "I16": "h", "U16": "H", "I32": "i", "F32": "f", "I64": "q"}
EXTREMES = (0, 1, -1, 2, 52, 53, 32767, -32768, 65535, 2**31 - 1, 2**37, 2**38, 2**53 - 1, 2**53, 2**63 - 1, -(2**63))

Damage = Callable[[Package], None]


def random_damage(rng: Random) -> list[Damage]:
    """Return one or two changes to a package. Each is deterministic, so that shrinking can apply them again."""
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
        kind, seed = rng.choice(kinds), rng.getrandbits(64)
        out.append(lambda package, kind=kind, seed=seed: kind(Random(seed), package))  # type: ignore[misc]
    return out


def apply_damage(base: Package, damage: Sequence[Damage]) -> Package:
    """Return a changed copy of a package."""
    package = copy.deepcopy(base)
    for change in damage:
        try:
            change(package)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError, struct.error, OverflowError):
            continue  # an earlier change has removed what this one would change
    return package


def _random_member(rng: Random, package: Package) -> tuple[Any, Any]:
    """Return the container and the name of a random member of `symbols`, rarely one of `tensors`."""
    paths = member_paths(package.symbols)
    path = rng.choice(paths)
    if path[0] == "tensors" and rng.random() < 0.7:
        path = rng.choice([p for p in paths if p[0] != "tensors"])
    return member_at(package.symbols, path[:-1]), path[-1]


def _member(rng: Random, package: Package) -> None:
    """Replace, remove, copy or insert a member of the manifest."""
    holder, name = _random_member(rng, package)
    match rng.randrange(7):
        case 0 | 1 | 2:
            holder[name] = copy.deepcopy(rng.choice(ODD_VALUES))
        case 3:
            del holder[name]
        case 4:
            other = rng.choice(member_paths(package.symbols))
            holder[name] = copy.deepcopy(member_at(package.symbols, other))
        case 5 if isinstance(holder, dict):
            holder[rng.choice(("x", "a", "ladder", "notes", "from", "stride", "é", "op", "lo"))] = copy.deepcopy(
                rng.choice(ODD_VALUES)
            )
        case 5:
            holder.insert(rng.randrange(len(holder) + 1), copy.deepcopy(rng.choice(holder)))
        case 6:
            outer = rng.choice([p for p in member_paths(package.manifest) if p[0] != "symbols" or len(p) == 1])
            member_at(package.manifest, outer[:-1])[outer[-1]] = copy.deepcopy(
                rng.choice((*ODD_VALUES, "sem-model", "1"))
            )


def _number(rng: Random, package: Package) -> None:
    """Change an integer of the manifest by a small amount."""
    integers = [path for path in member_paths(package.symbols) if type(member_at(package.symbols, path)) is int]
    path = rng.choice(integers)
    holder = member_at(package.symbols, path[:-1])
    holder[path[-1]] += rng.choice((-1, 1, -2, 2, 64, 32768, -32768))


def _tensor(rng: Random, package: Package) -> None:
    """Change one element of a tensor, two, or all, and correct its digest."""
    name = rng.choice([name for name in package.header if name != "__metadata__"])
    entry = package.header[name]
    begin, end = entry["data_offsets"]
    code = "<" + WIDTHS[entry["dtype"]]
    step = struct.calcsize(code)
    count = (end - begin) // step
    everywhere = rng.random() < 0.15
    for at in range(count) if everywhere else (rng.randrange(count) for _ in range(rng.choice((1, 1, 2)))):
        offset = begin + step * at
        if code == "<f":
            package.data[offset : offset + 4] = rng.choice(
                (b"\0\0\x80\x7f", b"\0\0\xc0\x7f", b"\0\0\x80\xff", b"\0\0\0\x80", rng.randbytes(4))
            )
            continue
        (old,) = struct.unpack_from(code, package.data, offset)
        low, high = (0, 256**step - 1) if code[1].isupper() else (-(256**step) // 2, 256**step // 2 - 1)
        value = old + rng.choice((-1, 1)) if rng.random() < 0.4 else rng.choice((*EXTREMES, high, low, -old, 2 * old))
        struct.pack_into(code, package.data, offset, min(max(value, low), high))
    package.symbols["tensors"][name]["sha256"] = hashlib.sha256(package.data[begin:end]).hexdigest()


def _declared(rng: Random, package: Package) -> None:
    """Change the declared dtype, shape or digest of a tensor, in the header, the manifest or both."""
    name = rng.choice([name for name in package.header if name != "__metadata__"])
    declarations = rng.choice(
        ((package.header,), (package.symbols["tensors"],), (package.header, package.symbols["tensors"]))
    )
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
    for declaration in declarations:
        declaration[name].update(change)


def _entry(rng: Random, package: Package) -> None:
    """Change the header of the safetensors file, or the length of its data."""
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
            header[name] = copy.deepcopy(rng.choice(ODD_VALUES))
        case 11:
            other = rng.choice(list(header))
            header[name], header[other] = header[other], header[name]


def _text(rng: Random, package: Package) -> None:
    """Change the JSON text of the manifest or the header: whitespace, duplicate members, spelling.

    Changes that SPEC §2 leaves to JSON parsers are not among them.
    """
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
            lambda text: text.replace(b": 0", b": -0"),
            lambda text: text.replace(b'a"', b'\\u0061"'),
            lambda text: text.replace(b'e":', b'\\u0065" :'),
            lambda text: re.sub(rb"[0-9a-f]{64}", lambda found: found[0].upper(), text, count=1),
            lambda text: b"\n" * 8 + text,
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
    """Remove or replace a top-level member of the manifest."""
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
            rng.choice((*ODD_VALUES, "sem-model", {"file": "../x", "sha256": "0" * 64}, {"file": 1}))
        )


def _file(rng: Random, package: Package) -> None:
    """Remove a file, or cut or extend the safetensors file."""
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
