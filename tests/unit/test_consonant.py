# SPDX-License-Identifier: MIT
"""SPEC §13.1, consonant text: both codes, their one form, hostile bodies; and the normaliser that makes such texts."""

from __future__ import annotations

import hashlib
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from default_environment import TABLES
from hypothesis import example, given, settings
from hypothesis import strategies as st

from refcodec.consonant_text.normalise import Change, normalise, singular, skeleton, words
from refcodec.entropy import Encoder
from refcodec.errors import SemError
from refcodec.payloads import consonant
from refcodec.payloads.consonant import LETTERS, TABLE_SHA256, Consonants, decode, encode, from_text
from tools.train import consonant as training

FIXED: dict[str, Any] = {"code": "fixed"}
CODED: dict[str, Any] = {"code": "coded", "table": TABLE_SHA256}
BOTH = pytest.mark.parametrize("parameters", [FIXED, CODED], ids=["fixed", "coded"])
LIMIT = 65536
relaxed = settings(deadline=None, max_examples=150)

# The authors' only printed example, its w written as v.
WINDOW = "ndn trdtnl rch vndv lt shdv"

# Any codes, and texts as people write them; never a space at the end.
codes = st.one_of(
    st.lists(st.integers(0, 15), max_size=40).map(bytes),
    st.text(LETTERS, max_size=40).map(lambda text: bytes(map(LETTERS.index, text))),
).map(lambda value: value.rstrip(b"\0"))


def outcome(body: bytes, parameters: dict[str, Any], limit: int = LIMIT) -> Consonants | SemError:
    try:
        return decode(body, parameters, limit, tables=TABLES)
    except SemError as error:
        fault = error
    assert fault.code in (401, 402, 604)
    assert fault.offset is None or 0 <= fault.offset <= len(body)
    return fault


@BOTH
@given(value=codes)
@example(value=b"")
@example(value=b"\1")
@example(value=b"\0\0\1")
@example(value=b"\x0f" * 4000)
@relaxed
def test_round_trip(parameters: dict[str, Any], value: bytes) -> None:
    body = encode(value, parameters, tables=TABLES)
    assert decode(body, parameters, LIMIT, tables=TABLES) == Consonants(value)
    assert decode(body, parameters, len(value), tables=TABLES) == Consonants(value)
    if value:
        fault = outcome(body, parameters, len(value) - 1)
        assert isinstance(fault, SemError)
        assert fault.code == 604


@BOTH
@given(body=st.binary(max_size=40))
@example(body=b"")
@example(body=b"\0")
@example(body=b"\xff\xff\xff\xff")
@relaxed
def test_any_bytes_are_a_text_or_a_fault(parameters: dict[str, Any], body: bytes) -> None:
    found = outcome(body, parameters)
    if isinstance(found, Consonants):
        assert encode(found.codes, parameters, tables=TABLES) == body


@BOTH
@given(value=codes, more=st.binary(min_size=1, max_size=4))
@settings(parent=relaxed, max_examples=50)
def test_damage_never_leaves_the_text_as_it_was(parameters: dict[str, Any], value: bytes, more: bytes) -> None:
    body = encode(value, parameters, tables=TABLES)
    damaged = [body[:cut] for cut in range(len(body))] + [body + more, body + b"\0"]
    damaged += [
        bytes([*body[:at], body[at] ^ 1 << bit, *body[at + 1 :]]) for at in range(len(body)) for bit in range(8)
    ]
    for other in damaged:
        assert outcome(other, parameters) != Consonants(value)


def test_fixed_is_two_codes_a_byte() -> None:
    assert encode(b"", FIXED, tables=TABLES) == b""
    assert encode(from_text("n").codes, FIXED, tables=TABLES) == b"\x10"
    assert encode(from_text(" n").codes, FIXED, tables=TABLES) == b"\x01"
    assert decode(b"\0\x10", FIXED, LIMIT, tables=TABLES).text == "  n"
    assert encode(from_text(LETTERS).codes, FIXED, tables=TABLES).hex() == "0123456789abcdef"


