# SPDX-License-Identifier: MIT
"""The bounds of a caller: what they may be, where they come from, and that each kind of work keeps them."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import refcodec
from refcodec import memory, spec
from refcodec.assemble import header_of
from refcodec.consonant_text.restore import restore
from refcodec.container import Section, assemble, write
from refcodec.environment import Environment
from refcodec.errors import Code, LimitError, SemError
from refcodec.limits import (
    Limits,
    MemoryLimitError,
    TimeLimitError,
    format_bytes,
    parse_bytes,
    parse_count,
    parse_seconds,
)
from refcodec.payloads import kinds, vq_indices
from refcodec.payloads.coding import CodingContext

SHIPPED = Environment()
PASSED = Limits(timeout=1, until=0.0)  # a deadline long ago


def file_of(profile: int, kind: int, size: tuple[int, int], body: bytes = b"") -> bytes:
    """Return a file without a check."""
    header = header_of(SHIPPED.registry.get(profile), size, 0, None)
    return write(assemble(header, [Section(spec.CRITICAL | kind, body, b"")]), level=2)


# --- values ---


@pytest.mark.parametrize(
    ("text", "count"),
    [("1", 1), ("500M", 500 << 20), ("1.5G", 3 << 29), ("2GiB", 2 << 30), ("64kb", 64 << 10), (" 1T ", 1 << 40)],
)
def test_bytes(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "0", "0.0K", "-1", "1e9", "M", "1 000", "1P", "nan", "٣", "1.5.5G", "9" * 99])
def test_bytes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="number of bytes"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        *((parse_count, text) for text in ("", "0", "-3", "1.5", "1e6", "٣", "9" * 99)),
        *((parse_seconds, text) for text in ("", "0", "0.0", "-1", "nan", "inf", "1e3", "9" * 99)),
    ],
)
def test_numbers_that_are_none(parse: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ValueError, match="above 0"):
        parse(text)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"max_pixels": 0}, ValueError),
        ({"max_pixels": 1.5}, TypeError),
        ({"max_pixels": True}, TypeError),
        ({"max_memory": -1}, ValueError),
        ({"max_memory": "1G"}, TypeError),
        ({"timeout": 0}, ValueError),
        ({"timeout": float("nan")}, ValueError),
        ({"timeout": float("inf")}, ValueError),
        *(
            ({name: value}, error)
            for name in ("max_pixels", "max_memory", "timeout", "until")
            for value, error in (
                ("5", TypeError),
                (True, TypeError),
                (b"5", TypeError),
                ([5], TypeError),
                (5j, TypeError),
            )
        ),
        *(({name: float("nan")}, TypeError) for name in ("max_pixels", "max_memory")),
        *(({name: -(10**9999)}, ValueError) for name in ("max_pixels", "max_memory", "timeout", "until")),
        *(({name: 10**400}, ValueError) for name in ("timeout", "until")),
        ({"timeout": -0.0}, ValueError),
        ({"until": float("nan")}, ValueError),
        ({"max_pixels": "5" * 9999}, TypeError),
    ],
)
def test_limits_that_make_no_sense(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"^{next(iter(arguments))} is ") as caught:
        Limits(**arguments)
    assert len(str(caught.value)) < 100


def test_limits_beyond_all_that_is_there() -> None:
    data = refcodec.encode(np.zeros((64, 64, 3), np.uint8))
    for limits in (
        Limits(10**400, 10**400),
        Limits(10**9999, 10**9999),
        Limits(timeout=1e308),
        Limits(None, None, None),
    ):
        assert refcodec.decode(data, limits=limits).size == (64, 64)
        limits.start().check_memory(1, "anything")
        limits.start().check_time()
    assert Limits(timeout=np.float32(5)).start().until is not None


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SEM_MAX_PIXELS", "SEM_MAX_MEMORY", "SEM_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    assert Limits.default() == Limits()
    monkeypatch.setenv("SEM_MAX_PIXELS", "1000")
    monkeypatch.setenv("SEM_MAX_MEMORY", "2G")
    monkeypatch.setenv("SEM_TIMEOUT", "0.5")
    assert Limits.default() == Limits(1000, 2 << 30, 0.5)
    started = Limits.of(None)
    assert started.until is not None
    assert Limits.of(started) == started  # one deadline for all parts of a call
    for name in ("SEM_MAX_PIXELS", "SEM_MAX_MEMORY", "SEM_TIMEOUT"):
        monkeypatch.setenv(name, "much")
        with pytest.raises(ValueError, match=name):
            Limits.default()
        monkeypatch.setenv(name, "")


@pytest.mark.parametrize("kind", [TimeLimitError, MemoryLimitError])
def test_errors(kind: type[SemError]) -> None:
    error = kind(Code.LIMIT_SYMBOLS, "it takes too long", hint="wait")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error) == "SEM-E-605 limit-symbols: it takes too long; wait"
    assert (error.status, error.family) == (6, "limit")
    assert isinstance(error, LimitError)


def test_units() -> None:
    assert [format_bytes(n) for n in (12, 999_999, 10**6, 641_000_000)] == [
        "12 bytes",
        "999999 bytes",
        "1 MB",
        "641 MB",
    ]


def test_the_machine() -> None:
    machine = memory.machine()
    assert machine is None or machine > 1 << 26
    assert 1 << 20 < memory.resident() < 1 << 36


# --- pixels ---


def test_pixels_of_a_file() -> None:
    data = file_of(1, spec.ELIC, (640, 480))
    for limits in (None, Limits(max_pixels=640 * 480)):
        assert refcodec.read(data, limits=limits).header.width == 640
    calls: tuple[Callable[..., object], ...] = (refcodec.read, refcodec.payload, refcodec.symbols, refcodec.decode)
    for call in calls:
        with pytest.raises(LimitError) as caught:
            call(data, limits=Limits(max_pixels=640 * 480 - 1))
        assert caught.value.code == Code.LIMIT_PIXELS
        assert caught.value.what == "307200 pixels, more than the 307199 that the caller allows"
        assert caught.value.hint == "raise the bound (--max-pixels, SEM_MAX_PIXELS or Limits.max_pixels)"


def test_the_level_comes_first() -> None:
    data = file_of(1, spec.ELIC, (16384, 4096))
    with pytest.raises(LimitError, match="67108864 pixels, more than 33554432 in") as caught:
        refcodec.payload(data, limits=Limits(max_pixels=10))
    assert caught.value.code == Code.LIMIT_PIXELS


def test_pixels_of_a_picture() -> None:
    pixels = np.zeros((8, 9, 3), np.uint8)
    with pytest.raises(SemError, match="it may have 71 pixels") as caught:
        refcodec.encode(pixels, limits=Limits(max_pixels=71))
    assert caught.value.code == Code.PICTURE_TOO_LARGE


# --- memory ---


# (the resources of a process include those of its parent before it was replaced, so they are not asked)
LARGEST = (8192, 4096)  # of level 1
SECTIONS = [(1, spec.ELIC), (9, spec.SKETCH), (16, spec.VQ)]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the memory of one process")
@pytest.mark.parametrize(("profile", "kind"), SECTIONS)
def test_the_largest_picture_is_refused_before_it_takes_memory(profile: int, kind: int) -> None:
    """A few bytes claim the largest picture; the process stays small, and the message has the bound."""
    data = file_of(profile, kind, LARGEST)
    assert len(data) <= 12
    program = (
        "import refcodec\n"
        f"data, limits = bytes.fromhex('{data.hex()}'), refcodec.Limits(max_memory=80_000_000)\n"
        "try:\n    refcodec.payload(data, limits=limits)\n"
        "except refcodec.MemoryLimitError as error:\n"
        "    print(error)\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])\n"
    )
    if kind == spec.VQ:
        program = program.replace("80_000_000", "50_000_000")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    message, peak = done.stdout.splitlines()
    assert message.startswith("SEM-E-605 limit-symbols: decoding its ")
    assert " MB that the caller allows; raise the bound (--max-memory, SEM_MAX_MEMORY or Limits.max_memory)" in message
    assert int(peak) * 1024 < 100_000_000


@pytest.mark.parametrize(("profile", "kind"), SECTIONS)
def test_the_prediction_grows_with_the_picture(profile: int, kind: int) -> None:
    from refcodec.networks import package_cache

    row, model, backends = SHIPPED.registry.get(profile), None, ["numpy"]
    if kind != spec.VQ:
        folder = SHIPPED.locate_package(row.model or "")
        model, backends = package_cache.symbol_model(folder, package_cache.model_digest(folder)), ["numpy", "torch"]
    for backend in backends:
        sizes = [(64, 64), (1024, 1024), (4096, 4096), LARGEST]
        contexts = [
            CodingContext(row.parameters(kind), size, model=model, backend=package_cache.backend(backend))
            for size in sizes
        ]
        found = [kinds.get(kind).memory(context) for context in contexts]
        assert found == sorted(found)
        assert 5 < found[3] / found[1] < 33  # about in proportion to the pixels, beside a constant


@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: kind.name)
def test_every_kind_has_a_prediction(kind: Any) -> None:
    if kind.networks:
        pytest.skip("needs a model: the test above")
    context = CodingContext({"v": 6, "stride": 16, "usage": False}, (640, 480))
    assert 1 << 20 <= kind.memory(context) < 1 << 26


def test_what_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "machine", lambda: memory.resident() + (1 << 20))
    with pytest.raises(MemoryLimitError, match=r"of this machine; use a machine with more"):
        refcodec.payload(file_of(1, spec.ELIC, LARGEST))
    monkeypatch.setattr(memory, "machine", lambda: None)
    Limits().check_memory(1 << 60, "anything")


def test_memory_of_networks() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    data = refcodec.encode(pixels)
    tight = Limits(max_memory=memory.resident() + 1)
    with pytest.raises(MemoryLimitError, match="analysing the picture would take"):
        refcodec.encode(pixels, limits=tight)
    with pytest.raises(MemoryLimitError, match="decoding its elic would take"):
        refcodec.decode(data, limits=tight)
    assert refcodec.decode(data, limits=Limits(max_memory=memory.resident() + (1 << 30))).size == (64, 64)


# --- time ---


@pytest.mark.parametrize(("profile", "kind"), SECTIONS)
def test_time_that_has_passed(profile: int, kind: int) -> None:
    data = file_of(profile, kind, (640, 480))
    for call in (refcodec.payload, refcodec.symbols):
        with pytest.raises(TimeLimitError, match="not done in 1 s, the time limit of the caller"):
            call(data, limits=PASSED)


def test_time_of_the_exact_networks() -> None:
    """The time is checked between the layers and the parts of layers, not only between passes."""
    from refcodec.networks import package_cache

    seen: list[float] = []

    def tick() -> None:
        seen.append(time.monotonic())
        if len(seen) == 5:
            raise PASSED.late()

    for name in ("numpy", "torch"):
        seen.clear()
        backend = package_cache.backend(name, tick)
        with pytest.raises(TimeLimitError):
            refcodec.decoder.decode_file(file_of(1, spec.ELIC, (640, 480)), backend=backend)
        assert len(seen) == 5


def test_time_between_rows() -> None:
    parameters, size = {"v": 256, "stride": 8, "usage": False}, (64, 800)
    body = vq_indices.encode([7] * 800, parameters, size)
    shares: list[float] = []

    def progress(share: float) -> None:
        shares.append(share)
        if share >= 0.5:
            PASSED.check_time()

    with pytest.raises(TimeLimitError):
        vq_indices.decode(body, parameters, size, progress=progress)
    assert shares[-1] == 0.5
    assert len(shares) == 50


def test_time_of_restoring_words() -> None:
    shares: list[float] = []
    text = "ld stn brdg crss clm rvr grn tr " * 20
    assert restore(text, progress=shares.append).text == restore(text).text
    assert shares == sorted(shares)
    assert len(shares) > 10
    with pytest.raises(TimeLimitError):
        restore(text, progress=PASSED.checked(None))


@pytest.mark.slow
def test_the_longest_text_is_restored_in_time() -> None:
    """65,536 letters, each word with as many candidates as there are: time and memory are bounded."""
    start = time.process_time()
    restored = restore("st " * 21845)
    assert time.process_time() - start < 30  # of a slow and busy machine
    assert len([word for word in restored.words if word.consonants]) == 21845


def test_progress_is_passed_on() -> None:
    shares: list[float] = []
    assert Limits().checked(None) is None
    assert Limits().checked(shares.append) == shares.append
    checked = Limits(timeout=100).start().checked(shares.append)
    assert checked is not None
    checked(0.5)
    assert shares == [0.5]


def test_nothing_is_left_of_a_decode(place: Path) -> None:
    data = refcodec.encode(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(TimeLimitError):
        refcodec.decode(data, limits=PASSED)
    with pytest.raises(TimeLimitError):
        refcodec.encode(np.zeros((64, 64, 3), np.uint8), limits=PASSED)
    assert not list(place.iterdir())
