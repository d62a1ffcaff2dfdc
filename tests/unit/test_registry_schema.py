# SPDX-License-Identifier: MIT
"""The loader of registries and registry.schema.json give the same answer for every member of a row."""

from __future__ import annotations

import copy
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import DIGEST, PARAMETERS, private_row

from refcodec import registry
from refcodec.errors import SemError
from refcodec.payloads.kinds import KINDS, needs_model
from refcodec.registry import Registry

SCHEMA = json.loads((pathlib.Path(registry.__file__).parent / "registry.schema.json").read_bytes())
Path = tuple[str | int, ...]


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    """As ECMA-262 has it: `$` is the end, and not what stands before a last line break."""
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern}")


VALIDATOR = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})(SCHEMA)
ADVICE = {
    "models": {"painter": "a/b", "clip_2": "A.b/c-d_e"},
    "hints": {"seed": "7", "scheduler": "ddim", "guidance": "3.5"},
}
CODED = {"code": "coded", "table": DIGEST}


def rows() -> list[dict[str, Any]]:
    """Rows that between them have every member of the schema."""
    private = [private_row(210, identity={"painter": DIGEST}), private_row(61_696)]
    without = {"model": None, "fit": {"rule": "none"}}
    for number, parameters in PARAMETERS.items():
        if number < "6":
            form = {"method": 2, "compact": int(number), "kinds": [int(number)], "parameters": {number: parameters}}
            private.append(private_row(220 + int(number), **form | without))
    form = {
        "method": 2,
        "compact": 1,
        "kinds": [1, 2],
        "parameters": {"1": CODED, "2": PARAMETERS["2"] | {"tokenizer": DIGEST}},
    }
    private.append(private_row(219, **form | without) | {"recommended": ADVICE, "notes": "one line\nand another, é"})
    return private


ROWS = rows()


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all members of a row, objects and lists among them."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in inner:
        yield from leaves(member, (*path, name))


def changed(row: dict[str, Any], path: Path, value: Any, *, rename: bool = False) -> Any:
    """The row with another value of a member, or with another name of it."""
    if not path:
        return value
    new = copy.deepcopy(row)
    owner: Any = new
    for name in path[:-1]:
        owner = owner[name]
    if rename and isinstance(owner, dict) and isinstance(value, str):
        owner[value] = owner.pop(path[-1])
    else:
        owner[path[-1]] = value
    return new


def by_schema(row: Any) -> bool:
    return bool(VALIDATOR.is_valid({"version": 1, "profiles": [row]}))


def by_loader(row: Any) -> bool:
    try:
        rows_of = Registry.parse(json.dumps({"version": 1, "profiles": [row]}).encode())
        rows_of.get(row["id"])
    except (ValueError, SemError):
        return False
    return True


def related(row: Any) -> bool:
    """What SPEC §5 asks beyond the form of single members, of a row that has the form."""
    binding = row["binding"]
    kinds, parameters = binding["kinds"], binding["parameters"]
    if binding["id"] != row["id"] or kinds != sorted(kinds) or binding["compact"] not in kinds:
        return False
    if set(parameters) != set(map(str, kinds)):
        return False
    latents = [parameters[number] for number in "67" if number in parameters]
    if any(sum(form["groups"]) != form["m"] for form in latents):
        return False
    captions = parameters.get("2", {})
    if "candidates" in captions and captions["modes"] != ["static", "tokens", "raw"]:
        return False
    using = sum(
        needs_model(kind, parameters[str(kind)]) or bool(parameters[str(kind)].get("codebooks")) for kind in kinds
    )
    return using == 1 or (using == 0 and binding["model"] is None)


def check_agreement(row: Any) -> None:
    assert by_loader(row) == (by_schema(row) and related(row)), row


def near(value: Any) -> list[Any]:
    """Values that are almost right: others of the type, and of other types."""
    if isinstance(value, str):
        more = (
            "\n",
            "\r",
            "\x00",
            "\x1b[31m",
            "\u2028",
            "é",
            " ",
            "\ud800",
            "-",
            "A",
            "0",
            "/",
            "." * 40,
            "a" * 33,
            "0" * 64,
        )
        ends = [text for extra in more for text in (value + extra, extra + value)]
        return [
            *ends,
            value.upper(),
            value[:-1],
            value[1:],
            "",
            "a" * 32,
            value[:63],
            None,
            7,
            True,
            [value],
            {value: value},
        ]
    if isinstance(value, bool):
        return [not value, 0, 1, "true", None]
    if isinstance(value, int):
        numbers = [0, 1, 2, 7, 8, 9, 16, 17, 64, 65, 253, 254, 255, 256, 1024, 1025, 65536, 65537, 65791, 65792, 10**15]
        return [*numbers, *(-number for number in numbers), value - 1, value + 1, True, str(value), None, [value]]
    return [None, [], {}, "", 0, True, [value], {"a": value}, [1, 1], [7, 6]]


CASES = [(number, path) for number, row in enumerate(ROWS) for path in leaves(row)]


def test_the_rows_are_valid_and_have_every_member() -> None:
    for row in ROWS:
        assert by_schema(row)
        assert by_loader(row)
    names = {path[-1] for row in ROWS for path in leaves(row) if path}
    form = SCHEMA["$defs"]
    assert names >= {*form["row"]["properties"], *form["binding"]["properties"], *form["recommended"]["properties"]}
    assert {str(kind.id) for kind in KINDS} - {"6"} <= names


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_near_misses_of_every_member(number: int) -> None:
    """A name with a line break was loaded, though the schema forbids it."""
    row = ROWS[number]
    for path in leaves(row):
        member: Any = row
        for name in path:
            member = member[name]
        for value in near(member):
            check_agreement(changed(row, path, value))
        for name in near(path[-1]) if path and isinstance(path[-1], str) else ():
            if isinstance(name, str):
                check_agreement(changed(row, path, name, rename=True))


LEAF = (
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=70) | st.text("ab0-/.\n", max_size=34)
)
VALUES = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CASES), VALUES, st.booleans())
def test_random_values_of_every_member(case: tuple[int, Path], value: Any, rename: bool) -> None:
    number, path = case
    check_agreement(changed(ROWS[number], path, value, rename=rename))


@pytest.mark.parametrize(
    "name", ["two\nlines", "line\n", "\x1b[31mred", "tab\t", "nul\x00", "a" * 33, "-a", "A", "", "é"]
)
def test_a_name_that_no_row_can_have(name: str) -> None:
    row = private_row(210) | {"name": name}
    data = json.dumps({"version": 1, "profiles": [row]}).encode()
    assert not by_schema(row)
    with pytest.raises(ValueError, match=r"^profile 210 breaks registry\.schema\.json at name$"):
        Registry.parse(data)
    with pytest.raises(SemError, match=r"profile 210 breaks registry\.schema\.json at name") as caught:
        Registry.shipped().extended_by(data)
    assert caught.value.code == 101
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "path", [("id",), ("binding", "id"), ("binding", "fit", "multiple"), ("binding", "parameters", "7", "m")]
)
def test_numbers_are_written_as_integers(path: Path) -> None:
    """JSON Schema takes 8.0 for an integer; SPEC §2 does not, since K is computed from the text."""
    member: Any = ROWS[0]
    for name in path:
        member = member[name]
    row = changed(ROWS[0], path, float(member))
    assert by_schema(row)
    assert not by_loader(row)