@pytest.mark.parametrize(
    ("body", "code", "offset"), [(b"\0", 402, 0), (b"\x12\0", 402, 1), (b"\x12" * 32769, 604, 32768)]
)
def test_fixed_faults(body: bytes, code: int, offset: int) -> None:
    with pytest.raises(SemError) as caught:
        decode(body, FIXED, LIMIT, tables=TABLES)
    assert (caught.value.code, caught.value.offset) == (code, offset)


@pytest.mark.parametrize(
    ("text", "fixed", "coded"),
    [
        ("", "", ""),
        ("n", "10", "004d"),
        ("ct", "82", "6d0a"),
        ("mn n hrs", "91010543", "82baad"),
        (WINDOW, "171024721604850f17f0620357f0", "0591c5aa4e94a8d594250d5205"),
    ],
)
def test_examples_of_the_specification(text: str, fixed: str, coded: str) -> None:
    assert encode(from_text(text).codes, FIXED, tables=TABLES).hex() == fixed
    assert encode(from_text(text).codes, CODED, tables=TABLES).hex() == coded


def test_the_shortest_and_the_longest() -> None:
    body = encode(b"\1" * LIMIT, CODED, tables=TABLES)
    assert decode(body, CODED, LIMIT, tables=TABLES).codes == b"\1" * LIMIT
    body = encode(b"\1" * LIMIT, FIXED, tables=TABLES)
    assert len(body) == 32768
    assert decode(body, FIXED, LIMIT, tables=TABLES).codes == b"\1" * LIMIT


def test_cheap_symbols_stop_at_the_limit() -> None:
    """A few bytes can stand for many codes: the limit is met before memory is."""
    coder = Encoder()
    consonant._walk(coder, TABLES.load(consonant.TABLES), 70000, b"\1" * 70000)
    fault = outcome(coder.finish(), CODED)
    assert isinstance(fault, SemError)
    assert fault.code == 604


def test_an_end_after_a_space_is_refused() -> None:
    coder = Encoder()
    context = 0
    for symbol in (2, 1, 0):  # n, space, END
        coder.symbol(TABLES.load(consonant.TABLES).after(context), symbol)
        context = context << 4 | symbol - 1
    fault = outcome(coder.finish(), CODED)
    assert isinstance(fault, SemError)
    assert fault.code == 402


@BOTH
@pytest.mark.parametrize("value", [b"\x10", b"\1\0", b"\0", b"\1\xff\1"])
def test_what_cannot_be_written(parameters: dict[str, Any], value: bytes) -> None:
    with pytest.raises(ValueError, match=r"codes are|end in a space"):
        encode(value, parameters, tables=TABLES)


def test_another_table_is_not_here() -> None:
    for call in (lambda p: encode(b"\1", p, tables=TABLES), lambda p: decode(b"", p, LIMIT, tables=TABLES)):
        with pytest.raises(SemError) as caught:
            call({"code": "coded", "table": "0" * 64})
        assert caught.value.code == 801


def test_the_tables() -> None:
    data = files("refcodec.payloads").joinpath("data", "consonant.bin").read_bytes()
    assert hashlib.sha256(data).hexdigest() == TABLE_SHA256
    assert len(data) == 4096 * 17
    assert min(data) >= 1


def test_value() -> None:
    value = from_text("ct n mt")
    assert (value.text, value.serialise(), value.shape) == ("ct n mt", value.codes, [[7]])
    assert value.to_json() == "ct n mt"
    assert Consonants(b"\1" * 5000).to_json() is None
    assert value.canonical


def test_strict_names_the_first_wrong_character() -> None:
    for strict in (from_text, lambda text: normalise(text, strict=True)):
        with pytest.raises(ValueError, match="'w' at character 15 "):
            strict("ndn trdtnl rch wndw lt shdw")
    with pytest.raises(ValueError, match="end in a space"):
        from_text("n ")


# --- The normaliser ---


