# SPDX-License-Identifier: MIT
"""The public checkpoints of metric networks as the tensors of our files. `semtool models import` opens them and calls this."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from refcodec.cli.bench.metric_networks.dists import Dists
from refcodec.cli.bench.metric_networks.inception import Inception
from refcodec.cli.bench.metric_networks.lpips import Lpips
from refcodec.cli.bench.metric_networks.weights import CHECKPOINTS, expected, fault
from refcodec.errors import Code, SemError

NETS: Final[dict[str, Callable[[], nn.Module]]] = {
    "lpips-alex": lambda: Lpips("alex"), "lpips-vgg": lambda: Lpips("vgg"), "dists": Dists, "inception": Inception,
}  # fmt: skip
# Names that whole networks of LPIPS and DISTS have for what the checkpoints of torchvision call features.N
_RENAMED: Final = re.compile(
    r"^(?:module\.)?(?:(?:net\.slice|stage)\d+\.(?=\d+\.(?:weight|bias)$)|lins\.(?=\d+\.model\.))"
)


def _name(name: str) -> str:
    found = _RENAMED.match(name)
    if found is None:
        return name.removeprefix("module.")
    return ("lin" if "lins." in found.group() else "features.") + name[found.end() :]


def convert(kind: str, states: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """The tensors of one file, float32, of the state dicts of its public checkpoints (`CHECKPOINTS`), in any order.

    What the metric does not use (classifiers, counters) is left out. ValueError for another kind; SEM-E-803 where a
    tensor is missing, is not finite floats, or has another shape.
    """
    if kind not in NETS:
        raise ValueError(f"{kind!r} is none of {', '.join(NETS)}")
    with torch.device("meta"):
        wanted = expected(NETS[kind]())
    found: dict[str, Tensor] = {}
    for state in states:
        for name, value in state.items():
            if (own := _name(name)) in wanted and isinstance(value, Tensor):
                found[own] = value
    wrong = fault({name: tuple(t.shape) for name, t in found.items()}, wanted)
    if wrong is None:
        odd = [name for name, t in found.items() if not t.is_floating_point() or not bool(t.isfinite().all())]
        wrong = f"the tensor {odd[0]} is not finite floats" if odd else None
    if wrong is not None:
        raise SemError(
            Code.MODEL_MALFORMED, f"not the checkpoints of {kind}: {wrong}", path=kind, hint=f"name {CHECKPOINTS[kind]}"
        )
    return {name: found[name].detach().float().clone().contiguous() for name in wanted}
