# SPDX-License-Identifier: MIT
"""The places where sources reject a file, each with the change that takes the rejection away.

raise       the statement does nothing
fault       what a rule returns is None
judge       a call made only to reject is left out
rule        a declared field has no rule
predicate   a question asked by a rejection is answered so that there is none
part        one of several reasons for a rejection is none
bound       what is compared is one more or one less: of interest beside the others, not a rejection
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from tools.mutation.conditions import Condition, numeric, shifted
from tools.mutation.names import JUDGES, Function, Names, called, codes, gather, mentioned, rejects, returns

Put = Callable[[ast.AST], None]
DECLARED: Final = {"field": 2, "bits": 2, "group": 2, "member": 1}  # -> the argument that is their rule
BOUNDS: Final = {"_whole": (1, 2), "_integer": (1, 2), "_items": (1, 2), "_above": (3,)}  # arguments that are bounds
CONSTANTS: Final = re.compile(r"[A-Z_]+_(MAX|MIN|LIMIT|END)|ACTIVATION|ACCUMULATOR|PRODUCT|TOTAL|SCALES")
WRITERS: Final = re.compile(r"(encode|encode_tokens|static)|Encoder\..*")  # what they reject is no file
RULE: Final = re.compile(r"\bR-(\d{3})\b")


@dataclass(frozen=True)
class Site:
    """One change of one file. `change` alters `tree`, which all sites of the file share: once in a process."""

    file: str
    line: int
    where: str  # function
    kind: str
    text: str  # what is there, or what becomes of it
    codes: frozenset[int]
    rules: frozenset[str]
    tree: ast.Module = field(repr=False)
    change: Callable[[], None] = field(repr=False)
    nth: int = 1  # of those that would have the same id

    @property
    def id(self) -> str:
        """Holds while lines move."""
        again = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.file} {self.where} {self.kind}: {self.text}{again}"


def find(sources: dict[str, str], value_errors: Iterable[str] = (), predicates: Iterable[str] = ()) -> list[Site]:
    """All sites of these files (name -> text).

    value_errors: files in which ValueError rejects, too. predicates: files of which all functions that return bool are
    answers on which a rejection depends.
    """
    trees = {file: ast.parse(text) for file, text in sources.items()}
    names = gather(trees, frozenset(value_errors))
    finders = [
        Finder(
            file,
            sources[file].splitlines(),
            tree,
            names,
            file in frozenset(value_errors),
            file in frozenset(predicates),
        )
        for file, tree in trees.items()
    ]
    for finder in finders:  # which predicates are asked is known after a first look at all
        list(finder.sites())
    return numbered(site for finder in finders for site in finder.sites() if WRITERS.fullmatch(site.where) is None)


def numbered(sites: Iterable[Site]) -> list[Site]:
    seen, out = dict[str, int](), list[Site]()
    for site in sites:
        seen[site.id] = nth = seen.get(site.id, 0) + 1
        out.append(replace(site, nth=nth))
    return out


def brief(node: ast.AST) -> str:
    """Its source in one line."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 140 else text[:139] + "…"


