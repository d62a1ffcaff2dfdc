# SPDX-License-Identifier: MIT
"""Mutate the condition of a rejection: remove one of its parts, or move one of its bounds by one."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from tools.mutation.names import Function, Names, called

Put = Callable[[ast.AST], None]
Change = tuple[str, ast.expr, str, Callable[[], None]]  # kind, node, description, function that applies it
# operator -> the same with or without equality, and the equivalent shift of an upper bound
SWAPS: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], int]]] = {
    ast.Lt: (ast.LtE, -1), ast.LtE: (ast.Lt, 1), ast.Gt: (ast.GtE, 1), ast.GtE: (ast.Gt, -1),
}  # fmt: skip


def shifted(node: ast.expr, by: int) -> ast.expr:
    """Return the expression plus `by`."""
    new = ast.BinOp(node, ast.Add(), ast.Constant(by))
    return ast.fix_missing_locations(ast.copy_location(new, node))


def numeric(node: ast.expr) -> bool:
    """Return whether an expression looks like a bound: an integer, a name in capitals, or arithmetic on them."""
    match node:
        case ast.Constant():
            return type(node.value) is int
        case ast.Name():
            return node.id.isupper() or node.id == "limit"
        case ast.Attribute():
            return node.attr.isupper() or (isinstance(node.value, ast.Name) and node.value.id == "bounds")
        case ast.BinOp():
            return numeric(node.left) and numeric(node.right)
        case ast.UnaryOp():
            return numeric(node.operand)
    return False


class Condition:
    """A condition in a function. Names in it are resolved through the assignments of the function."""

    def __init__(self, function: Function | None, names: Names) -> None:
        inside = [] if function is None else list(ast.walk(function))
        self.names, self.seen = names, set[str]()
        self.assigned = {
            node.targets[0].id: node
            for node in inside
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }

    def changes(self, node: ast.expr, put: Put, bad: bool) -> Iterator[Change]:
        """Yield the changes of an expression whose value `bad` leads to a rejection."""
        match node:
            case ast.BoolOp():
                sufficient = isinstance(node.op, ast.Or) == bad  # each operand alone can cause the rejection
                for index, item in enumerate(node.values):
                    put_operand = partial(node.values.__setitem__, index)
                    if sufficient:
                        yield (
                            "part",
                            item,
                            ast.unparse(item),
                            partial(put_operand, ast.copy_location(ast.Constant(not bad), item)),
                        )
                    yield from self.changes(item, put_operand, bad)
            case ast.UnaryOp(op=ast.Not()):
                yield from self.changes(node.operand, partial(setattr, node, "operand"), not bad)
            case ast.Compare():
                yield from self.comparison(node, put, bad)
            case ast.Call(args=[ast.GeneratorExp() as items]) if called(node) in ("any", "all"):
                yield from self.changes(items.elt, partial(setattr, items, "elt"), bad)
            case ast.Call(args=[inner]) if called(node) == "bool":
                yield from self.changes(inner, partial(node.args.__setitem__, 0), bad)
            case ast.Call(func=ast.Attribute(attr="any" | "all") as method):
                yield from self.changes(method.value, partial(setattr, method, "value"), bad)
            case ast.Call():
                self.names.predicates.setdefault(called(node), bad)
            case ast.Name(id=name) if name in self.assigned and name not in self.seen:
                self.seen.add(name)
                assign = self.assigned[name]
                yield from self.changes(assign.value, partial(setattr, assign, "value"), bad)

    def comparison(self, node: ast.Compare, put: Put, bad: bool) -> Iterator[Change]:
        """Yield the changes of a comparison: one link of a chain removed, or a bound moved."""
        sides = [node.left, *node.comparators]
        if len(node.ops) > 1 and not bad:
            for removed in range(len(node.ops)):
                links = [ast.Compare(sides[i], [op], [sides[i + 1]]) for i, op in enumerate(node.ops) if i != removed]
                rest: ast.expr = links[0] if len(links) == 1 else ast.BoolOp(ast.And(), list(links))
                rest = ast.fix_missing_locations(ast.copy_location(rest, node))
                yield "part", node, f"{ast.unparse(node)} as {ast.unparse(rest)}", partial(put, rest)
        for i, op in enumerate(node.ops):
            if type(op) in SWAPS:
                yield from self.moves(node, i)

    def moves(self, node: ast.Compare, i: int) -> Iterator[Change]:
        """Yield the changes of one operator: with or without equality, and its bound moved by one."""
        other, by = SWAPS[type(node.ops[i])]
        text = ast.unparse(node)
        yield (
            "bound",
            node,
            f"{text} with {symbol(other)} for {symbol(type(node.ops[i]))}",
            partial(node.ops.__setitem__, i, other()),
        )
        if i == len(node.ops) - 1 and numeric(node.comparators[i]):
            bound, put_bound = node.comparators[i], partial(node.comparators.__setitem__, i)
        elif i == 0 and numeric(node.left):
            bound, put_bound, by = node.left, partial(setattr, node, "left"), -by
        else:
            return
        yield "bound", node, f"{text} with {ast.unparse(bound)} {by:+d}", partial(put_bound, shifted(bound, by))


def symbol(op: type[ast.cmpop]) -> str:
    """Return the source text of an operator."""
    return {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}[op]
