# SPDX-License-Identifier: MIT
"""Find the sites where sources reject a file, each with a change that removes the rejection.

raise       the statement is replaced by `pass`
return      a rule returns None instead of an error
call        a call whose only purpose is to reject is removed
rule        a declared field loses its rule
predicate   a predicate in the condition of a rejection returns the accepting value
part        one of several conditions of a rejection is removed
bound       a bound is one more or one less; listed separately, because it removes no rejection
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from tools.mutation.conditions import Condition, numeric, shifted
from tools.mutation.names import REJECTING_METHODS, Function, Names, called, codes, gather, mentioned, rejects, returns

Put = Callable[[ast.AST], None]
# function -> position of the argument that is its rule
DECLARED: Final = {"field": 2, "bits": 2, "group": 2, "member": 1}
# function -> positions of arguments that are bounds
BOUNDS: Final = {"is_integer": (1, 2), "require_integer": (1, 2), "require_list": (1, 2), "_above": (3,)}
CONSTANTS: Final = re.compile(r"[A-Z_]+_(MAX|MIN|LIMIT|END)|ACTIVATION|ACCUMULATOR|PRODUCT|TOTAL|SCALES")
WRITERS: Final = re.compile(r"(encode|encode_tokens|static)|Encoder\..*")  # writers: they reject values, not files
RULE: Final = re.compile(r"\bR-(\d{3})\b")


@dataclass(frozen=True)
class Site:
    """One change of one file. `change` modifies `tree`, which all sites of the file share: call it once per process."""

    file: str
    line: int
    function: str  # qualified name, or "module"
    kind: str
    text: str  # source text or description of the change
    codes: frozenset[int]
    rules: frozenset[str]
    tree: ast.Module = field(repr=False)
    change: Callable[[], None] = field(repr=False)
    nth: int = 1  # number among sites that would have the same id

    @property
    def id(self) -> str:
        """Identifies the site independently of line numbers."""
        again = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.file} {self.function} {self.kind}: {self.text}{again}"


def find(sources: dict[str, str], value_errors: Iterable[str] = (), predicates: Iterable[str] = ()) -> list[Site]:
    """Return all sites of these files (name -> text).

    value_errors: files in which ValueError rejects, too. predicates: files in which every function that returns bool is
    a predicate of a rejection.
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
    for finder in finders:  # a first pass over all files collects the predicates
        list(finder.sites())
    return numbered(site for finder in finders for site in finder.sites() if WRITERS.fullmatch(site.function) is None)


def numbered(sites: Iterable[Site]) -> list[Site]:
    """Number the sites that would have the same id."""
    seen, out = dict[str, int](), list[Site]()
    for site in sites:
        seen[site.id] = nth = seen.get(site.id, 0) + 1
        out.append(replace(site, nth=nth))
    return out


