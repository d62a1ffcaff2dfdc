# SPDX-License-Identifier: MIT
"""The vectors put to refcodec with one change, in a forked child that reads the changed file in place of the one on disk.

The parent has the vectors and every library; the child imports refcodec anew, so nothing of the change stays.
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
CPU_SECONDS: Final = 15.0  # of one vector
MEMORY: Final = 2 << 30  # bytes beyond what the parent has
HIGHEST: Final = "L"


@dataclass(frozen=True)
class Outcome:
    """`by`: id of the first vector with another verdict, "" where there is none; `why`: what came of it."""

    by: str
    why: str = ""
    asked: int = 0  # vectors
    seconds: dict[str, float] = field(default_factory=dict)  # of each vector


class Changed(importlib.machinery.SourceFileLoader):
    """Loads a file as it has been changed."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self.code = code

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class Hook(importlib.abc.MetaPathFinder):
    """Finds one module, the changed one."""

    def __init__(self, file: str, tree: ast.Module) -> None:
        path = ROOT / file
        parts = path.relative_to(ROOT).with_suffix("").parts
        self.package = parts[-1] == "__init__"
        self.name = ".".join(parts[:-1] if self.package else parts)
        self.path, self.code = path, compile(ast.fix_missing_locations(tree), str(path), "exec")

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != self.name:
            return None
        loader = Changed(fullname, str(self.path), self.code)
        places = [str(self.path.parent)] if self.package else None
        return importlib.util.spec_from_file_location(
            fullname, self.path, loader=loader, submodule_search_locations=places
        )


class Refcodec:
    """refcodec by its adapter, with the registry that a vector has."""

    def __init__(self, registry: Path, data: Path) -> None:
        self.registry, self.data = registry, data
        self.adapter = adapter()
        self.decode: Any = None
        self.current: Path | None = None

    def answer(self, case: Case) -> Answer:
        rows = case.registry or self.registry
        if rows != self.current:
            self.decode, self.current = self.adapter.begin(rows, self.data), rows
        server = self.adapter.protocol_server
        question = server.Question(case.file, tier_of(case), case.models, case.asked)
        try:
            return Answer("accept", result=server.strings(self.decode(question)))
        except server.Rejected as fault:
            return Answer("reject", error=fault.code, status=fault.status)


def tier_of(case: Case) -> str:
    tier = case.tier_for(HIGHEST)
    assert tier is not None
    return tier


def adapter() -> ModuleType:
    spec = importlib.util.spec_from_file_location("refcodec_adapter", ADAPTER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def warm(cases: Sequence[Case], registry: Path, data: Path) -> None:
    """Load what a decode loads, so that children need not. Libraries stay; refcodec is what it was before."""
    kept = forget()
    try:
        decoder = Refcodec(registry, data)
        for name in sorted({kind for case in cases if case.accepted for kind in case.kinds}):
            decoder.answer(next(case for case in cases if case.accepted and name in case.kinds))
    finally:
        forget()
        sys.modules.update(kept)


def forget() -> dict[str, ModuleType]:
    """Take refcodec out of the modules that are imported; gives what was there."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "refcodec"}


def run(site: Site | None, cases: Sequence[Case], registry: Path, data: Path, *, to_end: bool = False) -> Outcome:
    """Ask until a verdict differs, or with `to_end` all. A vector that ends the child, or takes too long, differs."""
    inward, outward = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(inward)
        _child(site, cases, registry, data, outward, to_end)
    os.close(outward)
    with open(inward, encoding="utf-8") as said:
        lines = [json.loads(line) for line in said]
    status = os.waitpid(child, 0)[1]
    seconds = {line["case"]: line["seconds"] for line in lines if "seconds" in line}
    wrong = next((line for line in lines if "why" in line), None)
    if wrong is not None:
        return Outcome(wrong["case"], wrong["why"], len(seconds), seconds)
    if status != 0:
        last = lines[-1]["case"] if lines else "import"
        ended = (
            "takes too long"
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF
            else f"ends with {status}"
        )
        return Outcome(last, ended, len(seconds), seconds)
    return Outcome("", "", len(seconds), seconds)


def _child(
    site: Site | None, cases: Sequence[Case], registry: Path, data: Path, outward: int, to_end: bool
) -> NoReturn:
    """Never returns: whatever happens, it ends this process."""
    status = 1
    try:
        _limits()
        with open(outward, "w", encoding="utf-8", buffering=1) as out:
            _ask(site, cases, registry, data, out, to_end)
        status = 0
    finally:
        os._exit(status)


def _limits() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends it, whatever it is at
    statm = Path("/proc/self/statm")
    if statm.is_file():
        most = int(statm.read_text(encoding="ascii").split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _ask(site: Site | None, cases: Sequence[Case], registry: Path, data: Path, out: Any, to_end: bool) -> None:
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    case_id = "import"
    try:
        if site is not None:
            site.change()
            sys.meta_path.insert(0, Hook(site.file, site.tree))
        forget()
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
    except (Exception, SystemExit) as fault:  # noqa: BLE001 - a crash is a verdict, too
        print(json.dumps({"case": case_id, "why": f"crashes: {type(fault).__name__}: {fault}"[:200]}), file=out)
