# SPDX-License-Identifier: MIT
"""Convert the public checkpoints of metric networks. `semtool models import` opens them and calls this module."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from torch import Tensor, nn

from refcodec.cli.bench.metric_networks.dists import Dists
from refcodec.cli.bench.metric_networks.inception import Inception
from refcodec.cli.bench.metric_networks.lpips import Lpips
from refcodec.cli.bench.metric_networks.weights import CHECKPOINTS, expected, first_mismatch
from refcodec.errors import Code, SemError
from refcodec.networks.torch_guard import without_memory

NETS: Final[dict[str, Callable[[], nn.Module]]] = {
    "lpips-alex": lambda: Lpips("alex"), "lpips-vgg": lambda: Lpips("vgg"), "dists": Dists, "inception": Inception,
}  # fmt: skip
# Names that whole networks of LPIPS and DISTS have for what the checkpoints of torchvision call features.N
_RENAMED: Final = re.compile(
    r"^(?:module\.)?(?:(?:net\.slice|stage)\d+\.(?=\d+\.(?:weight|bias)$)|lins\.(?=\d+\.model\.))"
)


def _name(name: str) -> str:
    """Return our name of a tensor of a checkpoint."""
    found = _RENAMED.match(name)
    if found is None:
        return name.removeprefix("module.")
    return ("lin" if "lins." in found.group() else "features.") + name[found.end() :]


def convert(kind: str, states: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """Return the tensors of a weights file, float32, from the state dicts of its public checkpoints, in any order.

    See `CHECKPOINTS`. Tensors that the metric does not use (classifiers, counters) are left out. Raises ValueError for
    another kind, Code.MODEL_MALFORMED (SEM-E-803) if a tensor is missing, not finite floats, or of another shape.
    """
    if kind not in NETS:
        raise ValueError(f"{kind!r} is not one of {', '.join(NETS)}")
    with without_memory():
        wanted = expected(NETS[kind]())
    tensors: dict[str, Tensor] = {}
    for state in states:
        for name, value in state.items():
            if (own := _name(name)) in wanted and isinstance(value, Tensor):
                tensors[own] = value
    mismatch = first_mismatch({name: tuple(t.shape) for name, t in tensors.items()}, wanted)
    if mismatch is None:
        odd = [name for name, t in tensors.items() if not t.is_floating_point() or not bool(t.isfinite().all())]
        mismatch = f"the tensor {odd[0]} is not finite floats" if odd else None
    if mismatch is not None:
        what = f"not the checkpoints of {kind}: {mismatch}"
        raise SemError(Code.MODEL_MALFORMED, what, path=kind, hint=f"name {CHECKPOINTS[kind]}")
    return {name: tensors[name].detach().float().clone().contiguous() for name in wanted}
