# SPDX-License-Identifier: MIT
"""Kinds that are drafts: known only where they are asked for, read and written by everything that takes an environment;
and tokens with a count (drafts/tokens.md)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import private_row, registry_file

import refcodec
from refcodec import draft_files, spec
from refcodec.decoder import decode_file
from refcodec.editing import add, strip
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.export import artifacts
from refcodec.networks.table_model import TableModel
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.drafts import tokens
from refcodec.payloads.drafts.tokens import KIND, Tokens, truncated, truncated_count, well_formed
from refcodec.payloads.kinds import DRAFTS, KINDS, WITH_DRAFTS
from refcodec.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "drafts" / "vectors"
ROWS = VECTORS / "registry.json"
SCHEMA = json.loads((ROOT / "refcodec" / "registry" / "registry.schema.json").read_bytes())
relaxed = settings(deadline=None, max_examples=150)


@pytest.fixture(scope="module")
def here() -> Environment:
    return Environment().with_drafts(ROWS).with_packages(VECTORS / "models")


def code_of(call: Any) -> int:
    with pytest.raises(SemError) as caught:
        call()
    return int(caught.value.code)


def files(*folders: str) -> list[Path]:
    entries = json.loads((VECTORS / "manifest.json").read_bytes())["vectors"]
    return [VECTORS / e["file"] for e in entries if e["expect"] == "accept" and e["file"].startswith(folders or ("",))]


# --- who knows them ----------------------------------------------------------------------------------------------


def test_numbers_are_those_for_drafts() -> None:
    assert (spec.DRAFT_FIRST, spec.DRAFT_LAST) == (48, 62)
    assert all(spec.DRAFT_FIRST <= number <= spec.DRAFT_LAST for number in DRAFTS)
    assert {kind.id: kind.name for kind in WITH_DRAFTS} == {**KINDS.names, **{n: e[0] for n, e in DRAFTS.items()}}
    assert set(KINDS.names) == set(range(1, 8))


def test_no_shipped_row_has_one() -> None:
    kinds = {kind for row in Registry.shipped().rows.values() for kind in (row.compact, *row.kinds)}
    assert kinds <= set(KINDS.names)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_version_1_refuses_every_file(path: Path) -> None:
    data = path.read_bytes()
    assert code_of(lambda: refcodec.read(data, environment=Environment())) == Code.UNSUPPORTED_PROFILE
    assert code_of(lambda: refcodec.read(data, environment=Environment().with_drafts())) == Code.UNSUPPORTED_PROFILE


@pytest.mark.parametrize("number", range(spec.DRAFT_FIRST, spec.DRAFT_LAST + 1))
def test_a_section_of_the_range_is_unsupported_in_a_file_of_version_1(number: int) -> None:
    whole = refcodec.encode(caption="a", size=(64, 64), method="pics", provenance=True)
    at = whole.index(b"\x82", 8)
    other = whole[:at] + bytes([spec.CRITICAL | number]) + whole[at + 1 :]
    assert code_of(lambda: refcodec.read(other)) == Code.UNSUPPORTED_SECTION
    with_drafts = Code.SECTION_KIND if number in DRAFTS else Code.UNSUPPORTED_SECTION
    assert code_of(lambda: refcodec.read(other, environment=Environment().with_drafts())) == with_drafts


def test_rows_that_have_one_are_refused_without_drafts() -> None:
    assert code_of(lambda: Registry.shipped().extended_by(ROWS)) == Code.CANNOT_READ
    assert 240 in Registry.shipped(WITH_DRAFTS).extended_by(ROWS).rows


def test_the_schema_of_a_registry_has_their_parameters() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(ROWS.read_bytes()), SCHEMA)
    parameters = SCHEMA["$defs"]["binding"]["properties"]["parameters"]["properties"]
    assert {int(number) for number in parameters} == set(WITH_DRAFTS.names)


@pytest.mark.parametrize("path", sorted((VECTORS / "registries").iterdir()), ids=lambda path: path.stem)
def test_the_schema_refuses_the_rows_that_the_texts_refuse(path: Path) -> None:
    """Except what a schema cannot say: it knows neither sums nor orders."""
    valid = jsonschema.Draft202012Validator(SCHEMA).is_valid(json.loads(path.read_bytes()))
    assert valid == path.stem.endswith(("-row-m", "-descending"))


def test_shipped_rows_stay_as_they_are(here: Environment) -> None:
    data = (ROOT / "test_vectors" / "vq" / "vq-8x12.sem").read_bytes()
    assert refcodec.payload(data, environment=here).to_dict() == refcodec.payload(data).to_dict()
    assert [row.binding for row in Environment().with_drafts().registry.rows.values()] == [
        row.binding for row in Registry.shipped().rows.values()
    ]


def test_with_drafts_keeps_private_rows_and_other_parts(tmp_path: Path) -> None:
    own = Environment(Registry.shipped().extended_by(registry_file(tmp_path, private_row(230))), package_folders=())
    more = own.with_drafts(ROWS)
    assert {230, 240, 249} <= set(more.registry.rows)
    assert (more.package_folders, more.tables) == (own.package_folders, own.tables)
    assert own.kinds is KINDS
    assert all(row.known is WITH_DRAFTS for row in more.registry.rows.values())


@pytest.mark.parametrize(("value", "known"), [("1", True), ("0", False), ("", False), (None, False)])
def test_the_variable(value: str | None, known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEM_REGISTRY", str(ROWS))
    if value is None:
        monkeypatch.delenv("SEM_DRAFTS", raising=False)
    else:
        monkeypatch.setenv("SEM_DRAFTS", value)
    here = Environment.default()
    assert (here.kinds is WITH_DRAFTS) is known
    assert here is Environment.default()
    if known:
        assert here.registry.get(241).name == "draft-tokens-nested"
    else:
        assert code_of(lambda: here.registry.rows) == Code.CANNOT_READ


# --- everything that takes an environment ------------------------------------------------------------------------


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_files_are_read_and_written_again(path: Path, here: Environment) -> None:
    data = path.read_bytes()
    container = refcodec.read(data, environment=here)
    assert refcodec.write(container) == data
    decoded = decode_file(data, environment=here)
    header = container.header
    values = {section_type & spec.NUMBER: value for section_type, value in decoded.values.items()}
    ancillary = {section.type: section.body for section in container.sections if not section.critical}
    size, check = (header.width, header.height), header.check_bits
    assert draft_files.encode(values, header.row_id, size, here, check=check, ancillary=ancillary) == data
    assert not refcodec.inspect(data, environment=here).errors
    found = artifacts(decoded)
    assert set(found) == {here.kinds.names[number] for number in values}
    assert all(artifact.make(artifact.suffixes[0]) for artifact in found.values())


def test_sections_are_taken_away(here: Environment) -> None:
    data = (VECTORS / "tokens" / "tokens-beside-caption.sem").read_bytes()
    container = refcodec.read(data, environment=here)
    alone = strip(container, {spec.CRITICAL | spec.CAPTION}).data
    assert decode_file(alone, environment=here).value(tokens.ID).codes == (1, 2, 3, 4)
    assert not refcodec.read(alone, environment=here).header.sectioned


def test_messages_about_sections_have_the_name_of_a_draft(here: Environment) -> None:
    """Not its type, 0xB1: the container knows the kinds that it was read with."""
    data = (VECTORS / "tokens" / "tokens-beside-caption.sem").read_bytes()
    container = refcodec.read(data, environment=here)
    draft = spec.CRITICAL | tokens.ID
    section = container.section(draft)
    assert section is not None
    with pytest.raises(ValueError, match="has a section tokens already"):
        add(container, [section])
    with pytest.raises(ValueError, match="tokens is to be added twice"):
        add(container, [section, section], replacing=True)
    with pytest.raises(ValueError, match="the file has no section tokens"):
        strip(refcodec.read(strip(container, {draft}).data, environment=here), {draft})
    with pytest.raises(ValueError, match="the file has no section 0xBA"):
        strip(container, {0xBA})


def test_limits_hold_before_the_body_is_opened(here: Environment) -> None:
    row = private_row(
        239, method=5, compact=tokens.ID, kinds=[tokens.ID], model=None, fit={"rule": "none"},
        parameters={"49": {"v": 2, "counts": [65_535], "usage": False}},
    )  # fmt: skip
    registry = here.registry.extended_by(json.dumps({"version": 1, "profiles": [row]}).encode())
    assert registry.get(239).kind(tokens.ID).symbol_count(registry.get(239).parameters(tokens.ID), 1, 1) == 65_535


@pytest.mark.parametrize(
    ("profile", "values", "error"),
    [
        (240, {5: Tokens((1,))}, "no payload of kind 5"),
        (241, {49: Tokens((1, 2, 3))}, "no sequence of 3 tokens; the first 2 of them would do"),
        (243, {49: Tokens(())}, "no sequence of 0 tokens"),
        (241, {49: Tokens((64_000,))}, "tokens are 0 … 63999, not 64000"),
    ],
)
def test_what_a_row_cannot_code(profile: int, values: Any, error: str, here: Environment) -> None:
    with pytest.raises(ValueError, match=error):
        draft_files.encode(values, profile, (64, 64), here)


def test_a_model_that_is_missing(here: Environment) -> None:
    without = Environment().with_drafts(ROWS)
    data = (VECTORS / "tokens" / "tokens-usage.sem").read_bytes()
    assert code_of(lambda: decode_file(data, environment=without)) == Code.MODEL_UNAVAILABLE
    assert (
        code_of(lambda: draft_files.encode({49: Tokens((0,))}, "draft-tokens-usage", (64, 48), without))
        == Code.MODEL_UNAVAILABLE
    )
    assert decode_file(data, environment=here).folder == VECTORS / "models" / "tokens-tiny"


# --- tokens ------------------------------------------------------------------------------------------------------


@st.composite
def contexts(draw: st.DrawFn) -> CodingContext:
    """Parameters of a row, and its model if it has one."""
    usage = draw(st.booleans())
    v = draw(st.integers(2, 40) if usage else st.sampled_from((1, 2, 3, 255, 4096, 64_000, 65_535, 65_536)))
    counts = sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=12)))
    model = None
    if usage:
        weights = draw(st.lists(st.integers(1, 1000), min_size=v, max_size=v))
        frequencies = [1 + weight * (65_536 - v) // sum(weights) for weight in weights]
        frequencies[0] += 65_536 - sum(frequencies)
        model = TableModel(tokens.ID, "", {"v": v}, np.array(frequencies, np.uint16))
    parameters = {"v": v, "counts": counts, "usage": usage}
    assert well_formed(parameters)
    return CodingContext(parameters, model=model)


@given(st.data())
@relaxed
def test_tokens_come_back(data: st.DataObject) -> None:
    context = data.draw(contexts())
    n, v = data.draw(st.sampled_from(context.parameters["counts"])), context.parameters["v"]
    value = Tokens(tuple(data.draw(st.lists(st.integers(0, v - 1), min_size=n, max_size=n))))
    body = KIND.encode(value, context)
    assert KIND.decode(body, context) == value
    assert value.serialise() == b"".join(code.to_bytes(2, "big") for code in value.codes)
    assert value.shape == [[n]]
    if context.model is None:
        bits = math.log2(len(context.parameters["counts"])) + n * math.log2(v)
        assert len(body) <= math.ceil((bits + 0.006 * (n + 1)) / 8) + 1


def decoded_or_code(body: bytes, context: CodingContext) -> Any:
    """Tokens, or the code of the error."""
    try:
        return KIND.decode(body, context)
    except SemError as error:
        return int(error.code)


@given(st.data())
@relaxed
def test_any_bytes_are_tokens_or_an_error(data: st.DataObject) -> None:
    """And no two bodies have the same tokens: what is decoded has the bytes that it was decoded from."""
    context, body = data.draw(contexts()), data.draw(st.binary(max_size=60))
    found = decoded_or_code(body, context)
    if isinstance(found, int):
        assert found in (Code.STREAM_INVALID, Code.STREAM_NOT_CANONICAL)
    else:
        assert KIND.encode(found, context) == body
        assert len(found.codes) in context.parameters["counts"]


@given(st.data())
@relaxed
def test_fewer_tokens_are_a_file_of_lower_rate(data: st.DataObject) -> None:
    context = data.draw(contexts())
    counts, v = context.parameters["counts"], context.parameters["v"]
    value, most = Tokens(tuple(i * 31 % v for i in range(counts[-1]))), data.draw(st.integers(0, 45))
    fitting = [count for count in counts if count <= most]
    assert truncated_count(context.parameters, most) == (fitting[-1] if fitting else None)
    if not fitting:
        with pytest.raises(ValueError, match="no sequence of"):
            truncated(value, context.parameters, most)
        return
    less = truncated(value, context.parameters, most)
    assert less.codes == value.codes[: fitting[-1]]
    assert KIND.decode(KIND.encode(less, context), context) == less


@pytest.mark.parametrize(
    ("counts", "n", "size"),
    [
        ([32], 32, 48),
        ([2**i for i in range(9)], 32, 49),
        (list(range(1, 257)), 32, 49),
        ([2**i for i in range(9)], 1, 2),
    ],
)
def test_what_the_count_costs(counts: list[int], n: int, size: int) -> None:
    context = CodingContext({"v": 4096, "counts": counts, "usage": False})
    assert len(KIND.encode(Tokens((4095,) * n), context)) == size


@pytest.mark.parametrize(
    "parameters",
    [
        {"v": 0, "counts": [1], "usage": False},
        {"v": True, "counts": [1], "usage": False},
        {"v": 2, "counts": [1, 1], "usage": False},
        {"v": 2, "counts": (1, 2), "usage": False},
        {"v": 2, "counts": [1.0], "usage": False},
        {"v": 2, "counts": [65_536], "usage": False},
        {"v": 2, "counts": list(range(4097)), "usage": False},
        {"v": 2, "counts": [1], "usage": 0},
        {"v": 2, "counts": [1]},
    ],
)
def test_parameters_that_a_row_may_not_have(parameters: dict[str, Any]) -> None:
    assert not well_formed(parameters)
