# SPDX-License-Identifier: MIT
"""SPEC §5, §7, §12: rows and packages that name the models which give symbols their meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tools.vectors.case import InvalidCase, OwnRegistry, ValidCase
from tools.vectors.case_types.invalid_model import InvalidModel
from tools.vectors.case_types.registry_row import ChangedRow, InvalidRow, document, row, set_binding
from tools.vectors.cases._codes import codes_case
from tools.vectors.edits import flip_bits, replace
from tools.vectors.model_changes import Change, change_all, drop_member, set_member, unchanged
from tools.vectors.model_edits import replace_model
from tools.vectors.models import identity, package_files
from tools.vectors.models.layers import Symbols
from tools.vectors.samples import PROMPT, TITLE, seeded_codes

FOLDER: Final = "identity"
ONE: Final = {"image_embedder": identity.EMBEDDER}
PERCO: Final = identity.IDENTITIES["identity-perco"]
SIXTEEN: Final = {"z" * 32: "0f" * 32} | {f"role_{i}": f"{i:064x}" for i in range(15)}
SIGNS: Final = seeded_codes("clip", 768, 2)
GRID: Final = (1, 2, 3, 255)
ROWS: Final = OwnRegistry(
    "identities",
    document(
        row(4, set_binding(ONE, "identity"), id=211, name="clip-bound"),
        row(10, set_binding(PERCO, "identity"), id=212, name="perco-bound"),
        row(202, set_binding(SIXTEEN, "identity"), id=213, name="clip-tiny-bound"),
        row(206, set_binding(ONE, "identity"), id=214, name="base-bound"),
        row(4, set_binding(PERCO, "identity"), id=300, name="extended-bound"),
    ),
)


def _perco(name: str, rules: tuple[int, ...], note: str, **options: Any) -> ValidCase:
    payloads = ((2, ("tokens", PROMPT)), (4, seeded_codes("pq", 16, 1024)), (5, GRID))
    defaults: dict[str, Any] = {"tier": "S", "profile": 10, "latents": False, "check": 16, "size": (100, 70)}
    return ValidCase(name, rules, note, payloads=payloads, **defaults | options)


VALID: Final = (
    codes_case("clip-bound", (60, 125), "a row that binds an identity, which is a part of K", SIGNS, 211, check=16,
        registry=ROWS),
    codes_case("clip-bound-unchecked", (125,), "the same unchecked", SIGNS, 211, registry=ROWS),
    codes_case("clip-bound-extended", (15, 60, 125), "an identity of three roles in an extended row", SIGNS, 300,
        check=32, registry=ROWS),
    codes_case("clip-bound-16", (60, 125), "an identity of 16 roles beside a model", (1, 2, 3, 0, 2, 1, 3, 0), 213,
        check=16, registry=ROWS),
    codes_case("clip-bound-explicit", (60, 125), "an explicit model on a row with an identity: K has both", SIGNS, 211,
        check=16, model="identity-perco", hash_bytes=8, registry=ROWS),
    ValidCase("base-bound", (34, 60, 125), "a base with an identity", profile=214, check=16, y="sparse",
        model="elic-tiny", hash_bytes=8, registry=ROWS),
    codes_case("clip-identity-4", (60, 62, 126), "an identity as explicit model by 4 bytes: it bears on K alone", SIGNS,
        4, check=16, model="identity-clip", hash_bytes=4),
    codes_case("clip-identity-8", (60, 62, 126), "the same by 8", SIGNS, 4, check=32, model="identity-clip",
        hash_bytes=8),
    codes_case("clip-identity-16", (60, 62, 126), "the same by 16, in sectioned form", SIGNS, 4, check=16,
        model="identity-clip", hash_bytes=16, sections=(TITLE,)),
    codes_case("clip-identity-32", (60, 126), "the same by 32", SIGNS, 4, check=16, model="identity-clip",
        hash_bytes=32),
    codes_case("clip-identity-unchecked", (126,), "the same by 4, unchecked", SIGNS, 4, model="identity-clip",
        hash_bytes=4),
    codes_case("vq-identity-table", (60, 127), "a table of indices with an identity", (0, 2, 0, 3) * 4, 204, check=16,
        size=(64, 64), model="vq-identity", hash_bytes=8),
    codes_case("clip-identity-table", (60, 127), "a table of signs with an identity", (1, 2, 3, 0, 2, 1, 3, 0), 202,
        check=16, model="clip-identity", hash_bytes=4),
    codes_case("clip-identity-beside-table", (60, 127), "the same package where no payload uses it", SIGNS, 4, check=16,
        model="clip-identity", hash_bytes=8),
    codes_case("pq-identity", (60, 62, 126), "an identity where the codebooks of PQ codes are named", (0, 3), 203,
        check=16, model="identity-perco", hash_bytes=8),
)  # fmt: skip
PERCO_VALID: Final = (
    _perco("perco-identity", (60, 62, 126), "tokens, PQ codes and indices under one identity", model="identity-perco",
        hash_bytes=8),
    _perco("perco-bound", (60, 125), "the same under a row that binds it", profile=212, registry=ROWS),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("clip-identity-other", "clip-identity-32", 501, (60, 126), "another identity: K differs",
        replace_model("identity-perco"), "S"),
    InvalidCase("clip-identity-none", "clip-identity-8", 501, (60, 126), "a package with a table in place of it",
        replace_model("clip-identity"), "S"),
    InvalidCase("clip-bound-check-bit", "clip-bound", 501, (60, 125), "one bit of the check is wrong",
        flip_bits("check", 0, 1), "S"),
    InvalidCase("clip-identity-check-bit", "clip-identity-8", 501, (60, 62), "the same under an explicit identity",
        flip_bits("check", 0, 1), "S"),
    InvalidCase("clip-bound-base", "base-bound", 209, (34,), "a base with an identity named by `profile`",
        replace(3, "D6", 11)),
    InvalidCase("clip-table-is-identity", "clip-tiny-explicit", 803, (112, 126),
        "an identity alone, where signs need a table", replace_model("identity-clip"), "S"),
    InvalidCase("vq-table-is-identity", "vq-tiny-explicit", 803, (112, 126), "the same where indices do",
        replace_model("identity-perco"), "S"),
    InvalidCase("elic-model-is-identity", "hash-8", 803, (112, 126), "the same where latents need networks",
        replace_model("identity-clip"), "L"),
)  # fmt: skip


def _row(name: str, note: str, value: Any, base: str = "clip-unchecked") -> InvalidRow:
    return InvalidRow(f"identity-{name}", base, 125, note, set_binding(value, "identity"))


ROW_CASES: Final = (
    InvalidRow("identity-more", "clip", 60, "the row binds an identity and the file was made without: K differs",
        set_binding(ONE, "identity"), 501, "S"),
    _row("empty", "an identity of no roles", {}),
    _row("null", "null in place of it", None),
    _row("as-digest", "the digest of one", identity.EMBEDDER),
    _row("as-list", "a list of roles", ["image_embedder"]),
    _row("17", "17 roles", {f"role_{i}": f"{i:064x}" for i in range(17)}),
    _row("63-digits", "a digest of 63 digits", {"image_embedder": "e" * 63}),
    _row("65-digits", "a digest of 65 digits", {"image_embedder": "e" * 65}),
    _row("capitals", "a digest in capitals", {"image_embedder": "E1" * 32}),
    _row("digest-null", "null in place of a digest", {"image_embedder": None}),
    _row("role-in-capitals", "a role in capitals", {"Image": identity.EMBEDDER}),
    _row("role-digit", "a role that begins with a digit", {"1st": identity.EMBEDDER}),
    _row("role-33", "a role of 33 characters", {"r" * 33: identity.EMBEDDER}),
    _row("role-empty", "a role without a name", {"": identity.EMBEDDER}),
    _row("role-newline", "a line feed behind a role", {"image\n": identity.EMBEDDER}),
    _row("digest-newline", "a line feed in place of the last digit", {"image": "e" * 63 + "\n"}),
    InvalidRow("identity-of-model-of-nothing", "clip-unchecked", 33, "a model where no kind uses one, and an identity",
        lambda new: new["binding"].update(identity=ONE, model=identity.EMBEDDER)),
    ChangedRow("identity-unchecked", "clip-unchecked", 125, "an identity does not change how a body is read",
        set_binding(ONE, "identity")),
    ChangedRow("identity-of-networks", "micro", 125, "the same of latents", set_binding(ONE, "identity")),
)  # fmt: skip


@dataclass(frozen=True)
class InvalidIdentity(InvalidModel):
    """A package with an identity and one defect. version: its `format_version`."""

    version: int = 2

    def manifest(self, symbols: Symbols) -> bytes:
        return identity.manifest(self.id, symbols, package_files.defect_notes(self.note), self.version)


def _package(
    name: str, rules: tuple[int, ...], note: str, value: Any, error: int = 803, version: int = 2,
    base: str = "clip-tiny", more: Change = unchanged,
) -> InvalidIdentity:  # fmt: skip
    change = change_all(set_member("identity", to=value), more)
    return InvalidIdentity(f"identity-{name}", error, rules, note, change, base=base, version=version)


MODELS: Final = (
    _package("version-1", (111, 127), "an identity in a package of format version 1", ONE, version=1),
    _package("version-3", (116,), "an identity in a package of a later version", ONE, 705, version=3),
    InvalidIdentity("identity-missing", 705, (116, 127), "a package of format version 2 without an identity",
        base="clip-tiny"),
    _package("empty", (125,), "an identity of no roles", {}),
    _package("null", (125,), "null in place of it", None),
    _package("as-list", (125,), "a list of roles", ["image_embedder"]),
    _package("17", (125,), "17 roles", {f"role_{i}": f"{i:064x}" for i in range(17)}),
    _package("63-digits", (125,), "a digest of 63 digits", {"image_embedder": "e" * 63}),
    _package("capitals", (125,), "a digest in capitals", {"image_embedder": "E1" * 32}),
    _package("number", (125,), "a number in place of a digest", {"image_embedder": 1}),
    _package("role-in-capitals", (125,), "a role in capitals", {"Image": identity.EMBEDDER}),
    _package("role-33", (125,), "a role of 33 characters", {"r" * 33: identity.EMBEDDER}),
    _package("of-codebooks-empty", (125,), "an identity of no roles beside codebooks", {}, base="pq-tiny"),
    _package("of-usage-as-text", (125,), "a digest in place of an identity beside a table of indices",
        identity.EMBEDDER, base="vq-tiny"),
    _package("of-networks-empty", (125,), "an identity of no roles beside networks", {}, base="elic-mini"),
    _package("member-more", (111,), "a member that there is not, beside an identity", ONE,
        more=set_member("norm", to=19)),
    _package("member-missing", (111,), "no member `b`", ONE, more=drop_member("b")),
    _package("alone-with-tensors", (126,), "an identity alone that names tensors, where indices need a table",
        ONE, base="vq-tiny", more=change_all(set_member("kind", to=0), drop_member("v"))),
)  # fmt: skip

CASES: Final = (*VALID, *PERCO_VALID, *INVALID, *ROW_CASES, *MODELS)
