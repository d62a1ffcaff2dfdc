# SPDX-License-Identifier: MIT
"""Random changes to the binding of a registry row (SPEC §5)."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from diff_fuzz import packages
from diff_fuzz.package_damage import ODD_VALUES

ROW_VALUES = (
    "fixed", "coded", [1], [2], [1, 2], [2, 1], [7, 7], [3], [2, 5], ["static"], ["raw", "static"], ["static", "raw"], ["zstd"], ["raw", "raw"],
    "pad", "none", {"rule": "none"}, {"rule": "pad", "multiple": 16, "extend": "edge"}, {"code": "fixed"}, "srgb8", "0" * 64, "0" * 63, "A" * 64, 65537,
)  # fmt: skip


def change_member(rng: Random, binding: Any) -> None:
    """Change, remove, replace or insert a member of a binding, in place."""
    paths = packages.member_paths(binding)
    path = rng.choice(paths)
    holder, name = packages.member_at(binding, path[:-1]), path[-1]
    match rng.randrange(6):
        case 0 | 1 if type(holder[name]) is int:
            holder[name] += rng.choice((-1, 1, 1, 7))
        case 0 | 1 | 2:
            holder[name] = copy.deepcopy(rng.choice((*ODD_VALUES, *ROW_VALUES)))
        case 3:
            del holder[name]
        case 4:
            holder[name] = copy.deepcopy(packages.member_at(binding, rng.choice(paths)))
        case 5 if isinstance(holder, dict):
            value = copy.deepcopy(rng.choice(ODD_VALUES))
            holder[rng.choice(("x", "rule", "table", "prior", "usage", "codebooks", "1", "3", "é", "method"))] = value
