# SPDX-License-Identifier: MIT
"""Change model packages: members, numbers and tensors with digests corrected, or the form of their files."""

from __future__ import annotations

import copy
import hashlib
import json
import struct
from collections.abc import Sequence
from random import Random

from diff_fuzz.package_damage import WIDTHS, apply_damage, random_damage
from diff_fuzz.packages import Package
from tools.fuzz import archive
from tools.fuzz.mutators import plain

FILES = "manifest.json", "symbols.safetensors"


def pack(package: Package) -> bytes:
    """Return a package as the bytes of one input."""
    header = package.raw_header(json.dumps(package.header).encode("utf-8", "surrogatepass"))
    manifest = json.dumps(package.manifest, ensure_ascii=False).encode("utf-8", "surrogatepass")
    tensors = package.raw_file(len(header).to_bytes(8, "little") + header + package.data)
    return archive.pack([package.raw_manifest(manifest), tensors])


def parse(data: bytes) -> Package | None:
    """Return the package of an input, None if it is malformed."""
    manifest, tensors = archive.unpack(data, len(FILES))
    begin = 8 + int.from_bytes(tensors[:8], "little")
    try:
        package = Package(json.loads(manifest), json.loads(tensors[8:begin]), bytearray(tensors[begin:]))
    except (ValueError, RecursionError, OverflowError, MemoryError):
        return None
    whole = isinstance(package.manifest, dict) and isinstance(package.header, dict)
    return package if whole and isinstance(package.manifest.get("symbols"), dict) else None


def mutate(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return another package, mostly one whose digests are right."""
    package = parse(data) if rng.random() < 0.9 else None
    if package is None:
        return plain.mutate(rng, data, others)
    if rng.random() < 0.1 and others and (other := parse(rng.choice(others))) is not None:
        for name in rng.sample(sorted(package.symbols), min(2, len(package.symbols))):
            if name in other.symbols:
                package.symbols[name] = copy.deepcopy(other.symbols[name])
    if rng.random() < 0.5:
        try:
            _change_numbers(rng, package)
            return pack(package)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError, struct.error, OverflowError):
            return data  # an earlier change has removed what this one would change
    return pack(apply_damage(package, random_damage(rng)))


def _change_numbers(rng: Random, package: Package) -> None:
    """Change elements of one tensor a little, which mostly leaves a valid model, and correct its digest."""
    name = rng.choice([name for name in package.header if name != "__metadata__" and not name.startswith("z.")])
    begin, end = package.header[name]["data_offsets"]
    code = "<" + WIDTHS[package.header[name]["dtype"]]
    step = struct.calcsize(code)
    low, high = (0, 256**step - 1) if code[1].isupper() else (-(256**step) // 2, 256**step // 2 - 1)
    for _ in range(rng.choice((1, 2, 8))):
        at = begin + step * rng.randrange((end - begin) // step)
        (old,) = struct.unpack_from(code, package.data, at)
        value = old + rng.choice((-1, 1, -16, 16)) if rng.random() < 0.8 else -old
        struct.pack_into(code, package.data, at, value if code == "<f" else min(max(int(value), low), high))
    package.symbols["tensors"][name]["sha256"] = hashlib.sha256(package.data[begin:end]).hexdigest()
