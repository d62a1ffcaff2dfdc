# SPDX-License-Identifier: MIT
"""Fuzz the decoder with damaged files: any bytes must give a result or a SemError, in bounded time and memory.

    python -m tools.fuzz --minutes 10 [--seed N]

Inputs are the files of test_vectors/ and freshly encoded files of every kind. They are damaged by bit flips, cuts,
splices, duplicated ranges and edits of single fields, then inspected, decoded and, if still valid, edited and exported. A
run that ends in any other exception, or exceeds the time or memory limit, is saved in out/fuzz/, and the exit status is
1. So it is if a 32-bit check misses damage, or a 16-bit check misses more than chance explains. Run i of a seed is
deterministic.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec import editing, spec
from refcodec.assemble import header_of
from refcodec.codec import encode_file
from refcodec.container import Container, Section, assemble, bound_header, read, section_check, symbol_count, write
from refcodec.container.key_value import encode as text_encode
from refcodec.decoder import DecodedFile, decode_container
from refcodec.environment import Environment
from refcodec.errors import CODES, Code, SemError
from refcodec.export import artifacts
from refcodec.inspection import inspect
from refcodec.networks import package_cache
from refcodec.payloads import latents as elic_latents
from refcodec.payloads import vq_indices

ROOT: Final = Path(__file__).resolve().parents[1]

MODELS: Final = ROOT / "test_vectors" / "models"
ENVIRONMENT: Final = Environment().with_packages(MODELS)
OUT: Final = ROOT / "out" / "fuzz"
CPU_SECONDS: Final = 10.0  # limit of one run
MEMORY: Final = 1 << 30  # bytes above the use at the start
SYMBOLS: Final = 1 << 18  # files that claim more symbols only have their container checked
Sections = dict[int, bytes]
Part = tuple[bytes, int, bytes]


# --- files to damage ---------------------------------------------------------------------------------------------


def fresh(
    profile: int = 200,
    size: tuple[int, int] = (70, 40),
    *,
    check: int = 16,
    seed: int = 0,
    rate: int = 0,
    hash_bytes: int = 0,
    others: Sections | None = None,
) -> bytes:
    """Return a valid file of a tiny model with random symbols. `others`: ancillary sections by type."""
    row, rng = ENVIRONMENT.registry.get(profile), np.random.default_rng(seed)
    if row.model is None:
        raise ValueError(f"profile {profile} names no model")
    model = package_cache.symbol_model(ENVIRONMENT.locate_package(row.model), row.model)
    sigma = 0.11 * (256 / 0.11) ** (np.arange(64) / 63)

    def choose(_rate: int, _k: int, _step: int, mean: NDArray[np.int32], index: NDArray[np.uint8]) -> NDArray[np.int32]:
        s = np.rint(rng.normal(0, 1, mean.shape) * sigma[index]).astype(np.int32)
        s = np.clip(s, -((32768 + mean) // 64), (32767 - mean) // 64)
        return np.where(index == 0, 0, s).astype(np.int32)

    z = rng.integers(-3, 4, (model.hyper, *elic_latents.shapes(*size)[0])).astype(np.int32)
    backend = package_cache.backend("numpy")
    body, latents = elic_latents.encode(rate, z, choose, model, size, backend, tables=ENVIRONMENT.tables)
    kind = spec.SKETCH if spec.SKETCH in row.kinds else spec.ELIC
    named = bytes.fromhex(row.model)[:hash_bytes] if hash_bytes else None
    header = header_of(row, size, check, named)
    contents = {spec.CRITICAL | kind: (body, latents.serialise())}
    contents |= {section_type: (text, text) for section_type, text in (others or {}).items()}
    parts = [
        Section(number, body, section_check(row, row.model, header, number, symbols, check))
        for number, (body, symbols) in contents.items()
    ]
    return write(assemble(header, parts))


def ready(seed: int, **options: Any) -> Iterator[bytes]:
    """Yield files of precomputed symbols for every kind without a network. Options are those of `encode_file`."""
    rng, size = np.random.default_rng(seed), (100, 70)

    def one(profile: int | str | None = None, **symbols: Any) -> bytes:
        return encode_file(**symbols, profile=profile, size=size, **options).data

    for text in ("", "ct", "ndn trdtnl rch vndv lt shdv", "  k"):
        yield from (one(profile, text=text) for profile in ("consonant", "consonant-coded"))
    for text in ("", "A cat on a mat.", "ÄÖÜ 🦆\n" * 9):
        for mode in ("static", "raw", "zlib", "zstd"):
            body = encode_file(caption=text, mode=mode, size=size, **options)
            yield body.data
    yield encode_file(codes=list(range(16)), method="pics", size=size, **options).data
    for profile in ("clip", "clip-4", "clip-16"):
        yield one(profile, vector=rng.normal(0, 0.5, 768))
    tiny: dict[str, Any] = {"model": MODELS / "clip-tiny"}
    yield encode_file(
        codes=rng.integers(0, 4, 8), method="clip", profile="clip-tiny", size=size, **tiny, **options
    ).data
    grids = {
        name: vq_indices.grid(size, ENVIRONMENT.registry.by_name(name).parameters(spec.VQ))
        for name in ("perco-64-256", "perco-16-8196", "vq-tiny")
    }
    codes, small = rng.integers(0, 1024, 16), rng.integers(0, 6, grids["vq-tiny"])
    yield one("perco-16-8196", indices=rng.integers(0, 8196, grids["perco-16-8196"]))
    yield one(
        "perco-64-256", indices=rng.integers(0, 256, grids["perco-64-256"]), caption="A cat on a mat.", codes=codes
    )
    yield one("perco-64-256", codes=codes)
    yield encode_file(codes=[1, 3], profile="pq-tiny", size=size, model=MODELS / "pq-tiny", **options).data
    yield encode_file(codes=codes, size=size, model=MODELS / "vq-tiny", **options).data
    for explicit in (False, 4, 32):
        named: dict[str, Any] = {"model": MODELS / "vq-tiny", "explicit_model": explicit}
        yield encode_file(indices=small, caption="x", profile="vq-tiny", size=size, **named, **options).data


def corpus() -> list[bytes]:
    """Return the files to damage: all vectors, valid or not, and fresh files of every form."""
    files = [path.read_bytes() for path in sorted((ROOT / "test_vectors").rglob("*.sem"))]
    ancillary: list[Sections] = [
        {},
        {spec.PROVENANCE: text_encode({"encoder": "fuzz", "setting": "ü"})},
        {spec.PROVENANCE: b"", spec.METADATA: text_encode({"a": "b", "c": "d" * 40}), 0x15: b"\x00\x01\x02"},
    ]
    seed = 0
    for profile in (200, 201, 205):
        for check in (0, 16, 32):
            for others in ancillary:
                for size, hash_bytes in (((1, 1), 0), ((70, 40), 4), ((768, 512), 0), ((130, 66), 32)):
                    seed += 1
                    files.append(fresh(profile, size, check=check, seed=seed, hash_bytes=hash_bytes, others=others))
    for check in (0, 16, 32):
        files += ready(check, check=check)
        files += ready(check, check=check, provenance=True, hints={"seed": "7", "steps": "20"}, metadata={"a": "b"})
    return [data for data in files if len(data) < 1 << 16]


# --- damage ------------------------------------------------------------------------------------------------------


def _flip(rng: random.Random, data: bytearray, _: list[bytes]) -> None:
    for _n in range(rng.choice((1, 1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _write_bytes(rng: random.Random, data: bytearray, _: list[bytes]) -> None:
    at, n = rng.randrange(len(data)), rng.choice((1, 2, 4))
    data[at : at + n] = rng.choice((b"\0" * n, b"\xff" * n, b"\x80" * n, rng.randbytes(n)))


def _cut_end(rng: random.Random, data: bytearray, _: list[bytes]) -> None:
    del data[rng.randrange(len(data)) :]


def _cut_middle(rng: random.Random, data: bytearray, _: list[bytes]) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.randrange(1, 20)]


def _insert(rng: random.Random, data: bytearray, _: list[bytes]) -> None:
    at = rng.choice((rng.randrange(len(data) + 1), len(data)))
    data[at:at] = rng.choice((rng.randbytes(rng.randrange(1, 20)), b"\0", b"\xff" * 5))


def _duplicate(rng: random.Random, data: bytearray, _: list[bytes]) -> None:
    at, to = rng.randrange(len(data)), rng.randrange(len(data) + 1)
    data[to:to] = data[at : at + rng.randrange(1, 60)]


def _splice(rng: random.Random, data: bytearray, files: list[bytes]) -> None:
    other = rng.choice(files)
    data[rng.randrange(len(data)) :] = other[rng.randrange(len(other) + 1) :]


def _header(rng: random.Random, data: bytearray, _: list[bytes]) -> None:
    """Overwrite a byte near the start of the file, most often in the header."""
    data[rng.randrange(2, max(3, min(len(data), 16))) % len(data)] = rng.choice(
        (0, 1, 127, 128, 200, 254, 255, rng.randrange(256))
    )


def _field(rng: random.Random, data: bytearray, _: list[bytes]) -> None:
    """Delete, duplicate or overwrite one field that `inspect` reports; lengths and counts are among them."""
    fields = [f for f in inspect(bytes(data), models=(MODELS,)).fields if f.bits % 8 == 0]
    if not fields:
        return
    chosen = rng.choice(fields)
    start, end = chosen.offset, chosen.offset + chosen.bits // 8
    new = (
        b"",
        bytes(data[start:end]) * 2,
        rng.randbytes(end - start),
        b"\xff\xff\xff\x7f",
        b"\x80\x00",
        b"\x00",
        b"\x7f",
    )
    data[start:end] = rng.choice(new)


def _swap(rng: random.Random, data: bytearray, _: list[bytes]) -> None:
    """Exchange two adjacent ranges."""
    a, b, c = sorted(rng.randrange(len(data) + 1) for _n in range(3))
    data[a:c] = data[b:c] + data[a:b]


DAMAGE: Final[tuple[Callable[[random.Random, bytearray, list[bytes]], None], ...]] = (
    _flip, _flip, _write_bytes, _cut_end, _cut_middle, _insert, _duplicate, _splice, _header, _field, _field, _swap,
)  # fmt: skip


def damaged(rng: random.Random, files: list[bytes]) -> bytes:
    """Return a random file with one to four random kinds of damage."""
    data = bytearray(rng.choice(files))
    for _n in range(rng.choice((1, 1, 1, 2, 4))):
        if data:
            rng.choice(DAMAGE)(rng, data, files)
    return bytes(data)


# --- one run -----------------------------------------------------------------------------------------------------


class TooLong(BaseException):
    """Raised by the timer; a BaseException, so that no handler in the codec catches it."""


@dataclass
class Tally:
    """Counts over all runs."""

    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    checked: Counter[int] = field(default_factory=Counter)  # check bits -> damaged files whose check was evaluated
    undetected: Counter[int] = field(default_factory=Counter)  # check bits -> those of them that passed it

    def excess(self) -> str | None:
        """Return a message if more changes passed a check than chance explains, else None."""
        if self.undetected[32]:
            return f"{self.undetected[32]} changes passed a 32-bit check"
        mean = self.checked[16] / 65536
        if self.undetected[16] > mean + 6 * mean**0.5 + 3:
            return f"{self.undetected[16]} changes passed a 16-bit check, expected {mean:.1f}"
        return None


def parts(decoded: DecodedFile) -> list[Part]:
    """Return what the check of each section covers: bound header, section type and symbols."""
    header, values = bound_header(decoded.container.header), decoded.values
    return [
        (header, section.type, values[section.type].serialise() if section.critical else section.body)
        for section in decoded.container.sections
    ]


def known_parts(files: list[bytes]) -> set[Part]:
    """Return the `parts` of all files that decode."""
    out: set[Part] = set()
    for data in files:
        try:
            container = read(data)
            if claimed(container) <= SYMBOLS:
                out.update(parts(decode_container(container, ENVIRONMENT)))
        except SemError:
            continue
    return out


def claimed(container: Container) -> int:
    """Return the number of symbols of the largest payload that the profile allows for this size."""
    header, profile = container.header, container.profile
    return max((symbol_count(profile, kind, header.width, header.height) or 0 for kind in profile.kinds), default=0)


def look(data: bytes) -> None:
    """Check that `inspect` assigns every bit to a field and reports the same error as `read`."""
    inspection, bit = inspect(data, models=(MODELS,)), 0
    inspection.to_dict()
    for part in inspection.fields:
        if part.offset != bit // 8 or part.bits < 1:
            raise AssertionError(f"field {part.name} does not start where the previous one ends")
        bit += part.bits
    if bit != 8 * len(data):
        raise AssertionError(f"{8 * len(data) - bit} bits belong to no field")
    try:
        read(data)
        code = None
    except SemError as error:
        code = error.code
    reported = [error.code for error in inspection.errors if error.family not in ("check", "model")]
    if (reported[0] if reported else None) != code:
        raise AssertionError(f"inspect reports {reported}, read {code}")


def edit_and_export(decoded: DecodedFile) -> None:
    """Strip, cut and export a valid file; the edited files must be valid, too."""
    container = decoded.container
    for section_type in {section.type for section in container.sections}:
        try:
            edited = editing.strip(container, {section_type})
        except ValueError:  # it is the only section
            continue
        decode_container(read(edited.data), ENVIRONMENT)
    if container.header.sectioned:
        for count in range(1, len(container.sections) + 1):
            part = decode_container(read(editing.cut(container, sections=count).data), ENVIRONMENT)
            if len(part.container.sections) != count:
                raise AssertionError(f"a file cut after {count} sections has {len(part.container.sections)}")
    try:
        found = artifacts(decoded)
    except SemError as error:
        if error.family != "model":  # codebooks that do not match the codes
            raise
        return
    for name, artifact in found.items():
        if name != "sketch" and container.header.width * container.header.height <= SYMBOLS:
            artifact.make(artifact.suffixes[0])


def decode(data: bytes, known: set[Part], tally: Tally) -> str:
    """Decode a damaged file; return the outcome as a label for the tally."""
    try:
        container = read(data)
        header = container.header
        if claimed(container) > SYMBOLS:
            return "large"
        if write(container) != data and container.complete:
            raise AssertionError("reading and writing the file does not reproduce it")
        decoded = decode_container(container, ENVIRONMENT)
        edit_and_export(decoded)
    except SemError as error:
        if error.code not in CODES or "\n" in str(error):
            raise AssertionError("an error must have a known code and a message of one line") from error
        if error.offset is not None and not 0 <= error.offset <= len(data):
            raise AssertionError(f"an error at byte {error.offset} of {len(data)}") from error
        if error.code == 501:
            tally.checked[header.check_bits] += 1
        return error.id
    if decoded.state == "unchecked":
        return "unchecked"
    if all(part in known for part in parts(decoded)):
        return "unchanged"
    tally.checked[header.check_bits] += 1
    tally.undetected[header.check_bits] += 1
    return f"changed, check {header.check_bits}"


def run(data: bytes, known: set[Part], tally: Tally) -> None:
    """Run once under the time limit. Any exception other than SemError propagates."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        look(data)
        outcome = decode(data, known, tally)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    tally.runs += 1
    tally.outcomes[outcome] += 1


