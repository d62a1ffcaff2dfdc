# SPDX-License-Identifier: MIT
"""SPEC §2 canonical JSON, §5 the registry, Appendix A the dim classes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from default_environment import default_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import DIGEST, TINY, private_row, registry_file

import refcodec
from refcodec import codec, registry, spec
from refcodec.canonical_json import canonical_json, parse_json
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.networks import identity
from refcodec.payloads.kinds import KINDS, needs_model
from refcodec.registry import Registry
from refcodec.registry.dim_classes import sizes
from refcodec.registry.hints import HINTS

FOLDER = Path(registry.__file__).parent
SPEC = (Path(__file__).resolve().parents[2] / "SPEC.md").read_text(encoding="utf-8")
DOCUMENT = json.loads((FOLDER / "registry.json").read_bytes())
SCHEMA = json.loads((FOLDER / "registry.schema.json").read_bytes())
ROWS = DOCUMENT["profiles"]
ADVICE_NOT: tuple[Any, ...] = (  # what `recommended` cannot be
    "painter", [], {"painter": "a/b"}, {"models": []}, {"models": {"painter": "b"}}, {"models": {"painter": None}},
    {"models": {"Painter": "a/b"}}, {"models": {"painter": "a/b/c"}}, {"hints": ["seed"]}, {"hints": {"seed": 7}},
    {"hints": {"seed": "07"}}, {"hints": {"noise-level": "1000"}}, {"hints": {"norm-scale": "1."}}, {"hints": {"mood": "blue"}},
)  # fmt: skip


def test_shipped_rows_have_the_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(DOCUMENT, SCHEMA)
    assert ROWS


def test_schema_knows_the_members_of_the_code_and_no_others() -> None:
    definitions = SCHEMA["$defs"]
    assert set(definitions["row"]["properties"]) == set(definitions["row"]["required"]) == registry.ROW
    assert set(definitions["binding"]["required"]) == registry.BINDING
    assert set(definitions["binding"]["properties"]) == registry.BINDING | {identity.MEMBER}
    unknown = [private_row(210) | {"colour": "red"}, private_row(210, mood="red")]
    for row in unknown:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"version": 1, "profiles": [row]}, SCHEMA)
    jsonschema.validate({"version": 1, "profiles": [private_row(210)]}, SCHEMA)


def test_ids_ascend_and_names_differ() -> None:
    ids = [row["id"] for row in ROWS]
    assert ids == sorted(set(ids))
    assert len({row["name"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_row(row: dict[str, Any]) -> None:
    binding = row["binding"]
    assert binding["id"] == row["id"]
    assert binding["kinds"] == sorted(set(binding["kinds"]))
    assert binding["compact"] in binding["kinds"]
    assert set(binding["parameters"]) == set(map(str, binding["kinds"]))
    profile = default_rows().get(row["id"])
    assert default_rows().by_name(row["name"]) is profile
    assert profile.binding == binding
    assert (profile.method, profile.compact, list(profile.kinds)) == tuple(
        binding[m] for m in ("method", "compact", "kinds")
    )
    assert profile.method_name == spec.METHODS[binding["method"]]
    for kind in (known.id for known in KINDS):
        assert profile.parameters(kind) == binding["parameters"].get(str(kind), {})
    assert profile.model == binding["model"]
    wanting = [
        kind
        for kind in profile.kinds
        if needs_model(kind, profile.parameters(kind)) or profile.parameters(kind).get("codebooks")
    ]
    assert len(wanting) <= 1
    assert (len(wanting) == 1) == (profile.model is not None or profile.base)
    assert profile.base == ("base" in row["notes"].split())
    advice = row["recommended"] or {}
    assert profile.recommended == registry.Recommended(advice.get("models", {}), advice.get("hints", {}))


def test_what_is_recommended_is_read_only() -> None:
    advice = default_rows().by_name("perco-16-8192").recommended
    assert advice.models["captioner"] == "Salesforce/blip2-opt-2.7b-coco"
    assert advice.hints == {"generator": "cpu", "guidance": "3", "seed": "0", "steps": "5"}
    assert default_rows().get(1).recommended == registry.Recommended({}, {})
    for part in (advice.models, advice.hints):
        with pytest.raises(TypeError):
            part["seed"] = "1"  # type: ignore[index]


def test_hints_of_the_text_are_those_of_files() -> None:
    """The regular expressions of SPEC §6."""
    block = SPEC.partition("as regular expressions, which the entire value matches:\n\n```\n")[2].partition("```")[0]
    assert dict(line.split() for line in block.splitlines()) == HINTS


def test_hints_of_the_schema_are_those_of_files() -> None:
    hints = SCHEMA["$defs"]["recommended"]["properties"]["hints"]["properties"]
    assert {key: form["pattern"] for key, form in hints.items()} == {key: f"^({form})$" for key, form in HINTS.items()}


@pytest.mark.parametrize("advice", ADVICE_NOT)
def test_schema_refuses_other_recommendations(advice: object) -> None:
    forms: list[dict[str, Any] | None] = [None, {}, {"models": {}}, {"hints": {"seed": "7", "scheduler": "ddim"}}]
    for good in forms:
        jsonschema.validate({"version": 1, "profiles": [private_row(210) | {"recommended": good}]}, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": 1, "profiles": [private_row(210) | {"recommended": advice}]}, SCHEMA)


@pytest.mark.parametrize(
    "binding",
    [
        {"kinds": [6, 7], "parameters": {"6": TINY, "7": TINY}},
        {"kinds": [6, 7], "parameters": {"6": TINY, "7": TINY}, "model": None},
        {"compact": 1, "kinds": [1], "parameters": {"1": {"code": "fixed"}}},
        {"compact": 1},
        {"parameters": {"1": {"code": "fixed"}, "7": TINY}},
    ],
)
def test_rows_that_contradict_themselves_are_unsupported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, binding: dict[str, Any]
) -> None:
    monkeypatch.setenv("SEM_REGISTRY", str(registry_file(tmp_path, private_row(230, **binding))))
    with pytest.raises(SemError, match="contradicts") as caught:
        default_rows().get(230)
    assert caught.value.code == 702


def test_first_two_rows() -> None:
    elic, tiny = default_rows().get(1), default_rows().get(200)
    assert (elic.name, tiny.name) == ("elic", "elic-tiny")
    assert elic.parameters(7) == {"groups": [16, 16, 32, 48, 80], "hyper": 48, "m": 192, "parity": 0, "rates": 10}
    assert tiny.parameters(7) == {"groups": [2, 2, 4], "hyper": 4, "m": 8, "parity": 0, "rates": 3}


def test_unlisted_profile() -> None:
    for call in (lambda: default_rows().get(199), lambda: default_rows().by_name("nonesuch")):
        with pytest.raises(SemError) as caught:
            call()
        assert (caught.value.code, caught.value.path) == (702, "profile")


def test_key_is_the_digest_of_the_binding() -> None:
    for row in ROWS:
        for model in (None, DIGEST):
            binding = row["binding"] | ({} if model is None else {"model": model})
            text = json.dumps(binding, sort_keys=True, separators=(",", ":")).encode()
            assert registry.key(default_rows().get(row["id"]), model) == hashlib.sha256(text).digest()


# --- private rows ------------------------------------------------------------------------------------------------


def test_private_rows_stand_beside_the_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = registry_file(
        tmp_path,
        private_row(210),
        private_row(253, compact=1, kinds=[1], parameters={"1": {"code": "fixed"}}, model=None),
    )
    assert list(Registry.shipped().extended_by(path).rows) == [row["id"] for row in ROWS] + [210, 253]
    with pytest.raises(SemError):
        default_rows().get(210)
    monkeypatch.setenv("SEM_REGISTRY", str(path))
    assert default_rows().get(210).name == "private-210"
    assert default_rows().get(253).model is None


@pytest.mark.parametrize(
    ("what", "rows"),
    [
        ("shipped", [private_row(200)]),
        ("200 to 253", [private_row(199)]),
        ("200 to 253", [private_row(300)]),
        ("61696 to 65791", [private_row(0)]),
        ("61696 to 65791", [private_row(254)]),
        ("61696 to 65791", [private_row(61_695)]),
        ("61696 to 65791", [private_row(65_792)]),
        ("twice", [private_row(210), private_row(210)]),
        ("taken", [private_row(210) | {"name": "elic"}]),
        ("members", [private_row(210) | {"extra": 1}]),
        ("members", ["row"]),
        ("breaks", [private_row(210, id=211)]),
        ("breaks", [private_row(210, method=99)]),
        ("breaks", [private_row(210, kinds=[[]])]),
        ("breaks", [private_row(210, model="00")]),
        ("breaks", [private_row(210, parameters={"7": {"m": 8}})]),
        ("breaks", [private_row(210) | {"binding": []}]),
        *(("breaks", [private_row(210) | {"recommended": advice}]) for advice in ADVICE_NOT),
        ("float", [private_row(210, parameters={"7": 0.5})]),
    ],
)
def test_refused_private_rows(tmp_path: Path, what: str, rows: list[Any]) -> None:
    with pytest.raises(SemError, match=what) as caught:
        Registry.shipped().extended_by(registry_file(tmp_path, *rows))
    assert caught.value.code == 101


def test_refused_registry_files(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    for text in (
        "",
        "[]",
        "{}",
        '{"version":2,"profiles":[]}',
        '{"version":true,"profiles":[]}',
        '{"version":1,"profiles":{}}',
        "[" * 100_000,
    ):
        path.write_text(text)
        with pytest.raises(SemError) as caught:
            Registry.shipped().extended_by(path)
        assert caught.value.code == 101
    with pytest.raises(SemError):
        Registry.shipped().extended_by(tmp_path / "nonesuch")


def test_unknown_member_of_a_binding_makes_the_row_unsupported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEM_REGISTRY", str(registry_file(tmp_path, private_row(210, hue=1), private_row(211))))
    assert default_rows().get(211)
    with pytest.raises(SemError) as caught:
        default_rows().get(210)
    assert caught.value.code == 702


@pytest.mark.parametrize("profile_id", [207, 253, 61_696, 61_700, 65_791])
def test_private_ids_of_one_and_of_three_bytes(tmp_path: Path, profile_id: int) -> None:
    """A file of a private row names it by one byte, or by 254 and two; the row is not chosen by itself."""
    rows = Registry.shipped().extended_by(registry_file(tmp_path, text_row(profile_id)))
    environment = Environment(rows)
    data = refcodec.encode(text="ct", method="consonant", size=(64, 64), profile=profile_id, environment=environment)
    named = bytes([profile_id]) if profile_id < 254 else b"\xfe" + (profile_id - 256).to_bytes(2, "big")
    assert data[3 : 3 + len(named)] == named
    assert refcodec.payload(data, environment=environment).sections[0].value == "ct"
    default = refcodec.encode(text="ct", method="consonant", size=(64, 64), environment=environment)
    assert default[3] in (2, 3)


def test_a_mixed_up_private_id_fails_the_check(tmp_path: Path) -> None:
    """Two parties have one id for different rows: the binding is in K. Without a check nothing can tell them apart."""
    (tmp_path / "other").mkdir()
    table = default_rows().by_name("consonant-coded").parameters(1)["table"]
    one = Environment(Registry.shipped().extended_by(registry_file(tmp_path, text_row(61_700))))
    bindings: tuple[dict[str, Any], ...] = (
        {"method": 4}, {"fit": {"rule": "pad", "multiple": 16, "extend": "edge"}},
        {"parameters": {"1": {"code": "coded", "table": table}}},
    )  # fmt: skip
    options: dict[str, Any] = {"text": "ct", "method": "consonant", "size": (64, 64), "profile": 61_700}
    for check in (16, 32, 0):
        data = refcodec.encode(**options, check=check, environment=one)
        for binding in bindings:
            other = Environment(
                Registry.shipped().extended_by(registry_file(tmp_path / "other", text_row(61_700, **binding)))
            )
            if check == 0:
                same = "parameters" not in binding
                assert (refcodec.payload(data, environment=other).sections[0].value == "ct") == same
                continue
            with pytest.raises(SemError) as caught:
                refcodec.payload(data, environment=other)
            assert caught.value.code == 501


def text_row(profile_id: int, **binding: Any) -> dict[str, Any]:
    """A private row of consonant texts, four bits a letter."""
    whole = {"method": 2, "compact": 1, "kinds": [1], "parameters": {"1": {"code": "fixed"}}, "model": None}
    return private_row(profile_id, **whole | {"fit": {"rule": "none"}} | binding)


# --- withdrawal --------------------------------------------------------------------------------------------------


def withdrawn(*names: str, notes: str = "Its model is lost.") -> Environment:
    """The shipped registry after the withdrawal of some rows."""
    rows = Registry.shipped().rows.values()
    changed = (replace(row, status="withdrawn", notes=notes) if row.name in names else row for row in rows)
    return Environment(Registry.of(*changed))


TEXTS: dict[str, Any] = {"text": "ct", "method": "consonant", "size": (64, 64)}


@pytest.mark.parametrize("check", [0, 16, 32])
def test_files_of_a_withdrawn_row_are_read_as_before(check: int) -> None:
    """SEM-R-036: the status is not part of K."""
    data = refcodec.encode(**TEXTS, profile="consonant", check=check)
    later = withdrawn("consonant")
    assert refcodec.payload(data, environment=later) == refcodec.payload(data)
    assert refcodec.inspect(data, environment=later) == refcodec.inspect(data)
    damaged = data[:-1] + b"\x99"
    if check:
        with pytest.raises(SemError) as caught:
            refcodec.payload(damaged, environment=later)
        assert caught.value.code == 501


def test_an_encoder_takes_a_withdrawn_row_only_by_name() -> None:
    """SEM-R-037."""
    later = withdrawn("consonant")
    assert codec.encode_file(**TEXTS, environment=later).profile.name == "consonant-coded"
    named = codec.encode_file(**TEXTS, profile="consonant", environment=later)
    assert named.data == refcodec.encode(**TEXTS, profile="consonant")
    assert [n for n in named.notices if "withdrawn" in n] == [
        "profile consonant is withdrawn (Its model is lost.): its files stay readable, but new files should name another"
    ]
    assert not [n for n in codec.encode_file(**TEXTS, profile="consonant").notices if "withdrawn" in n]
    with pytest.raises(SemError, match="no profile of method consonant") as caught:
        codec.encode_file(**TEXTS, environment=withdrawn("consonant", "consonant-coded"))
    assert caught.value.code == 702


def test_drafts_are_not_tried_for_the_smallest_file(tmp_path: Path) -> None:
    """A draft may change, so only a user who names it writes its files."""
    rows = Registry.shipped().rows.values()
    drafts = (replace(row, status="draft") if row.name == "consonant-coded" else row for row in rows)
    later = Environment(Registry.of(*drafts))
    assert codec.encode_file(**TEXTS, environment=later).profile.name == "consonant"
    assert codec.encode_file(**TEXTS, profile="consonant-coded", environment=later).profile.name == "consonant-coded"


# --- dim classes -------------------------------------------------------------------------------------------------


def test_dim_classes_are_a_bijection() -> None:
    assert list(sizes()) == list(range(1, 157))
    assert len(set(sizes().values())) == len(sizes())
    for dim_class, size in sizes().items():
        assert registry.dim_size(dim_class) == size
        assert registry.dim_class(*size) == dim_class
    assert registry.dim_class(1, 1) is None
    with pytest.raises(KeyError):
        registry.dim_size(0)


# --- canonical JSON ----------------------------------------------------------------------------------------------


def test_canonical_json() -> None:
    value = {"b": [1, -2, None, True], "a": {"": '\x00\x1f\x7f\n"\\/'}, "B": {}}
    assert canonical_json(value) == b'{"B":{},"a":{"":"\\u0000\\u001f\x7f\\n\\"\\\\/"},"b":[1,-2,null,true]}'
    assert canonical_json(2**53 - 1) == b"9007199254740991"


@pytest.mark.parametrize("value", [0.0, [1.5], "é", {"é": 1}, {1: 2}, 2**53, -(2**53), {"a": object()}, b"", {1, 2}])
def test_not_canonical(value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical_json(value)


leaves = st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.text(st.characters(max_codepoint=127))
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner),
    max_leaves=10,
)


@settings(max_examples=40, deadline=None)
@given(values)
def test_canonical_json_round_trip(value: object) -> None:
    assert parse_json(canonical_json(value)) == value


@pytest.mark.parametrize("text", [b'{"a":1,"a":2}', b"NaN", b"\xff", b"", b"[" * 100_000])
def test_not_json(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_json(text)


def test_every_id_of_spec_is_a_literal_of_its_own() -> None:
    assert list(spec.METHODS) == [1, 2, 3, 4, 5]
    assert [kind.id for kind in KINDS] == [1, 2, 3, 4, 5, 6, 7]
    codes = list(spec.CHECK_BITS)
    assert all((a ^ b).bit_count() == 2 for a in codes for b in codes if a != b)
    assert all(
        small < large for low, high in pairwise(spec.LEVELS.values()) for small, large in zip(low, high, strict=True)
    )
