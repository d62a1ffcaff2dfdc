# SPDX-License-Identifier: MIT
"""Build `edge-sums`, whose sums and products reach what a narrower reading of SPEC §11 does not.

Its hyper net adds an array of -16384 … 16384 to itself, so that a deconvolution reads 32768, which no 16-bit integer
holds. The largest multiplier of z_input stands beside the addend 0, the largest addend beside the multiplier 1. Its spatial
net is a deconvolution of stride 1.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tools.vectors.models.layers import REQUANT, Symbols, conv, requant, requant_layer
from tools.vectors.models.package_files import Tensors

NAME: Final = "edge-sums"
HALF: Final = 2**14


def sums() -> tuple[Symbols, Tensors]:
    """Return `symbols` without its member `tensors`, and the tensors."""
    tensors: Tensors = {
        "z.m": np.array([[32_767], [1]], "<i2"),
        "z.s": np.array([[1], [52]], "|u1"),
        "z.a": np.array([[0], [2**53 - 1 - 2**15]], "<i8"),
        "m": np.array([[21_000]], "<i2"),
        "m2": np.array([[2]], "<i2"),
        "deep.w": np.array([[[[3, -5, 7], [11, -13, 17], [-19, 23, 29]]]], "<i2") * 9,
        "deep.b": np.array([-70_000], "<i8"),
        "spatial.w": np.array([[[[40, -50, 60], [-70, 80, 90], [100, -110, 120]]]], "<i2"),
        "head.w": np.array([[[[250]], [[-170]]], [[[90]], [[130]]]], "<i2"),
        "head.b": np.array([30_000, 900_000], "<i8"),
        "z.offset": np.array([[-2], [-1]], "<i2"),
        "z.size": np.array([[5], [3]], "<i4"),
        "z.freq": np.array([13_000, 13_000, 13_000, 13_000, 13_000, 536, 20_000, 20_000, 20_000, 5536], "<u2"),
    }
    tensors |= {f"s{s}": np.array([[s]], "|u1") for s in (1, 8, 22, 28, 30)}
    symbols: Symbols = {
        "kind": 7,
        "rates": 2,
        "hyper": 1,
        "groups": [1],
        "parity": 0,
        "order": "means-scales",
        "context": "all",
        "z_input": {"m": "z.m", "s": "z.s", "a": "z.a", "lo": -HALF, "hi": HALF},
        "y_input": requant("s8"),
        "hyper_net": [
            requant_layer("s1", -HALF, HALF) | {"m": "m2"},
            {"op": "add", "from": 0},
            conv("deep.w", "deep.b", "deconv", 4),
            REQUANT,
        ],
        "channel_nets": [None],
        "spatial_nets": [[conv("spatial.w", "deep.b", "deconv"), REQUANT]],
        "anchor_heads": None,
        "heads": [[conv("head.w", "head.b")]],
        "means": [requant("s28")],
        "scales": [requant("s30", 0, 63)],
    }
    return symbols, tensors
