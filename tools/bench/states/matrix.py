# SPDX-License-Identifier: MIT
"""Run all operations in all states of this process, and compare with its plain state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tools.bench.states.operations import OPERATIONS, files, forget_models
from tools.bench.states.snapshot import changes, snapshot
from tools.bench.states.states import PROCESS, State

Results = dict[str, dict[str, Any]]


def states() -> dict[str, State]:
    """Return every state by its name, those of torch after those of Python."""
    from tools.bench.states.torch_states import TORCH

    return {**PROCESS, **TORCH}


def plain() -> Results:
    """Return the digests of every operation in the plain state of this process."""
    files()
    return {name: call() for name, call in OPERATIONS.items()}


def run(names: Sequence[str] = ()) -> Results:
    """Return, by state, the results that differ from those of the plain state, and what the operations left changed."""
    expected = plain()
    return {name: in_state(state, expected) for name, state in states().items() if not names or name in names}


def in_state(state: State, expected: Results) -> dict[str, Any]:
    """Return {"differs": {operation: what}, "left": names of changed settings} of one state."""
    differs: dict[str, str] = {}
    left: list[str] = []
    forget_models()
    with state():
        for name, call in OPERATIONS.items():
            before = snapshot()
            differs.update({name: what} if (what := difference(call, expected[name])) else {})
            left += changes(before, snapshot())
    return {"differs": differs, "left": sorted(set(left))}


def difference(call: Callable[[], dict[str, Any]], expected: dict[str, Any]) -> str:
    """Return the names of the files whose result is not the expected one, or the error; "" if there is none."""
    try:
        found = call()
    except Exception as error:  # noqa: BLE001 - whatever a state provokes is a result
        return f"{type(error).__name__}: {error}"[:240]
    return ", ".join(name for name in expected if found.get(name) != expected[name])


def table(results: Results) -> str:
    """Return a table in Markdown: states by operations."""
    lines = ["| state | " + " | ".join(OPERATIONS) + " | left changed |", "|---" * (len(OPERATIONS) + 2) + "|"]
    for name, entry in results.items():
        cells = [entry["differs"].get(operation, "same") for operation in OPERATIONS]
        lines.append(f"| {name} | " + " | ".join([*cells, ", ".join(entry["left"]) or "nothing"]) + " |")
    good = sum(not entry["differs"] and not entry["left"] for entry in results.values())
    return "\n".join(
        [*lines, "", f"{good} of {len(results)} states × {len(OPERATIONS)} operations as in a plain process"]
    )
