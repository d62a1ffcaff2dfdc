# SPDX-License-Identifier: MIT
"""SPEC §5: registries of their own, in place of the shipped one, and what a decoder must say of files that use their rows."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from refcodec import registry, spec
from tools.vectors.features import features, stage
from tools.vectors.recipes_sections import TITLE
from tools.vectors.vector import Fault, Valid, Vector, digests, error_entry, put, rule_ids, shared

Row = dict[str, Any]
Change = Callable[[Row], Any]  # of a row, in place

SHIPPED: Final = json.loads((Path(registry.__file__).parent / "registry.json").read_bytes())["profiles"]
NOBODY: Final = "0d" * 32  # the digest of a table that nobody has
CODES = (0, 2, 0, 3, 1, 0, 4, 2, 5, 0, 0, 2)


def row(profile_id: int, change: Change = lambda _: None, **members: Any) -> Row:
    """A row of the shipped registry, changed; `id` stands in it twice."""
    new: Row = copy.deepcopy(next(found for found in SHIPPED if found["id"] == profile_id))
    new |= members
    new["binding"]["id"] = new["id"]
    change(new)
    return new


def to(value: Any, *path: str) -> Change:
    """A member of the binding becomes another value."""

    def change(new: Row) -> None:
        inner = new["binding"]
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value

    return change


def without(*path: str) -> Change:
    def change(new: Row) -> None:
        inner = new["binding"]
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]

    return change


def several(*changes: Change) -> Change:
    return lambda new: [change(new) for change in changes]


def document(*rows: Row) -> bytes:
    """A registry, a row a line."""
    lines = ",\n".join(f"  {json.dumps(one)}" for one in sorted(rows, key=lambda one: int(one["id"])))
    return (f'{{"version": {spec.VERSION}, "profiles": [\n' + lines + "\n]}\n").encode()


WIDE = {"m": 511, "groups": [511], "hyper": 1}
REGISTRIES: Final = {
    "rows": document(
        row(204, id=210, name="private"),
        row(202, id=253, name="last-private"),
        row(204, id=199, name="withdrawn", status="withdrawn"),
        row(204, id=256, name="first-extended"),
        row(200, id=456, name="extended"),
        row(10, id=65_791, name="last-extended"),
        row(206, id=300, name="extended-base"),
        row(200, id=252, name="pad-1", change=to(1, "fit", "multiple")),
    ),
    "retired": document(
        row(
            204,
            status="withdrawn",
            notes="Use another.",
            recommended={"models": {"painter": "somebody/something"}, "hints": {"steps": "9"}},
        )
    ),
    "wide": document(row(200, lambda new: new["binding"]["parameters"]["7"].update(WIDE))),
}


def _indices(name: str, rules: tuple[int, ...], note: str, profile: int, **more: Any) -> Valid:
    named: dict[str, Any] = {"size": (64, 48), "check": 16} | more
    return Valid(name, rules, note, tier="S", profile=profile, payload=False, payloads=((5, CODES),), **named)


VALID: Final = (
    ("rows", _indices("row-private", (15, 60), "a private row, 210: its id bears on the check", 210)),
    ("rows", _indices("row-private-unchecked", (15,), "the same unchecked, with the model by 8 bytes", 210, check=0,
                      model="vq-tiny", hash_bytes=8)),
    ("rows", Valid("row-private-last", (15, 60), "the last private row, 253", tier="S", profile=253, payload=False,
                   check=16, payloads=((3, (1, 2, 3, 0, 2, 1, 3, 0)),))),
    ("rows", _indices("row-withdrawn", (15, 60), "a row that was withdrawn is read all the same", 199, check=32)),
    ("rows", _indices("row-extended-first", (15, 60), "the first extended id, 256: 254, then 00 00", 256)),
    ("rows", _indices("row-extended-sections", (15, 40, 60), "an extended id in sectioned form", 256, sections=(TITLE,))),
    ("rows", Valid("row-extended", (15, 60), "the extended id 456 of a row with networks", profile=456, check=16,
                   y="sparse", size=(50, 33))),
    ("rows", Valid("row-extended-last", (15, 60), "the last id that there is, 65791: 254, then FF FF", tier="S",
                   profile=65_791, payload=False, check=16, size=(100, 70), payloads=((5, (1, 2, 3, 255)),))),
    ("rows", Valid("row-pad-1", (15, 60), "a row whose `fit` differs: shapes of latents do not follow from it", profile=252,
                   check=16, y="sparse", size=(33, 50))),
    ("retired", _indices("row-retired", (30, 60), "`status`, `notes` and `recommended` changed: the check is that of `vq-tiny`",
                         204)),
    ("wide", Valid("row-of-most-symbols", (140, 141), "2^26 symbols less a few", profile=200, tier="H",
                   size=(16_384, 2048), body=b"")),
)  # fmt: skip

FAULTS: Final = (
    ("rows", Fault("row-extended-base", "row-extended", 209, (34,), "a base named by `extended_profile`",
                   put("extended_profile", "002C"))),
    ("rows", Fault("row-extended-unlisted", "row-extended", 702, (15,), "an extended id that no row has",
                   put("extended_profile", "00C9"))),
    ("rows", Fault("row-extended-cut", "row-extended", 202, (14,), "it ends within the extended id",
                   lambda base: put(5, "", len(base.data) - 5)(base))),
    ("rows", Fault("row-extended-byte-order", "row-extended", 702, (15,), "the bytes of the id have changed places",
                   put("extended_profile", "C800"))),
    ("rows", Fault("row-private-other", "row-private", 501, (60,), "another row of the same parameters: K differs",
                   put("profile", "C7"), "S")),
)  # fmt: skip


@dataclass(frozen=True)
class Broken:
    """A valid file of the suite, and its row as it must be refused."""

    id: str
    base: str
    rule: int
    note: str
    change: Change
    error: int = 702
    tier: str = "H"

    def registry(self, base: Vector) -> bytes:
        assert isinstance(base.recipe, Valid)
        return document(row(base.recipe.profile, self.change))


def _latents(**members: Any) -> Change:
    return lambda new: new["binding"]["parameters"]["7"].update(members)


def _second_model(new: Row) -> None:
    new["binding"]["kinds"] = [2, 5, 6]
    new["binding"]["parameters"]["6"] = row(205)["binding"]["parameters"]["6"]


NET, VQ, CLIP, PQ, CODED, CAPTION = (
    "micro", "vq-tiny-unchecked", "clip-tiny-unchecked", "pq-tiny-unchecked", "consonant-coded-unchecked", "caption-raw-unchecked",
)  # fmt: skip
BROKEN: Final = (
    Broken("binding-member-unknown", NET, 32, "a member `gamma`", to("2.2", "gamma")),
    Broken("binding-member-missing", NET, 32, "no member `colour`", without("colour")),
    Broken("binding-of-explicit-model", "hash-4", 32, "the same of a base row", without("colour")),
    Broken("binding-id", VQ, 32, "another id than that of the row", to(205, "id")),
    Broken("binding-method-0", VQ, 32, "a method that there is not", to(0, "method")),
    Broken("binding-method-6", VQ, 32, "the next one", to(6, "method")),
    Broken("binding-method-as-text", VQ, 32, "the method by its name", to("perco", "method")),
    Broken("binding-colour", NET, 32, "a colour space that there is not", to("srgb16", "colour")),
    Broken("binding-fit-rule", NET, 32, "a rule that there is not", to({"rule": "crop"}, "fit")),
    Broken("binding-fit-member", NET, 32, "a member more in `fit`", to("left", "fit", "align")),
    Broken("binding-fit-extend", NET, 32, "an extension that there is not", to("mirror", "fit", "extend")),
    Broken("binding-fit-of-none", CLIP, 32, "a multiple where nothing is extended", to(16, "fit", "multiple")),
    Broken("binding-kind-8", CLIP, 32, "a kind that there is not", several(to([3, 8], "kinds"), to({}, "parameters", "8"))),
    Broken("binding-kinds-descending", VQ, 32, "kinds in another order", to([5, 2], "kinds")),
    Broken("binding-kind-twice", VQ, 32, "a kind twice", to([2, 5, 5], "kinds")),
    Broken("binding-compact", VQ, 32, "a compact kind that is none of its kinds", to(4, "compact")),
    Broken("binding-model-63-digits", NET, 32, "a digest of 63 digits", to("5" * 63, "model")),
    Broken("binding-model-in-capitals", NET, 32, "a digest in capitals", to("AB" * 32, "model")),
    Broken("parameters-member-unknown", VQ, 32, "a member more in the parameters of a kind", to(6, "parameters", "5", "words")),
    Broken("parameters-member-missing", VQ, 32, "one less", without("parameters", "5", "usage")),
    Broken("parameters-of-other-kind", VQ, 32, "an unknown mode in the parameters of a kind that the file has not",
           to(["static", "raw", "lzma"], "parameters", "2", "modes")),
    Broken("parameters-modes-order", CAPTION, 32, "modes in another order", to(["raw", "static"], "parameters", "2", "modes")),
    Broken("parameters-modes-none", CAPTION, 32, "no mode at all", to([], "parameters", "2", "modes")),
    Broken("parameters-vocabulary-0", CAPTION, 32, "no ids at all", to(0, "parameters", "2", "vocabulary")),
    Broken("parameters-static-null", CAPTION, 32, "null in place of a digest", to(None, "parameters", "2", "static")),
    Broken("parameters-b-17", CLIP, 32, "codes of 17 bits", to(17, "parameters", "3", "b")),
    Broken("parameters-d-0", CLIP, 32, "no dimension", to(0, "parameters", "3", "d")),
    Broken("parameters-d-65537", CLIP, 32, "65537 dimensions", to(65_537, "parameters", "3", "d")),
    Broken("parameters-prior-1", CLIP, 32, "1 in place of true", to(1, "parameters", "3", "prior")),
    Broken("parameters-m-65537", PQ, 32, "65537 parts", to(65_537, "parameters", "4", "m")),
    Broken("parameters-v-65537", PQ, 32, "65537 code words", to(65_537, "parameters", "4", "v")),
    Broken("parameters-stride-7", VQ, 32, "a stride below 8", to(7, "parameters", "5", "stride")),
    Broken("parameters-stride-1025", VQ, 32, "a stride above 1024", to(1025, "parameters", "5", "stride")),
    Broken("parameters-code", CODED, 32, "a code that there is not", to("huffman", "parameters", "1", "code")),
    Broken("parameters-table-of-fixed", "consonant-fixed-unchecked", 32, "a table where none is used",
           to(NOBODY, "parameters", "1", "table")),
    Broken("parameters-sum-of-groups", NET, 32, "groups that do not sum to `m`", _latents(groups=[2, 2, 3])),
    Broken("parameters-groups-17", NET, 32, "17 groups", _latents(groups=[1] * 17, m=17)),
    Broken("parameters-rates-65", NET, 32, "65 rates", _latents(rates=65)),
    Broken("parameters-parity-2", NET, 32, "a parity of 2", _latents(parity=2)),
    Broken("parameters-m-1025", NET, 32, "1025 channels", _latents(m=1025, groups=[1025])),
    Broken("parameters-of-no-kind", NET, 33, "parameters of a kind that is none of its kinds",
           to({"code": "fixed"}, "parameters", "1")),
    Broken("parameters-missing", VQ, 33, "a kind without parameters", without("parameters", "2")),
    Broken("two-kinds-use-the-model", VQ, 33, "two kinds that use the model", _second_model),
    Broken("model-of-nothing", "clip-unchecked", 33, "a model where no kind uses one", to(NOBODY, "model")),
    Broken("table-nowhere", CODED, 163, "a table of consonants that nobody has", to(NOBODY, "parameters", "1", "table"), 801, "S"),
    Broken("static-nowhere", "caption-static-cat", 174, "tables of captions that nobody has",
           to(NOBODY, "parameters", "2", "static"), 801, "S"),
    Broken("dictionary-nowhere", "caption-zstd-unchecked", 174, "a dictionary that nobody has",
           to(NOBODY, "parameters", "2", "dictionary"), 801, "S"),
    Broken("too-many-symbols", "limit-pixels", 141, "more than 2^26 symbols: 1024 channels",
           _latents(m=1024, groups=[1024], hyper=1), 605),
)  # fmt: skip
# What a caption does not need is not asked for: rows whose other table nobody has.
SPARE: Final = (
    ("caption-raw-unchecked", several(to(NOBODY, "parameters", "2", "static"), to(NOBODY, "parameters", "2", "dictionary")),
     "raw-without-tables", "no table of the row is at hand, and raw needs none"),
    ("caption-tokens-16-unchecked", several(to(NOBODY, "parameters", "2", "static"), to(NOBODY, "parameters", "2", "dictionary")),
     "tokens-without-tables", "nor do ids"),
    ("caption-static-cat", to(NOBODY, "parameters", "2", "dictionary"), "static-without-dictionary", "static needs no dictionary"),
    ("caption-zstd-unchecked", to(NOBODY, "parameters", "2", "static"), "zstd-without-static", "zstd needs no more than it"),
)  # fmt: skip


def path_of(name: str) -> str:
    return f"registries/{name}.json"


def named(name: str, data: bytes) -> dict[str, Any]:
    """The member `registry` of an entry."""
    return {"registry": {"file": path_of(name), "sha256": digests(data)["sha256"]}}


def broken_entry(broken: Broken, base: Vector, data: bytes) -> dict[str, Any]:
    """The entry of a row that is refused: the file is a valid one, which the shipped registry can read."""
    return {
        "id": f"registry-{broken.id}",
        "file": f"{base.path}.sem",
        **digests(base.data),
        "tier": broken.tier,
        **shared((broken.rule,), broken.note),
        "expect": "reject",
        **error_entry(broken.error),
        "stage": "payload" if broken.error == 801 else stage(broken.error, broken.tier, False),
        "repaired": base.recipe.id,
        "features": features(base.data, base.expected or {}, broken.error),
        **named(broken.id, data),
    }


def spared(base: Vector, change: Change) -> bytes:
    assert isinstance(base.recipe, Valid)
    return document(row(base.recipe.profile, change))


def spare_entry(name: str, base: Vector, note: str, data: bytes) -> dict[str, Any]:
    """The entry of a row that lacks what the file does not need."""
    entry = base.to_dict()
    entry |= {"id": f"registry-{name}", "note": note, "rules": rule_ids((174,)), **named(name, data)}
    return {key: value for key, value in entry.items() if key != "trace"}
