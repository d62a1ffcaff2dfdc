# SPDX-License-Identifier: MIT
"""Run the vectors against a mutant of refcodec, in a forked child that imports the changed source.

The parent loads the vectors and all libraries. The child imports refcodec again, so no change persists in the parent.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final, NoReturn

from semrunner.answer import Answer
from semrunner.compare import mismatches
from semrunner.suite import Case
from tools.mutation.sites import Site

ROOT: Final = Path(__file__).resolve().parents[2]
ADAPTER: Final = ROOT / "conformance" / "adapters" / "refcodec.py"
CPU_SECONDS: Final = 15.0  # limit per vector
MEMORY: Final = 2 << 30  # bytes above the use of the parent
HIGHEST: Final = "L"


@dataclass(frozen=True)
class Outcome:
    """Result of running vectors: the first one with a wrong verdict kills the mutant."""

    killed_by: str  # id of that vector, "" if all pass
    reason: str = ""
    tried: int = 0  # number of vectors
    seconds: dict[str, float] = field(default_factory=dict)  # CPU time of each vector


class MutantLoader(importlib.machinery.SourceFileLoader):
    """Loads a module from changed code."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self.code = code

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class MutantFinder(importlib.abc.MetaPathFinder):
    """Import hook that finds only the changed module."""

    def __init__(self, file: str, tree: ast.Module) -> None:
        path = ROOT / file
        parts = path.relative_to(ROOT).with_suffix("").parts
        self.package = parts[-1] == "__init__"
        self.name = ".".join(parts[:-1] if self.package else parts)
        self.path, self.code = path, compile(ast.fix_missing_locations(tree), str(path), "exec")

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != self.name:
            return None
        loader = MutantLoader(fullname, str(self.path), self.code)
        locations = [str(self.path.parent)] if self.package else None
        return importlib.util.spec_from_file_location(
            fullname, self.path, loader=loader, submodule_search_locations=locations
        )


class Refcodec:
    """Calls refcodec through its adapter, with the registry of each vector."""

    def __init__(self, registry: Path, data: Path) -> None:
        self.registry, self.data = registry, data
        self.adapter = adapter()
        self.decode: Any = None
        self.current: Path | None = None

    def answer(self, case: Case) -> Answer:
        """Decode the file of a vector; return the verdict."""
        rows = case.registry or self.registry
        if rows != self.current:
            self.decode, self.current = self.adapter.begin(rows, self.data), rows
        server = self.adapter.protocol_server
        question = server.Question(case.file, tier_of(case), case.models, case.asked)
        try:
            return Answer("accept", result=server.strings(self.decode(question)))
        except server.Rejected as rejection:
            return Answer("reject", error=rejection.code, status=rejection.status)


def tier_of(case: Case) -> str:
    """Return the highest tier to test of a vector."""
    tier = case.tier_for(HIGHEST)
    assert tier is not None
    return tier


def adapter() -> ModuleType:
    """Import the adapter of refcodec anew."""
    spec = importlib.util.spec_from_file_location("refcodec_adapter", ADAPTER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def warm(cases: Sequence[Case], registry: Path, data: Path) -> None:
    """Import the libraries that decoding needs, so that children inherit them; the imported refcodec stays the same."""
    modules = unload()
    try:
        decoder = Refcodec(registry, data)
        for name in sorted({kind for case in cases if case.accepted for kind in case.kinds}):
            decoder.answer(next(case for case in cases if case.accepted and name in case.kinds))
    finally:
        unload()
        sys.modules.update(modules)


def unload() -> dict[str, ModuleType]:
    """Remove refcodec from the imported modules; return the removed modules."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "refcodec"}


def run(site: Site | None, cases: Sequence[Case], registry: Path, data: Path, *, to_end: bool = False) -> Outcome:
    """Run the vectors until a verdict is wrong, or all with `to_end`.

    A vector that terminates the child or exceeds its time counts as wrong. With site None refcodec is unchanged.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _child(site, cases, registry, data, write_end, to_end)
    os.close(write_end)
    with open(read_end, encoding="utf-8") as pipe:
        lines = [json.loads(line) for line in pipe]
    status = os.waitpid(child, 0)[1]
    seconds = {line["case"]: line["seconds"] for line in lines if "seconds" in line}
    wrong = next((line for line in lines if "why" in line), None)
    if wrong is not None:
        return Outcome(wrong["case"], wrong["why"], len(seconds), seconds)
    if status != 0:
        last = lines[-1]["case"] if lines else "import"
        reason = (
            "takes too long"
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF
            else f"ends with {status}"
        )
        return Outcome(last, reason, len(seconds), seconds)
    return Outcome("", "", len(seconds), seconds)


def _child(
    site: Site | None, cases: Sequence[Case], registry: Path, data: Path, write_end: int, to_end: bool
) -> NoReturn:
    """Run the child and always exit the process."""
    status = 1
    try:
        _set_limits()
        with open(write_end, "w", encoding="utf-8", buffering=1) as out:
            _run_vectors(site, cases, registry, data, out, to_end)
        status = 0
    finally:
        os._exit(status)


def _set_limits() -> None:
    """Silence the child and limit its CPU time and memory."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # terminate the process when the timer expires
    statm = Path("/proc/self/statm")
    if statm.is_file():
        limit = int(statm.read_text(encoding="ascii").split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _run_vectors(site: Site | None, cases: Sequence[Case], registry: Path, data: Path, out: Any, to_end: bool) -> None:
    """Apply the change, run the vectors, and write one JSON line before and after each."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    case_id = "import"
    try:
        if site is not None:
            site.change()
            sys.meta_path.insert(0, MutantFinder(site.file, site.tree))
        unload()
        decoder = Refcodec(registry, data)
        for case in cases:
            case_id = case.id
            print(json.dumps({"case": case_id}), file=out)
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
            begin = time.process_time()
            answer = decoder.answer(case)
            wrong = mismatches(case, answer, tier_of(case))
            line = {"case": case_id, "seconds": round(time.process_time() - begin, 4)}
            print(json.dumps(line | ({"why": wrong[0]} if wrong else {})), file=out)
            if wrong and not to_end:
                return
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a crash counts as a wrong verdict
        print(json.dumps({"case": case_id, "why": f"crashes: {type(error).__name__}: {error}"[:200]}), file=out)
