# SPDX-License-Identifier: MIT
"""Changes that give a model package a defect: each edits `symbols` and the tensors in place."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tools.vectors.models import package_files
from tools.vectors.models.layers import Symbols
from tools.vectors.models.package_files import Tensors

Change = Callable[[Symbols, Tensors], Any]


def unchanged(_: Symbols, __: Tensors) -> None:
    """Change nothing."""


def change_all(*changes: Change) -> Change:
    """Apply several changes that are one defect."""

    def change(symbols: Symbols, tensors: Tensors) -> None:
        for one in changes:
            one(symbols, tensors)

    return change


# --- members of `symbols` --------------------------------------------------------------------------------------------


def set_member(*path: str | int, to: Any) -> Change:
    """Set a member of `symbols`, which may be nested."""

    def change(symbols: Symbols, _: Tensors) -> None:
        inner: Any = symbols
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = to

    return change


def spatial_net(*layers: Any) -> Change:
    """Replace the spatial net of the first group."""
    return set_member("spatial_nets", 0, to=list(layers))


def drop_member(member: str) -> Change:
    return lambda symbols, _: symbols.pop(member)


def edit_declaration(name: str, **members: Any) -> Change:
    """Set members of the declaration of a tensor."""
    return lambda symbols, _: symbols["tensors"][name].update(members)


def set_declaration(name: str, value: Any) -> Change:
    """Replace the declaration of a tensor."""
    return lambda symbols, _: symbols["tensors"].update({name: value})


# --- tensors ---------------------------------------------------------------------------------------------------------


def set_tensor(name: str, values: Any, *, add: bool = False, dtype: str | None = None) -> Change:
    """Set a tensor, or with `add` add to it; the dtype stays unless one is given."""

    def change(_: Symbols, tensors: Tensors) -> None:
        old = tensors.get(name)
        kind = np.dtype(dtype) if dtype or old is None else old.dtype
        tensors[name] = old + np.array(values, kind) if add and old is not None else np.array(values, kind)

    return change


def set_ones(name: str, shape: Sequence[int], dtype: str | None = None) -> Change:
    """Set a tensor to ones of another shape."""
    return set_tensor(name, np.ones(shape), dtype=dtype)


def drop_tensor(name: str) -> Change:
    return lambda _, tensors: tensors.pop(name)


def rename_tensor(old: str, new: str) -> Change:
    return lambda _, tensors: tensors.update({new: tensors.pop(old)})


def cast_tensor(name: str, dtype: str) -> Change:
    """Convert the values of a tensor to another dtype."""
    return lambda _, tensors: tensors.update({name: tensors[name].astype(dtype)})


def reshape_tensor(name: str, *shape: int) -> Change:
    return lambda _, tensors: tensors.update({name: tensors[name].reshape(shape)})


def transpose(name: str) -> Change:
    """Exchange the axes of a tensor of two, with its values in their order."""
    return lambda _, tensors: tensors.update({name: tensors[name].reshape(tensors[name].shape[::-1])})


def flip_tensor_bit(name: str) -> Change:
    """Flip the lowest bit of the first byte of a tensor."""

    def change(_: Symbols, tensors: Tensors) -> None:
        raw = tensors[name].copy().view("|u1")
        raw.reshape(-1)[0] ^= 1
        tensors[name] = raw.view(tensors[name].dtype).reshape(tensors[name].shape)

    return change


def set_last_z_table(offset: int, size: int) -> Change:
    """Replace the last z table by `size` equally likely symbols from `offset` on."""

    def change(_: Symbols, tensors: Tensors) -> None:
        freq = tensors["z.freq"][: -int(tensors["z.size"][-1, -1]) - 1]
        uniform = [65_536 // (size + 1)] * (size + 1)
        tensors["z.freq"] = np.append(freq, np.array(uniform, "<u2"))
        tensors["z.offset"][-1, -1], tensors["z.size"][-1, -1] = offset, size

    return change


# --- symbols.safetensors ---------------------------------------------------------------------------------------------


def edit_header(change: Callable[[dict[str, Any], bytes], bytes]) -> Callable[[bytes], bytes]:
    """Edit the header of symbols.safetensors; `change` edits the parsed header in place and returns the data."""

    def blob(file: bytes) -> bytes:
        begin = 8 + int.from_bytes(file[:8], "little")
        header = json.loads(file[8:begin])
        return package_files.with_header(header, change(header, file[begin:]))

    return blob
