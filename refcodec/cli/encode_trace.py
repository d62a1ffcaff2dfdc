# SPDX-License-Identifier: MIT
"""semtool encode --trace: recorders of the layers and passes of networks, and of the steps of an analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from refcodec.cli.output_probe import probe_file
from refcodec.cli.stdio import STDIO

if TYPE_CHECKING:
    from refcodec.cli.step_trace import Steps
    from refcodec.encode_settings import EncodeOptions
    from refcodec.networks.trace import Tracer

TRACED: Final = ("consonant", "pics")  # methods whose analysis has steps


def recorders(target: str, method: str | None) -> tuple[Tracer | None, Steps | None]:
    """Return the recorders of --trace: of the layers and passes of the networks, or of the steps of an analysis."""
    if target == STDIO:
        raise click.UsageError("--trace needs a named output")
    from refcodec.cli.step_trace import Steps
    from refcodec.networks.trace import Tracer

    if method in TRACED:
        return None, Steps(f"{target}.trace")
    probe_file(f"{target}.trace.json")
    return Tracer(), None


def callbacks(tracer: Tracer | None, steps: Steps | None) -> EncodeOptions:
    """Return the arguments of `refcodec.encode` that pass layers, passes and steps to the recorders."""
    return {"trace": tracer, "record": None if steps is None else steps.record}