@dataclass
class Finder:
    file: str
    lines: list[str]
    tree: ast.Module
    names: Names
    value_errors: bool
    predicates: bool

    def sites(self) -> Iterator[Site]:
        yield from self.walk(self.tree, lambda _: None, [], None)

    def site(
        self,
        node: Any,
        stack: list[ast.AST],
        kind: str,
        text: str,
        change: Callable[[], None],
        of: ast.AST | None = None,
    ) -> Site:
        function = next((item for item in reversed(stack) if isinstance(item, Function)), None)
        near = "\n".join(self.lines[node.lineno - 1 : node.end_lineno])
        if function is not None and not RULE.search(near):
            near = f"{self.lines[function.lineno - 1]}\n{ast.get_docstring(function) or ''}"
        where = ".".join(item.name for item in stack if isinstance(item, Function | ast.ClassDef)) or "module"
        rules = frozenset(f"SEM-R-{number}" for number in RULE.findall(near))
        found = codes(of or node, self.names) or (codes(function, self.names) if function is not None else frozenset())
        return Site(self.file, node.lineno, where, kind, text, found, rules, self.tree, change)

    def walk(self, node: ast.AST, put: Put, stack: list[ast.AST], function: Function | None) -> Iterator[Site]:
        """The sites in a node, which `put` replaces where it stands."""
        yield from self.here(node, put, stack, function)
        if isinstance(node, Function | ast.ClassDef):
            stack = [*stack, node]
            function = node if isinstance(node, Function) else function
        for name, child in ast.iter_fields(node):
            if isinstance(child, ast.AST):
                yield from self.walk(child, partial(setattr, node, name), stack, function)
            elif isinstance(child, list):
                for index, item in enumerate(child):
                    if isinstance(item, ast.AST):
                        yield from self.walk(item, partial(child.__setitem__, index), stack, function)

    def here(self, node: ast.AST, put: Put, stack: list[ast.AST], function: Function | None) -> Iterator[Site]:
        match node:
            case ast.Raise() if rejects(node, self.value_errors):
                yield self.site(node, stack, "raise", brief(node), lambda: put(ast.copy_location(ast.Pass(), node)))
            case ast.Expr(value=ast.Call() as call) if self.judges(call):
                yield self.site(node, stack, "judge", brief(node), lambda: put(ast.copy_location(ast.Pass(), node)))
                if called(call) == "_bounds":
                    yield from self.test(call, "args", 1, False, stack, function)
            case ast.If() if any(self.refuses(inner, function) for inner in node.body):
                yield from self.test(
                    node, "test", None, True, stack, function, next(i for i in node.body if self.refuses(i, function))
                )
            case ast.Return() if node.value is not None and returns(function, "Fault"):
                yield from self.faults(node.value, partial(setattr, node, "value"), stack, function)
            case ast.Return() if node.value is not None and self.asked(function) is not None:
                yield from self.answer(node, put, stack, function)
            case ast.Call() if called(node) in DECLARED and len(node.args) > DECLARED[called(node)]:
                rule = DECLARED[called(node)]
                yield self.site(
                    node,
                    stack,
                    "rule",
                    brief(node),
                    partial(node.args.__setitem__, rule, constant(None, node.args[rule])),
                    node.args[rule],
                )
            case ast.Call() if called(node) in BOUNDS:
                for index in BOUNDS[called(node)]:
                    if index < len(node.args) and numeric(node.args[index]):
                        yield from self.shifts(
                            node.args[index], partial(node.args.__setitem__, index), brief(node), stack
                        )
            case ast.Assign() | ast.AnnAssign() if function is None and node.value is not None:
                yield from self.constants(node, stack)

    def judges(self, call: ast.Call) -> bool:
        """Whether a call whose value nobody takes is one that may reject."""
        if isinstance(call.func, ast.Subscript):  # of a table of rules
            return True
        return called(call) in self.names.judging | JUDGES and called(call) in mentioned(call.func, self.names.modules)

    def refuses(self, node: ast.AST, function: Function | None) -> bool:
        """Whether a statement ends in a rejection."""
        if isinstance(node, ast.Return):
            none = node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
            asked = self.asked(function)
            answer = asked is not None and isinstance(node.value, ast.Constant) and node.value.value is asked
            return answer or (returns(function, "Fault") and not none)
        return rejects(node, self.value_errors)

    def asked(self, function: Function | None) -> bool | None:
        """The answer of this predicate that leads to a rejection; None for what is no predicate of one."""
        if function is None or not returns(function, "bool"):
            return None
        return False if self.predicates else self.names.asked.get(function.name)

    def faults(self, node: ast.expr, put: Put, stack: list[ast.AST], function: Function | None) -> Iterator[Site]:
        """What a rule can return."""
        match node:
            case ast.IfExp():
                for name, other in (("body", True), ("orelse", False)):
                    yield from self.faults(getattr(node, name), partial(setattr, node, name), stack, function)
                    if not is_none(getattr(node, name)):
                        yield from self.test(node, "test", None, other, stack, function, getattr(node, name))
            case ast.BoolOp():
                for index, item in enumerate(node.values):
                    yield from self.faults(item, partial(node.values.__setitem__, index), stack, function)
            case _ if not is_none(node):
                yield self.site(node, stack, "fault", brief(node), lambda: put(constant(None, node)))

    def answer(self, node: ast.Return, put: Put, stack: list[ast.AST], function: Function | None) -> Iterator[Site]:
        """What a predicate answers."""
        bad = self.asked(function)
        assert bad is not None
        assert node.value is not None
        if isinstance(node.value, ast.Constant):
            if node.value.value is bad:
                yield self.site(node, stack, "predicate", brief(node), lambda: put(ast.copy_location(ast.Pass(), node)))
            return
        yield self.site(node, stack, "predicate", brief(node), partial(setattr, node, "value", constant(not bad, node)))
        yield from self.test(node, "value", None, bad, stack, function)

    def test(
        self,
        node: Any,
        name: str,
        index: int | None,
        bad: bool,
        stack: list[ast.AST],
        function: Function | None,
        of: ast.AST | None = None,
    ) -> Iterator[Site]:
        """The parts of a test, of which the value `bad` leads to a rejection, and its bounds."""
        held = getattr(node, name)
        expr, put = (
            (held, partial(setattr, node, name)) if index is None else (held[index], partial(held.__setitem__, index))
        )
        looked = Condition(function, self.names)
        for kind, place, text, change in looked.changes(expr, put, bad):
            yield self.site(place, stack, kind, text, change, of)

    def shifts(self, node: ast.expr, put: Put, text: str, stack: list[ast.AST]) -> Iterator[Site]:
        for by in (1, -1):
            yield self.site(node, stack, "bound", f"{brief(node)} {by:+d} in {text}", partial(put, shifted(node, by)))

    def constants(self, node: Any, stack: list[ast.AST]) -> Iterator[Site]:
        """Bounds of a module, and of its tables."""
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        pairs: list[tuple[ast.expr, ast.expr, Put]] = [(targets[0], node.value, partial(setattr, node, "value"))]
        if isinstance(targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = [
                (t, v, partial(node.value.elts.__setitem__, i))
                for i, (t, v) in enumerate(zip(targets[0].elts, node.value.elts, strict=True))
            ]
        for target, value, put in pairs:
            if isinstance(target, ast.Name) and CONSTANTS.fullmatch(target.id) and numeric(value):
                yield from self.shifts(value, put, target.id, stack)
        for table in (part for part in ast.walk(node.value) if isinstance(part, ast.Dict)):
            for index, (key, value) in enumerate(zip(table.keys, table.values, strict=True)):
                if key is not None and isinstance(value, ast.Constant) and type(value.value) is int:
                    yield from self.shifts(value, partial(table.values.__setitem__, index), brief(key), stack)


def is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def constant(value: bool | None, at: ast.AST) -> ast.Constant:
    return ast.copy_location(ast.Constant(value), at)
