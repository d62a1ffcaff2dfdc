# SPDX-License-Identifier: MIT
"""drafts/tokens.md, kind 49: a sequence of tokens with a count."""

from __future__ import annotations

from typing import Any

from semdrafts.base import Draft, Parameters, ascending


def valid(micro: Any, parameters: Parameters) -> bool:
    """DRAFT-R-100."""
    return (
        set(parameters) == {"v", "counts", "usage"}
        and micro.is_whole(parameters["v"], 1, 65536)
        and isinstance(parameters["usage"], bool)
        and ascending(parameters["counts"], 0, 65535, 4096)
    )


def decode(micro: Any, part: Any, head: Any, package: Any, run: Any) -> Any:
    parameters = micro.parameters_of(head, 49)
    usage = None if package is None else load_usage(micro, package, parameters["v"])

    def tokens(coder: Any) -> list[int]:
        counts = parameters["counts"]
        n = counts[coder.decode(micro.uniform(len(counts)))]  # DRAFT-R-101
        table = micro.uniform(parameters["v"]) if usage is None else micro.cumulative_of(usage)  # DRAFT-R-102
        return [coder.decode(table) for _ in range(n)]

    codes = micro.stream(part, tokens)
    return micro.of_codes(codes, 2, [len(codes)], codes)


def load_usage(micro: Any, package: Any, v: int) -> Any:
    """The table of the model; SPEC §12, DRAFT-R-103."""
    symbols, found = micro.open_package(package, {"kind", "v", "tensors"})
    if set(found) != {"usage"} or not micro.is_integer(symbols["v"], 1, 65536):
        micro.bad_model("`symbols` has not the one tensor or not the integer of kind 49")
    if symbols["v"] != v:
        micro.fail(803, f"SEM-R-112: v is {symbols['v']}, that of the profile {v}")
    dtype, tensor = found["usage"]
    if dtype != "U16" or tensor.shape != [v]:
        micro.bad_model(f"tensor usage is {dtype} {tensor.shape}, not U16 {[v]}")
    if min(tensor.values) < 1 or sum(tensor.values) != 2**16:
        micro.fail(803, "DRAFT-R-103: a frequency of `usage` is 0, or their sum is not 2^16")
    return tensor.values


DRAFT = Draft(
    number=49,
    name="tokens",
    valid=valid,
    uses_model=lambda parameters: parameters["usage"] is True,
    symbols=lambda parameters, width, height: int(parameters["counts"][-1]),
    decode=decode,
)
