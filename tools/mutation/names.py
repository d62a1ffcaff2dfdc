# SPDX-License-Identifier: MIT
"""What the sources say of their own functions: which of them reject, with which errors, and which are asked before."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from refcodec.errors import Code

CALLERS: Final = frozenset(
    {"AssertionError", "BlockingIOError", "MemoryError", "RuntimeError", "TypeError"}
)  # not of a file
VALUE_ERROR: Final = "ValueError"
JUDGES: Final = frozenset({"judge", "finish"})  # methods that reject, of whatever object
ALIASES: Final = frozenset({"self", "headers", "section_codec"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Names:
    """By the bare names of functions."""

    modules: frozenset[str] = ALIASES
    judging: set[str] = field(default_factory=set)  # they raise what a file is rejected with
    codes: dict[str, frozenset[int]] = field(
        default_factory=dict
    )  # errors that they give, with those of what they call
    asked: dict[str, bool] = field(default_factory=dict)  # predicates in tests of rejections: whether True leads to one


def called(node: ast.AST) -> str:
    """The bare name of what a call calls, "" for a call of anything else."""
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
    """The names in it that can be of functions here: alone, of a module, of the object itself, or always of a judge."""
    found = set[str]()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute) and (
            part.attr in JUDGES or (isinstance(part.value, ast.Name) and part.value.id in modules)
        ):
            found.add(part.attr)
    return found


def functions(trees: Iterable[ast.AST]) -> Iterator[Function]:
    for tree in trees:
        yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def returns(function: Function | None, name: str) -> bool:
    """Whether it is annotated to return just this."""
    return function is not None and isinstance(function.returns, ast.Name) and function.returns.id == name


def rejects(node: ast.AST, value_errors: bool) -> bool:
    """Whether a statement raises what is wrong with a file. A ValueError is of the caller, or in a registry of the file."""
    if not isinstance(node, ast.Raise):
        return False
    name = "" if node.exc is None else called(node.exc)
    return name not in CALLERS and (value_errors or name != VALUE_ERROR)


def own_codes(node: ast.AST) -> frozenset[int]:
    """The error codes that are written in it: the first argument of a call, the first of a pair."""
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
    """Those written in it, else those of the functions that it names."""
    said = own_codes(node)
    if said:
        return said
    return frozenset().union(*(names.codes.get(name, frozenset()) for name in mentioned(node, names.modules)))


def gather(trees: dict[str, ast.Module], value_errors: Iterable[str]) -> Names:
    """From all sources. `value_errors`: files in which ValueError rejects."""
    names = Names(ALIASES | {Path(file).stem for file in trees} | {Path(file).parent.name for file in trees})
    calls = dict[str, set[str]]()
    for file, tree in trees.items():
        for function in functions([tree]):
            inside = list(ast.walk(function))
            calls[function.name] = calls.get(function.name, set()) | mentioned(function, names.modules)
            names.codes[function.name] = names.codes.get(function.name, frozenset()) | own_codes(function)
            if any(rejects(node, file in value_errors) for node in inside):
                names.judging.add(function.name)
    for _ in range(4):  # as deep as calls lead
        for name, inner in calls.items():
            names.codes[name] = names.codes[name].union(*(names.codes.get(other, frozenset()) for other in inner))
            if inner & names.judging:
                names.judging.add(name)
    return names
