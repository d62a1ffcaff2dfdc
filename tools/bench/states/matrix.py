# SPDX-License-Identifier: MIT
"""Run all operations in all states, and compare with the plain state of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from tools.bench.states.callers import CALLERS, PROCESSES
from tools.bench.states.operations import OPERATIONS, forget_models, plain
from tools.bench.states.snapshot import changes, snapshot
from tools.bench.states.states import PROCESS, State

Results = dict[str, dict[str, Any]]


def states() -> dict[str, State]:
    """Return every state by its name, those of torch after those of Python."""
    from tools.bench.states.torch_states import TORCH

    return {**PROCESS, **TORCH}


def run(names: Sequence[str] = ()) -> Results:
    """Return, by state, the results that differ from those of the plain state, and what the operations left changed."""
    expected = plain()
    calls: dict[str, Callable[[], dict[str, Any]]] = {
        name: partial(in_state, state, expected) for name, state in states().items()
    }
    calls |= {name: partial(call, partial(in_state, ExitStack, expected)) for name, call in CALLERS.items()}
    calls["eight threads"] = partial(concurrently, expected)
    calls |= {name: partial(in_process, process, expected) for name, process in PROCESSES.items()}
    return {name: call() for name, call in calls.items() if not names or name in names}


def in_process(process: Callable[[], Results], expected: Results) -> dict[str, Any]:
    """Return the entry of a state that is another process, of which only results are known."""
    try:
        found = process()
    except Exception as error:  # noqa: BLE001 - whatever a state provokes is a result
        return {"differs": dict.fromkeys(OPERATIONS, f"{type(error).__name__}: {error}"[:240]), "left": []}
    differing = {name: difference(partial(found.__getitem__, name), expected[name]) for name in expected}
    return {"differs": {name: what for name, what in differing.items() if what}, "left": []}


def concurrently(expected: Results, threads: int = 8) -> dict[str, Any]:
    """Return the entry of several threads at once, under flags of the process that calls have to change."""
    from tools.bench.states.torch_states import mixed_flags

    differs: dict[str, str] = {}

    def work(turn: int) -> None:
        names = list(OPERATIONS)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if what := difference(OPERATIONS[name], expected[name]):
                differs[name] = what

    forget_models()
    with mixed_flags():
        before = snapshot()
        workers = [threading.Thread(target=work, args=(turn,)) for turn in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return {"differs": differs, "left": changes(before, snapshot())}


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
    """Return the names of the files whose result is not the expected one, or the error; "" if all are."""
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
