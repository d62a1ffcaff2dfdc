# SPDX-License-Identifier: MIT
"""SPEC.md's Appendix D: a network with every number, computed by refcodec when the block is written."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from refcodec import entropy
from refcodec.networks.layers import Add, Conv, Net, Relu, Requant, check_net, check_requant
from refcodec.networks.numpy_backend import NumpyBackend

Z: Final = ((3, -12), (0, 5))  # one channel of z, 2 x 2 sites
TABLE: Final = (-2, (10_000, 20_000, 20_000, 10_000, 5536))  # offset; five frequencies, the escape last
INPUT: Final = Requant(np.array([[600]], np.int16), np.array([[2]], np.uint8), np.array([[2]], np.int64), -32768, 32767)


def _requant(m: int, s: int, lo: int, hi: int) -> Requant:
    return Requant(np.array([[m]], np.int16), np.array([[s]], np.uint8), np.array([[1 << s - 1]], np.int64), lo, hi)


WEIGHTS: Final = np.array([[[[1, -2, 3], [4, -5, 6], [-7, 8, 9]]], [[[0, 0, 0], [0, -40, 0], [0, 0, 0]]]], np.int16)
NET: Final[Net] = (
    Conv(WEIGHTS, np.array([100, -7], np.int64)),
    _requant(3, 4, -2000, 1500),
    Add(1),
    Relu(),
    Conv(np.array([[[[1]], [[-1]]]], np.int16), np.array([0], np.int64), transposed=False),
)


def network() -> str:
    """Return the worked network as Markdown."""
    backend, outputs = NumpyBackend(), list[Any]()
    z = np.array([Z], np.int64)
    x = backend.to_int(backend.run((INPUT,), backend.array(z), 0))
    backend.run(NET, backend.array(x), 0, lambda _, value: outputs.append(backend.to_int(value)))
    first = check_requant(INPUT, 2**15, "z_input")
    bounds = [check_net(NET[: i + 1], first, "net") for i in range(len(NET))]
    rows = [("z", "decoded", "32768", z), ("x_z", "requant, m = 600, s = 2", str(first), x)]
    rows += [(f"layer {i}", text, str(bounds[i]), outputs[i]) for i, text in enumerate(_texts())]
    lines = ["| array | how | X | values, row by row, channel by channel |", "|---|---|---|---|"]
    lines += [f"| {name} | {how} | {most} | {_values(array)} |" for name, how, most, array in rows]
    return "\n".join([*_weights(), "", *lines, "", *_escape()])


def _weights() -> list[str]:
    """Return the kernels and biases of layer 0."""
    conv = NET[0]
    assert isinstance(conv, Conv)
    lines = ["| layer 0, output channel | w[o, 0], row by row | b[o] |", "|---|---|---|"]
    return lines + [f"| {o} | {_values(conv.w[o])} | {conv.b[o]} |" for o in range(conv.outputs)]


def _texts() -> tuple[str, ...]:
    return (
        "conv 3 × 3, stride 1, weights above",
        "requant, m = 3, s = 4, lo = -2000, hi = 1500",
        "add from 1",
        "relu",
        "conv 1 × 1, w = (1, -1), b = 0",
    )


def _values(array: Any) -> str:
    channels = np.asarray(array).astype(np.int64).tolist()
    return "; ".join(" / ".join(", ".join(map(str, row)) for row in channel) for channel in channels)


def _escape() -> list[str]:
    """Return the lines on the symbols of z, each as (c, f, T) with the state after it."""
    offset, frequencies = TABLE
    bank = entropy.TableBank([(offset, list(frequencies))])
    coder = entropy.Encoder()
    coder.array(bank, np.zeros((1, 2, 2), np.int32), np.array([Z], np.int32))
    body = coder.finish()
    lines = ["| value | symbols, each (c, f, T) |", "|---|---|"]
    lines += [f"| {value} | {' '.join(_symbols(value, offset, frequencies))} |" for row in Z for value in row]
    hexadecimal = " ".join(f"{byte:02X}" for byte in body)
    return [*lines, "", f"Alone in a body, the four values give `{hexadecimal}`."]


def _symbols(value: int, offset: int, frequencies: tuple[int, ...]) -> list[str]:
    """Return the symbols of one value by the table, with those of its escape (§10)."""
    n, total = len(frequencies) - 1, sum(frequencies)
    index = value - offset
    if 0 <= index < n:
        return [f"({sum(frequencies[:index])}, {frequencies[index]}, {total})"]
    excess = index - n if index >= n else -1 - index
    q = (excess + 1).bit_length() - 1
    bits = [int(index < 0), *[1] * q, *([0] if q < 16 else []), *(excess + 1 >> at & 1 for at in range(q - 1, -1, -1))]
    return [f"({total - frequencies[-1]}, {frequencies[-1]}, {total})", *(f"({bit}, 1, 2)" for bit in bits)]