def _timer(*_: Any) -> None:
    raise TooLong(f"more than {CPU_SECONDS} s of CPU time")


def save(data: bytes, seed: int, number: int) -> Path:
    """Save the bytes of a failed run and its traceback; return the path."""
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{hashlib.sha256(data).hexdigest()[:16]}.sem"
    path.write_bytes(data)
    path.with_suffix(".txt").write_text(f"seed {seed}, run {number}\n{traceback.format_exc()}")
    return path


def report(tally: Tally, seconds: float) -> None:
    """Print the tally."""
    print(f"{tally.runs} runs in {seconds:.0f} s")
    for outcome, count in tally.outcomes.most_common():
        name = Code(int(outcome[6:])).label if outcome.startswith("SEM-E-") else ""
        print(f"  {count:9}  {outcome} {name}")
    for bits in sorted(tally.checked):
        print(f"  check {bits}: {tally.undetected[bits]} changes undetected of {tally.checked[bits]} that reached it")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    files = corpus()
    known = known_parts(files)
    tally, started, number = Tally(), time.monotonic(), 0
    signal.signal(signal.SIGPROF, _timer)
    used = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
    print(f"{len(files)} files, seed {args.seed}", flush=True)
    while time.monotonic() - started < 60 * args.minutes:
        data = damaged(random.Random(f"{args.seed}:{number}"), files)
        try:
            run(data, known, tally)
        except (Exception, TooLong) as error:  # noqa: BLE001 - any exception is a finding
            print(f"run {number}: {type(error).__name__}: {error}; saved as {save(data, args.seed, number)}")
            report(tally, time.monotonic() - started)
            return 1
        number += 1
    report(tally, time.monotonic() - started)
    if excess := tally.excess():
        print(excess)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
