# SPDX-License-Identifier: MIT
"""Collect facts about the functions of the sources: which reject input, with which errors, and which are predicates."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from refcodec.errors import Code

CALLER_ERRORS: Final = frozenset(
    {"AssertionError", "BlockingIOError", "MemoryError", "RuntimeError", "TypeError"}
)  # errors of the caller, not of a file
VALUE_ERROR: Final = "ValueError"
REJECTING_METHODS: Final = frozenset({"enforce", "finish"})  # methods that may reject, of any object
ALIASES: Final = frozenset({"self", "headers", "section_codec"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Names:
    """Facts about functions, by bare name."""

    modules: frozenset[str] = ALIASES
    rejecting: set[str] = field(default_factory=set)  # functions that may raise the error of a file
    codes: dict[str, frozenset[int]] = field(
        default_factory=dict
    )  # error codes of a function and of the functions it calls
    predicates: dict[str, bool] = field(default_factory=dict)  # predicate -> the result that leads to a rejection


def called(node: ast.AST) -> str:
    """Return the bare name of the called function, "" if the node is not a call of a name."""
    if not isinstance(node, ast.Call):
        return ""
    return (
        node.func.attr
        if isinstance(node.func, ast.Attribute)
        else node.func.id
        if isinstance(node.func, ast.Name)
        else ""
    )


def mentioned(node: ast.AST, modules: frozenset[str]) -> set[str]:
    """Return the names in a node that may refer to functions: bare, of a module or self, or a rejecting method."""
    found = set[str]()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute) and (
            part.attr in REJECTING_METHODS or (isinstance(part.value, ast.Name) and part.value.id in modules)
        ):
            found.add(part.attr)
    return found


def functions(trees: Iterable[ast.AST]) -> Iterator[Function]:
    """Yield all functions, nested ones included."""
    for tree in trees:
        yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def returns(function: Function | None, name: str) -> bool:
    """Return whether the return annotation of a function is exactly this name."""
    return function is not None and isinstance(function.returns, ast.Name) and function.returns.id == name


def rejects(node: ast.AST, value_errors: bool) -> bool:
    """Return whether a statement raises the error of a file.

    value_errors: whether ValueError counts; elsewhere it is an error of the caller.
    """
    if not isinstance(node, ast.Raise):
        return False
    name = "" if node.exc is None else called(node.exc)
    return name not in CALLER_ERRORS and (value_errors or name != VALUE_ERROR)


def own_codes(node: ast.AST) -> frozenset[int]:
    """Return the error codes in a node: `Code.…` as first argument of a call or first item of a tuple."""
    found = set[int]()
    for part in ast.walk(node):
        first = part.args[:1] if isinstance(part, ast.Call) else part.elts[:1] if isinstance(part, ast.Tuple) else []
        found |= {
            Code[item.attr].value
            for item in first
            if isinstance(item, ast.Attribute)
            and isinstance(item.value, ast.Name)
            and item.value.id == "Code"
            and Code[item.attr] >= 200
        }
    return frozenset(found)


def codes(node: ast.AST, names: Names) -> frozenset[int]:
    """Return the error codes in a node, or else those of the functions that it mentions."""
    own = own_codes(node)
    if own:
        return own
    return frozenset().union(*(names.codes.get(name, frozenset()) for name in mentioned(node, names.modules)))


def gather(trees: dict[str, ast.Module], value_errors: Iterable[str]) -> Names:
    """Collect the facts from all sources (file -> tree). value_errors: files in which ValueError rejects."""
    names = Names(ALIASES | {Path(file).stem for file in trees} | {Path(file).parent.name for file in trees})
    calls = dict[str, set[str]]()
    for file, tree in trees.items():
        for function in functions([tree]):
            inside = list(ast.walk(function))
            calls[function.name] = calls.get(function.name, set()) | mentioned(function, names.modules)
            names.codes[function.name] = names.codes.get(function.name, frozenset()) | own_codes(function)
            if any(rejects(node, file in value_errors) for node in inside):
                names.rejecting.add(function.name)
    for _ in range(4):  # propagate through four levels of calls
        for name, inner in calls.items():
            names.codes[name] = names.codes[name].union(*(names.codes.get(other, frozenset()) for other in inner))
            if inner & names.rejecting:
                names.rejecting.add(name)
    return names