def test_the_authors_example() -> None:
    found = normalise("ndn trdtnl rch wndw lt shdw")
    assert found.consonants.text == WINDOW
    assert found.changes == (Change("fold", "w", "v", 3),)
    assert normalise("Indian traditional arch window lattice shadow").consonants.text == "ndn trdtnl rch vndv lttc shdv"


@pytest.mark.parametrize(
    ("text", "wanted", "kinds"),
    [
        ("", "", set()),
        ("Café", "cf", {"case", "mark", "vowel"}),
        ("Straße Œuvre łódź", "strss vr lds", {"case", "mark", "vowel", "fold"}),
        ("2 dogs", "tv dg", {"digit", "plural", "vowel", "fold"}),
        ("42", "fr tv", {"digit", "vowel", "fold"}),
        ("٣ ½", "thr n tv", {"digit", "vowel", "fold"}),
        ("close-up; man's don't", "cls p mn dnt", {"punctuation", "plural", "vowel"}),
        ("kitchen,dog", "ktchn dg", {"punctuation", "vowel"}),
        ("a eye I you", "", {"case", "vowel", "vanished"}),
        ("東京 tower собака", "tvr", {"script", "vowel", "fold"}),
        ("women children people feet", "vmn chld ppl ft", {"plural", "vowel", "fold"}),
        ("wives knives boxes berries buses glasses", "vf knf bks brr bs glss", {"plural", "vowel", "fold"}),
        ("grass bus tennis this was", "grss bs tnns ths vs", {"vowel", "fold"}),
        ("yellow sky quartz taxi jazz", "llv sk krts tks gss", {"vowel", "fold"}),
        ("so\u00adft 🐈 cat", "sft ct", {"punctuation", "vowel"}),
        ("\t n \n t ", "n t", set()),
    ],
)
def test_normalise(text: str, wanted: str, kinds: set[str]) -> None:
    found = normalise(text)
    assert found.consonants.text == wanted
    assert set(found.counts) == kinds


def test_changes_are_counted() -> None:
    assert normalise("A cat, a CAT").changes == (
        Change("case", "A", "a", 2),
        Change("punctuation", ",", "", 1),
        Change("case", "C", "c", 1),
        Change("case", "T", "t", 1),
        Change("vowel", "a", "", 4),
        Change("vanished", "a", "", 2),
    )


@given(text=st.text(max_size=60))
@relaxed
def test_any_text_is_normalised_once(text: str) -> None:
    found = normalise(text)
    again = normalise(found.consonants.text)
    assert again == type(again)(found.consonants, ())
    assert "  " not in found.consonants.text
    assert not found.consonants.text.startswith(" ")
    assert all(change.count > 0 for change in found.changes)
    assert found.consonants.text.split() == [s for word in words(text) if (s := skeleton(word))]


def test_singular() -> None:
    pairs = "ties tie, movies movy, cookies cooky, dishes dish, dress dress, zebras zebra, lens lens, tv tv, s s, is is"
    for pair in pairs.split(", "):
        plural, single = pair.split()
        assert singular(plural) == single


# --- The training tool ---


def test_training_gives_a_table_of_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    captions = tmp_path / "captions.tsv"
    captions.write_text("".join(f"{i}\tA cat on a mat, number {i}.\n" for i in range(30)), encoding="utf-8")
    made = []
    for name in ("one", "two"):
        monkeypatch.setattr(sys, "argv", ["consonant.py", str(captions), "--out", str(tmp_path / name)])
        training.main()
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    assert len(made[0]) == 4096 * 17
    assert min(made[0]) >= 1
    assert hashlib.sha256(made[0]).hexdigest() in capsys.readouterr().out
    texts = training.codes(["A cat on a mat."])
    fixed, coded = training.measure(made[0], texts)
    assert coded < fixed


def test_the_split_is_by_image() -> None:
    captions = [(str(i // 5), f"text {i}") for i in range(500)]
    known, unknown = training.split(captions)
    assert len(known) + len(unknown) == 500
    assert len(known) % 5 == len(unknown) % 5 == 0
    assert 5 <= len(unknown) <= 100
