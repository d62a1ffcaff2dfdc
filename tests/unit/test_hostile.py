# SPDX-License-Identifier: MIT
"""Damaged files: any bytes give a value or a SemError of the family that belongs to the damage, and nothing else.

Files of the tiny models are damaged in every way there is of each kind, those of the model that ships by sample.
"""

from __future__ import annotations

import random
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import refcodec
from refcodec import codec, spec
from refcodec.container import read
from refcodec.container.fields import varint
from refcodec.container.key_value import encode as text_encode
from refcodec.decoder import DecodedFile, decode_container
from refcodec.errors import CODES, FAMILIES, SemError
from refcodec.inspection import Inspection, inspect
from tools.fuzz.catalogue import load
from tools.fuzz.mutators import plain, sem_file
from tools.fuzz.target import MODELS
from tools.fuzz.undetected import Tally, examine, known_parts, parts
from tools.fuzz.valid_files import files as fuzzed_files
from tools.fuzz.valid_files import latent_file

ROOT = Path(__file__).resolve().parents[2]


OTHERS = {
    spec.PROVENANCE: text_encode({"k": "ü"}),
    spec.METADATA: b"",
    0x15: b"\x00",  # unknown, not safe to copy
}
FORMS = [
    pytest.param(
        profile, others, check, hash_bytes, id=f"{profile}-{'sectioned' if others else 'compact'}-{check}-{hash_bytes}"
    )
    for profile, others, check, hash_bytes in (
        (200, None, 16, 0),
        (200, None, 32, 0),
        (201, None, 16, 0),
        (201, None, 32, 4),
        (200, None, 0, 0),
        (200, OTHERS, 16, 0),
        (201, OTHERS, 32, 8),
        (201, OTHERS, 0, 0),
    )
]
# The first fault of a flipped bit of these fields has one of these codes, and no such file is accepted.
FLIPPED = {
    "magic": {201},
    "version": {701},
    "reserved": {203},
    "model_hash": {801, 802},
    "check": {501},
}


def tiny(profile: int, others: dict[int, bytes] | None, check: int, hash_bytes: int) -> bytes:
    return latent_file(
        profile, (20, 30), check=check, seed=profile + check, rate=1, hash_bytes=hash_bytes, others=others
    )


def judged(data: bytes, most: int = 1 << 16) -> DecodedFile | SemError:
    """What decoding gives, with all that holds for any bytes. `most`: larger pictures are not decoded."""
    found = inspect(data, models=[MODELS])
    check_inspection(found, data)
    seen = decoded(data, most)
    if isinstance(seen, SemError):
        check_error(seen, data)
        if seen.family in ("header", "section", "limit"):
            assert [error.code for error in found.errors][:1] == [seen.code]
    return seen


def decoded(data: bytes, most: int) -> DecodedFile | SemError:
    try:
        container = read(data)
        if container.header.width * container.header.height > most:
            return SemError(801, "more than this test has time for")
        return decode_container(container, sem_file.environment())
    except SemError as error:
        return error