def brief(node: ast.AST) -> str:
    """Return the source of a node in one line of at most 140 characters."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 140 else text[:139] + "…"


@dataclass
class Finder:
    """Finds the sites of one file."""

    file: str
    lines: list[str]
    tree: ast.Module
    names: Names
    value_errors: bool
    only_predicates: bool  # every function of the file that returns bool is a predicate of a rejection

    def sites(self) -> Iterator[Site]:
        """Yield all sites of the file."""
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
        """Return the site of a change, with the error codes and rules mentioned at or near `node`."""
        function = next((item for item in reversed(stack) if isinstance(item, Function)), None)
        near = "\n".join(self.lines[node.lineno - 1 : node.end_lineno])
        if function is not None and not RULE.search(near):
            near = f"{self.lines[function.lineno - 1]}\n{ast.get_docstring(function) or ''}"
        qualified = ".".join(item.name for item in stack if isinstance(item, Function | ast.ClassDef)) or "module"
        rules = frozenset(f"SEM-R-{number}" for number in RULE.findall(near))
        own = codes(of or node, self.names) or (codes(function, self.names) if function is not None else frozenset())
        return Site(self.file, node.lineno, qualified, kind, text, own, rules, self.tree, change)

    def walk(self, node: ast.AST, put: Put, stack: list[ast.AST], function: Function | None) -> Iterator[Site]:
        """Yield the sites in a node; `put` replaces the node in its parent."""
        yield from self.at_node(node, put, stack, function)
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

    def at_node(self, node: ast.AST, put: Put, stack: list[ast.AST], function: Function | None) -> Iterator[Site]:
        """Yield the sites of a node itself, without its children."""
        match node:
            case ast.Raise() if rejects(node, self.value_errors):
                yield self.site(node, stack, "raise", brief(node), lambda: put(ast.copy_location(ast.Pass(), node)))
            case ast.Expr(value=ast.Call() as call) if self.may_reject(call):
                yield self.site(node, stack, "call", brief(node), lambda: put(ast.copy_location(ast.Pass(), node)))
                if called(call) == "_bounds":
                    yield from self.test(call, "args", 1, False, stack, function)
            case ast.If() if any(self.is_rejection(inner, function) for inner in node.body):
                yield from self.test(
                    node,
                    "test",
                    None,
                    True,
                    stack,
                    function,
                    next(i for i in node.body if self.is_rejection(i, function)),
                )
            case ast.Return() if node.value is not None and returns(function, "Violation"):
                yield from self.rule_results(node.value, partial(setattr, node, "value"), stack, function)
            case ast.Return() if node.value is not None and self.rejecting_value(function) is not None:
                yield from self.predicate_results(node, put, stack, function)
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

    def may_reject(self, call: ast.Call) -> bool:
        """Return whether a call whose result is unused may reject the file."""
        if isinstance(call.func, ast.Subscript):  # a function from a table of rules
            return True
        return called(call) in self.names.rejecting | REJECTING_METHODS and called(call) in mentioned(
            call.func, self.names.modules
        )

    def is_rejection(self, node: ast.AST, function: Function | None) -> bool:
        """Return whether a statement rejects the file."""
        if isinstance(node, ast.Return):
            none = node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
            bad = self.rejecting_value(function)
            negative = bad is not None and isinstance(node.value, ast.Constant) and node.value.value is bad
            return negative or (returns(function, "Violation") and not none)
        return rejects(node, self.value_errors)

    def rejecting_value(self, function: Function | None) -> bool | None:
        """Return the result of this predicate that leads to a rejection, None if it is not such a predicate."""
        if function is None or not returns(function, "bool"):
            return None
        return False if self.only_predicates else self.names.predicates.get(function.name)

    def rule_results(self, node: ast.expr, put: Put, stack: list[ast.AST], function: Function | None) -> Iterator[Site]:
        """Yield the sites in the return value of a rule."""
        match node:
            case ast.IfExp():
                for name, other in (("body", True), ("orelse", False)):
                    yield from self.rule_results(getattr(node, name), partial(setattr, node, name), stack, function)
                    if not is_none(getattr(node, name)):
                        yield from self.test(node, "test", None, other, stack, function, getattr(node, name))
            case ast.BoolOp():
                for index, item in enumerate(node.values):
                    yield from self.rule_results(item, partial(node.values.__setitem__, index), stack, function)
            case _ if not is_none(node):
                yield self.site(node, stack, "return", brief(node), lambda: put(constant(None, node)))

    def predicate_results(
        self, node: ast.Return, put: Put, stack: list[ast.AST], function: Function | None
    ) -> Iterator[Site]:
        """Yield the sites in the return value of a predicate."""
        bad = self.rejecting_value(function)
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
        """Yield the changes of a condition (`node.name`, or its item `index`) whose value `bad` leads to a rejection."""
        value = getattr(node, name)
        expr, put = (
            (value, partial(setattr, node, name))
            if index is None
            else (value[index], partial(value.__setitem__, index))
        )
        condition = Condition(function, self.names)
        for kind, part, text, change in condition.changes(expr, put, bad):
            yield self.site(part, stack, kind, text, change, of)

    def shifts(self, node: ast.expr, put: Put, text: str, stack: list[ast.AST]) -> Iterator[Site]:
        """Yield the site of a bound, moved by one in both directions."""
        for by in (1, -1):
            yield self.site(node, stack, "bound", f"{brief(node)} {by:+d} in {text}", partial(put, shifted(node, by)))

    def constants(self, node: Any, stack: list[ast.AST]) -> Iterator[Site]:
        """Yield the bounds among the constants of a module and in its tables."""
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
    """Return whether a node is the constant None."""
    return isinstance(node, ast.Constant) and node.value is None


def constant(value: bool | None, at: ast.AST) -> ast.Constant:
    """Return a constant at the location of another node."""
    return ast.copy_location(ast.Constant(value), at)
