# SPDX-License-Identifier: MIT
"""tools/mutate.py finds rejections, removes each in a child process, and reports whether a vector fails."""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

if not hasattr(os, "fork"):
    pytest.skip("mutants are forked", allow_module_level=True)

from refcodec.registry import Registry
from semrunner.settings import gather
from semrunner.suite import Case, Suite, load
from tools import mutate
from tools.mutation import trial
from tools.mutation.sites import Site, find

PLACE = "refcodec/container/header.py"
Ask = Callable[[Site | None, Sequence[Case]], trial.Outcome]


@pytest.fixture(scope="module")
def suite() -> Suite:
    """Some of the vectors, quick ones."""
    whole = load(ROOT / "test_vectors")
    return replace(whole, cases=tuple(case for case in whole.cases if case.group in ("header", "registries"))[:200])


@pytest.fixture(scope="module")
def ask(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    rows, data = gather([suite.folder, *mutate.NORMATIVE], tmp_path_factory.mktemp("data"))
    trial.warm(suite.cases, rows, data)
    return lambda site, cases: trial.run(site, cases, rows, data)


def site_at(change: Callable[[ast.Module], None], file: str = PLACE) -> Site:
    """A mutant of one's own."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return Site(file, 1, "module", "raise", "", frozenset(), frozenset(), tree, lambda: change(tree))


@lru_cache(maxsize=1)
def sites() -> list[Site]:
    return mutate.sites_of()


def named(part: str) -> Site:
    (found,) = [site for site in sites() if part in site.id]
    return found


# --- the finder ----------------------------------------------------------------------------------------------------

SOURCE = '''
def _rule(value: int, _: object) -> Violation:  # R-010
    """A rule."""
    if value == 7:  # R-011
        return Code.SECTION_VALUE, "seven"
    return None if 1 <= value <= 9 else (Code.RESERVED_BIT, "none of them")

def _even(value: int) -> bool:
    return value % 2 == 0 and value < 10

def read(value):
    if value is None or not _even(value):
        raise SemError(Code.STREAM_INVALID, "odd")
    if value > 8:
        raise ValueError("of the caller")
    try:
        reader.enforce(_rule(value), "value")
    except KeyError as error:
        raise _malformed("no key") from error

def _malformed(what):
    return SemError(Code.MODEL_MALFORMED, what)

FIELD = field("value", Byte, _rule)
LIMITS = {"most": 9}
'''


def found(**options: tuple[str, ...]) -> dict[str, Site]:
    return {f"{site.function} {site.kind}: {site.text}": site for site in find({"a.py": SOURCE}, **options)}


def test_finds_every_form_of_rejection() -> None:
    places = found()
    assert {name for name, site in places.items() if site.kind != "bound"} == {
        "_rule return: (Code.SECTION_VALUE, 'seven')",
        "_rule return: (Code.RESERVED_BIT, 'none of them')",
        "_rule part: 1 <= value <= 9 as value <= 9",
        "_rule part: 1 <= value <= 9 as 1 <= value",
        "_even predicate: return value % 2 == 0 and value < 10",
        "_even part: value % 2 == 0",
        "_even part: value < 10",
        "read raise: raise SemError(Code.STREAM_INVALID, 'odd')",
        "read part: value is None",
        "read part: not _even(value)",
        "read call: reader.enforce(_rule(value), 'value')",
        "read raise: raise _malformed('no key') from error",
        "module rule: field('value', Byte, _rule)",
    }
    seven = places["_rule return: (Code.SECTION_VALUE, 'seven')"]
    assert (seven.codes, seven.rules) == ({305}, {"SEM-R-010"})
    assert places["read raise: raise _malformed('no key') from error"].codes == {803}
    assert {"_even bound: value < 10 with <= for <", "module bound: 9 -1 in 'most'"} <= places.keys()


def test_value_errors_reject_where_they_are_of_a_file() -> None:
    assert "read raise: raise ValueError('of the caller')" in found(value_errors=("a.py",))


@pytest.mark.parametrize(
    ("name", "then"),
    [
        ("_rule return: (Code.SECTION_VALUE, 'seven')", "return None\n    return None if"),
        ("_rule part: 1 <= value <= 9 as value <= 9", "return None if value <= 9 else"),
        ("_even part: value < 10", "return value % 2 == 0 and True"),
        ("_even predicate: return value % 2 == 0 and value < 10", "return True"),
        ("read part: value is None", "if False or not _even(value):"),
        ("read raise: raise SemError(Code.STREAM_INVALID, 'odd')", "not _even(value):\n        pass"),
        ("read call: reader.enforce(_rule(value), 'value')", "try:\n        pass"),
        ("module rule: field('value', Byte, _rule)", "field('value', Byte, None)"),
        ("_even bound: value < 10 with <= for <", "value <= 10"),
        ("module bound: 9 -1 in 'most'", "'most': 9 + -1"),
    ],
)
def test_what_a_change_makes(name: str, then: str) -> None:
    site = found()[name]
    assert then not in ast.unparse(site.tree)
    site.change()
    assert then in ast.unparse(site.tree)


def test_finds_those_of_refcodec() -> None:
    ids = [site.id for site in sites()]
    assert len(set(ids)) == len(ids) > 500
    for part in (
        "container/file.py _read_sections raise: raise SemError(Code.TRAILING_BYTES",
        "container/header.py _magic return: (Code.NOT_A_SEM_FILE",
        "container/header.py module rule: field('magic', Bytes(2), _magic)",
        "container/key_value.py _key_length part: 1 <= value <= spec.KEY_BYTES_MAX as 1 <= value",
        "entropy/rangecoder.py Decoder.finish raise: raise SemError(Code.STREAM_NOT_CANONICAL",
        "networks/layers.py check_requant call: _bounds('a shift is outside",
        "networks/layer_reader.py LayerReader._conv part: b.shape != (conv.outputs,)",
        "payloads/clip_bits.py well_formed part: is_integer(parameters['d'], 1, 65536)",
    ):
        assert any(part in name for name in ids), part
    assert not any(" encode " in name or " Encoder." in name for name in ids)


def test_what_is_explained_is_there() -> None:
    """Every explanation is of a mutant or of a function that has some, and gives a reason."""
    assert set(mutate.explained()) <= {site.id for site in sites()} | {
        f"{site.file} {site.function}" for site in sites()
    }
    assert all(len(why) > 20 for why in mutate.explained().values())


# --- the children --------------------------------------------------------------------------------------------------


def test_a_mutant_is_killed(suite: Suite, ask: Ask) -> None:
    """By the first vector asked, as those that should notice come first; and the parent is as before."""
    site = named("header.py _hash_code return")
    before, rows = ast.dump(site.tree), Registry.shipped()
    order = mutate.by_relevance(site, suite.cases, {})
    outcome = ask(site, order)
    assert outcome.killed_by == order[0].id
    assert outcome.killed_by.startswith("hash-code")
    assert "expected SEM-E-208" in outcome.reason or "crashes" in outcome.reason
    assert outcome.tried <= 1
    assert (ast.dump(site.tree), Registry.shipped()) == (before, rows)


def test_what_changes_nothing_survives(suite: Suite, ask: Ask) -> None:
    outcome = ask(site_at(lambda _: None), suite.cases)
    assert (outcome.killed_by, outcome.tried) == ("", len(suite.cases))


def test_a_registry_of_its_own(suite: Suite, ask: Ask) -> None:
    """A vector with a registry is asked with it, and those after it with the shipped one."""
    own = next(case for case in suite.cases if case.registry is not None and not case.accepted)
    shipped = next(case for case in suite.cases if case.registry is None and case.accepted)
    assert ask(None, [shipped, own, shipped]).killed_by == ""
    assert ask(None, [replace(own, registry=None)]).killed_by == own.id


@pytest.mark.parametrize(
    ("statement", "why"),
    [("while True: pass", "takes too long"), ("raise RuntimeError('no')", "crashes: RuntimeError: no"),
     ("import os; os._exit(9)", "ends with"), ("bytearray(1 << 40)", "crashes: MemoryError")],
)  # fmt: skip
def test_other_ends_are_kills(
    suite: Suite, ask: Ask, monkeypatch: pytest.MonkeyPatch, statement: str, why: str
) -> None:
    monkeypatch.setattr(trial, "CPU_SECONDS", 3.0)  # above what imports take on a busy machine

    def change(tree: ast.Module) -> None:
        rule = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "_magic")
        rule.body[:0] = ast.parse(statement).body

    outcome = ask(site_at(change), suite.cases[:3])
    assert outcome.killed_by == suite.cases[0].id
    assert outcome.reason.startswith(why)


def test_an_import_that_fails_is_a_kill(suite: Suite, ask: Ask) -> None:
    change = site_at(lambda tree: tree.body.extend(ast.parse("1 / 0").body), "refcodec/registry/__init__.py")
    outcome = ask(change, suite.cases[:1])
    assert (outcome.killed_by, outcome.reason[:26]) == ("import", "crashes: ZeroDivisionError")


# --- the program ---------------------------------------------------------------------------------------------------


def test_status(capsys: pytest.CaptureFixture[str]) -> None:
    """1 for a survivor without a reason, and for a reason without a survivor."""
    killed, alive = named("header.py _hash_code return"), named("header.py _reserved return")
    rows = [mutate.Row(killed, "hash-code-4", "why"), mutate.Row(alive, "", "")]
    assert mutate.report(rows, {alive.id: "reason"}, 0.0) == 0
    assert mutate.report(rows, {}, 0.0) == 1
    assert f"SURVIVES {alive.id}" in capsys.readouterr().out
    assert mutate.report(rows, {alive.id: "reason", killed.id: "reason"}, 0.0) == 1
    assert mutate.report([mutate.Row(replace(alive, kind="bound"), "", "")], {}, 0.0) == 0
    assert mutate.report(rows[:1], {alive.id: "not tried now"}, 0.0) == 0
    assert mutate.report(rows, {f"{alive.file} {alive.function}": "of all that is in a function"}, 0.0) == 0


def test_refcodec_must_pass_first(suite: Suite) -> None:
    wrong = replace(next(case for case in suite.cases if not case.accepted), error="SEM-E-301")
    with pytest.raises(SystemExit) as ended:
        list(mutate.trials([], replace(suite, cases=(wrong,))))
    assert ended.value.code == 2


def test_program(
    monkeypatch: pytest.MonkeyPatch, suite: Suite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = sites()
    monkeypatch.setattr(mutate, "load", lambda _: suite)
    monkeypatch.setattr(mutate, "sites_of", lambda _: found)
    monkeypatch.setattr(
        sys, "argv", ["mutate.py", "*header.py _version return*", "--json", str(tmp_path / "rows.json")]
    )
    assert mutate.main() == 0
    (row,) = json.loads((tmp_path / "rows.json").read_bytes())["mutants"]
    assert (row["kind"], row["codes"], row["file"]) == ("return", [701], PLACE)
    assert row["killed_by"].startswith("version-")
    assert "1 of 1 mutants are killed" in capsys.readouterr().out