def check_inspection(found: Inspection, data: bytes) -> None:
    bit = 0
    for field in found.fields:
        assert (field.offset, field.bits > 0) == (bit // 8, True)
        bit += field.bits
    assert bit == 8 * len(data)
    for error in found.errors:
        check_error(error, data)


def check_error(error: SemError, data: bytes) -> None:
    assert error.code in CODES
    assert error.status == FAMILIES[error.code // 100].status != 1
    assert "\n" not in str(error)
    assert error.offset is None or 0 <= error.offset <= len(data)


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(bit, the bytes with that bit flipped)"""
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 0x80 >> bit % 8
        yield bit, bytes(changed)


def owners(data: bytes) -> list[str]:
    """The field of every bit, without the section that it stands in."""
    fields = inspect(data, models=[MODELS]).fields
    return [field.name.rpartition(".")[2] for field in fields for _ in range(field.bits)]


def same(one: DecodedFile, other: DecodedFile) -> bool:
    """Whether two files say the same: the payload where both hold one, and what stands beside it."""
    ours = {section.type: section.body for section in one.container.sections}
    theirs = {section.type: section.body for section in other.container.sections}
    return all(ours[section_type] == theirs.get(section_type, ours[section_type]) for section_type in ours)


@pytest.mark.parametrize(("profile", "others", "check", "hash_bytes"), FORMS)
def test_every_prefix(profile: int, others: dict[int, bytes] | None, check: int, hash_bytes: int) -> None:
    whole = tiny(profile, others, check, hash_bytes)
    good = judged(whole)
    assert isinstance(good, DecodedFile)
    first = good.container.sections[0].body_offset - (2 if others else 0)  # its type and length are a byte each
    ends = {section.check_offset + len(section.check) for section in good.container.sections}
    for n in range(len(whole)):
        seen = judged(whole[:n])
        if others and n in ends:
            assert isinstance(seen, DecodedFile)
            assert not seen.container.complete
            assert same(good, seen)
        elif others:
            assert isinstance(seen, SemError)
            assert seen.code == (201 if n < 2 else 202 if n < first else 301)
        elif n < first:
            assert isinstance(seen, SemError)
            assert seen.code == (201 if n < 2 else 202)
        elif check:
            assert isinstance(seen, SemError)
            assert seen.code in (402, 403, 501)


@pytest.mark.parametrize(("profile", "others", "check", "hash_bytes"), FORMS)
def test_every_flipped_bit(profile: int, others: dict[int, bytes] | None, check: int, hash_bytes: int) -> None:
    whole = tiny(profile, others, check, hash_bytes)
    good, names = judged(whole), owners(whole)
    assert isinstance(good, DecodedFile)
    undetected: Counter[str] = Counter()
    for bit, data in flips(whole):
        seen = judged(data)
        if isinstance(seen, DecodedFile):
            if check == 0 or names[bit] != "count_minus_1" or not same(good, seen):
                undetected[names[bit]] += 1
        elif names[bit] in FLIPPED:
            assert seen.code in FLIPPED[names[bit]], f"bit {bit}, {names[bit]}: {seen}"
        elif names[bit] == "body":
            assert seen.code in (401, 402, 403, 501), f"bit {bit}: {seen}"
    if check == 0:
        assert not {"magic", "version", "check_code", "reserved"} & set(undetected)
    else:  # 16 bits let one change in 65536 pass, and these are about 1000
        assert sum(undetected.values()) <= (1 if check == 16 else 0), undetected


@pytest.mark.parametrize(("profile", "others", "check", "hash_bytes"), FORMS)
def test_appended_bytes(profile: int, others: dict[int, bytes] | None, check: int, hash_bytes: int) -> None:
    whole = tiny(profile, others, check, hash_bytes)
    for more in (b"\0", b"\x01", b"\x80", b"\xff", b"\0\0\0\0", b"\n", whole, whole[:9], bytes(1000)):
        seen = judged(whole + more)
        if others:
            assert isinstance(seen, SemError)
            assert (seen.code, seen.offset) == (306, len(whole))
        elif more.endswith(b"\0"):  # a body that ends in a zero byte is never canonical
            assert isinstance(seen, SemError)
            assert seen.code in (402, 403)
        elif check:
            assert isinstance(seen, SemError)
            assert seen.code in (402, 403, 501)


def files_of_kinds() -> Iterator[tuple[str, bytes]]:
    """Small files of precomputed symbols, compact and sectioned, and of a tiny sketch."""

    def one(name: str, **options: Any) -> tuple[str, bytes]:
        return name, codec.encode_file(None, **{"size": (40, 30), **options}).data

    text, rng = "A cat on a mat.", np.random.default_rng(8)
    indices, vector = rng.integers(1, 256, (4, 5)), rng.normal(0, 1, 768)
    yield one("consonant", text="ct n mt", profile="consonant")
    yield one("consonant-coded", text="ct n mt", profile="consonant-coded", check=32)
    for mode in ("static", "raw", "zlib", "zstd"):
        yield one(f"caption-{mode}", caption=text, mode=mode)
    yield one("tokens", codes=list(range(16)), method="pics")
    yield one("clip", vector=vector)
    yield one("clip-prior", codes=[0, 1, 2, 3] * 2, method="clip", profile="clip-tiny", model=MODELS / "clip-tiny")
    yield one("pq", codes=list(range(16)), check=32)
    yield one("vq", indices=rng.integers(1, 256, (1, 1)), provenance=True)
    yield one("several", size=(300, 200), indices=indices, caption=text, codes=[5] * 16, hints={"seed": "7"})
    yield one("vq-usage", indices=[0, 5, 1, 2, 3, 0], profile="vq-tiny", model=MODELS / "vq-tiny", explicit_model=4)
    yield "sketch", latent_file(205, (20, 30))


@pytest.mark.parametrize(("name", "whole"), [pytest.param(*pair, id=pair[0]) for pair in files_of_kinds()])
def test_damage_of_every_kind(name: str, whole: bytes) -> None:
    good = judged(whole)
    assert isinstance(good, DecodedFile)
    wanted, header = parts(good), good.container.header
    ends = (
        {section.check_offset + len(section.check) for section in good.container.sections}
        if header.sectioned
        else set()
    )
    undetected, flipped = 0, [data for _, data in flips(whole)]
    for data in [whole[:n] for n in range(len(whole))] + random.Random(name).sample(flipped, min(len(flipped), 250)):
        seen = judged(data)
        if isinstance(seen, SemError):
            assert len(data) not in ends or len(data) == len(whole)
        elif seen.state != "unchecked":
            undetected += any(part not in wanted for part in parts(seen))
    assert undetected <= (1 if header.check_bits == 16 else 0)
    for more in (b"\0", b"\x01", b"\xff", b"\xff" * 5, whole, bytes(500)):
        seen = judged(whole + more)
        assert isinstance(seen, SemError)
        assert seen.code in ((306,) if header.sectioned else (401, 402, 403, 501, 704)), seen


def test_short_files_that_stand_for_much() -> None:
    """A few bytes may stand for half a million symbols, or for a text that is refused where it passes the limit."""
    wide = bytes.fromhex("F59E20 0F 00 FE7F 8E7F")  # 16384 x 2048 pixels, stride 8, no body: half a million zeros
    assert isinstance(judged(wide, most=1 << 25), DecodedFile)
    bomb = b"\xf9" + zlib.compress(bytes(1 << 26), 9)
    for head in (bytes.fromhex("F59E20 09 02"), bytes.fromhex("F59E22 0A 02 01 82") + varint(len(bomb))):
        seen = decoded(head + bomb, most=1 << 25)  # which inspect, that decodes nothing, cannot see
        assert isinstance(seen, SemError)
        assert (seen.code, seen.status) == (604, 6)


def test_foreign_and_random_bytes() -> None:
    rng = random.Random(5)
    for _ in range(300):
        seen = judged(rng.randbytes(rng.randrange(40)))
        assert isinstance(seen, SemError)
        assert seen.code == 201
    for _ in range(600):
        start = b"\xf5\x9e" + bytes([rng.choice((0, 12, 20, 2, 14, 22)), rng.choice((200, 201, 255, 254, 1))])
        judged(start + rng.randbytes(rng.randrange(60)), most=1 << 13)


def test_claims_beyond_all_bounds_are_refused_before_any_work() -> None:
    compact, sectioned = bytes.fromhex("F59E2CC800"), bytes.fromhex("F59E2EC80080018001")
    claims = {
        compact + bytes.fromhex("FFFFFF7F FFFFFF7F 0000"): 601,
        compact + bytes.fromhex("FEFF7F FEFF7F 0000"): 601,
        compact + bytes.fromhex("80FE7F 80FE7F 0000"): 601,
        compact + bytes.fromhex("FE7F FE7F 0000"): 602,
        compact + bytes.fromhex("FFFFFFFF"): 207,
        sectioned + bytes.fromhex("FFFFFF7F"): 603,
        sectioned + bytes.fromhex("01 01 FFFFFF7F"): 604,
        sectioned + bytes.fromhex("01 15 FFFFFF7F"): 301,
        sectioned + bytes.fromhex("01 87 FFFFFFFF"): 305,
    }
    for data, code in claims.items():
        seen = judged(data)
        assert isinstance(seen, SemError)
        assert seen.code == code, data.hex()


def test_damage_of_a_file_of_the_model_that_ships() -> None:
    pytest.importorskip("torch")
    rows, cols = np.mgrid[0:48, 0:64]
    pixels = np.stack([120 + 90 * np.sin(cols / 9 + rows / 7), rows * 5, 255 - cols * 3], -1).astype(np.uint8)
    whole, rng = refcodec.encode(pixels, quality=7, check=32), random.Random(6)
    assert isinstance(judged(whole), DecodedFile)
    damaged = [whole[:n] for n in rng.sample(range(len(whole)), 15)]
    damaged += [data for _, data in rng.sample(list(flips(whole)), 30)]
    damaged += [whole + rng.randbytes(n) for n in (1, 2, 30)]
    for data in damaged:
        assert isinstance(judged(data), SemError)


def test_fuzzing_finds_nothing_in_a_short_run() -> None:
    files = random.Random(2).sample(fuzzed_files(), 150)
    known = known_parts(files)
    tally = Tally()
    for number in range(200):
        numbers = random.Random(f"test:{number}")
        data = plain.mutate(numbers, numbers.choice(files), files)
        load("inspect").run(data)
        examine(data, known, tally)
    assert tally.excess() is None
    assert len(tally.outcomes) > 12  # damage of many kinds


def test_fuzzing_notices_what_it_looks_for() -> None:
    whole = latent_file(check=0)
    flipped = whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:]
    tally, known = Tally(), known_parts([whole])
    assert examine(whole, known, tally) == "unchanged"
    assert examine(flipped, known, tally).startswith(("changed, check 0", "SEM-E-40"))
    tally.checked[16], tally.undetected[16] = 65536, 100
    assert tally.excess()
    assert Tally(undetected=Counter({32: 1})).excess()
