# SPDX-License-Identifier: MIT
"""An outside metric: a command that gets two pictures, original and decoded, and prints a number."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from refcodec.cli.bench.commands import failed, file_digests, run, split
from refcodec.cli.bench.distortions import Picture
from refcodec.cli.bench.metric_registry import NAMES, Metric, chosen
from refcodec.cli.bench.network_cache import Places
from refcodec.fileio import shown
from refcodec.limits import NONE, Limits

if TYPE_CHECKING:
    from refcodec.foundation.resolve import Models

HINT = "try the command by hand, with two PNG files"
TAKEN = frozenset({*NAMES, *(f"{name}-db" for name in NAMES), "bpp", "quality", "wanted_bpp", "profile"})
PLACES = ("{original}", "{decoded}")


def metric_of(named: str, template: str, limits: Limits = NONE) -> Metric:
    """Return the metric NAME, or NAME:lower if lower values are better, of a command template.

    Paths of two PNG files replace {original} and {decoded}, or follow the command if it has neither. The identity holds
    the template and the digests of the files that it names. Raises ValueError for an invalid name or template.
    """
    name, colon, order = named.partition(":")
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,39}", name) or (colon and order not in ("lower", "higher")):
        raise ValueError(f"{shown(named)} is not a name of a metric, such as butteraugli:lower")
    if name in TAKEN:
        raise ValueError(f"the name {name} is taken: choose another one for the metric")
    split(template)
    there = [place in template for place in PLACES]
    if any(there) and not all(there):
        raise ValueError(f"the command of {name} has {PLACES[there.index(True)]}, but not {PLACES[there.index(False)]}")
    full = template if all(there) else f"{template} {' '.join(PLACES)}"

    def compare(_: str, original: Picture, decoded: Picture) -> float:
        with tempfile.TemporaryDirectory() as folder:
            paths = [str(Path(folder, f"{each}.png")) for each in ("original", "decoded")]
            for path, pixels in zip(paths, (original, decoded), strict=True):
                Image.fromarray(pixels).save(path, compress_level=1)
            return _number(name, run(full, HINT, limits, original=paths[0], decoded=paths[1]))

    identity = f"command {name} {template!r} {file_digests(template)}"
    return Metric(name, name, identity, 4, higher=order != "lower", pair=compare)


def _number(name: str, output: bytes) -> float:
    """Return the number that a command has printed. Raises Code.CANNOT_READ (SEM-E-101) for anything else."""
    text = output.decode("utf-8", "replace").strip()
    try:
        value = float(text)
    except ValueError:
        start = shown(text[:60]) if text else "nothing"
        raise failed(f"the command of {name} printed {start}, which is not a number", HINT) from None
    if not math.isfinite(value):
        raise failed(f"the command of {name} printed {text}, which is not finite", HINT)
    return value


def metrics_of(commands: Sequence[tuple[str, str]], limits: Limits = NONE) -> list[Metric]:
    """Return the metrics of commands by name. Raises ValueError for a name that is given twice, or as of `metric_of`."""
    metrics = [metric_of(named, template, limits) for named, template in commands]
    names = [metric.name for metric in metrics]
    if again := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two commands are named {again[0]}")
    return metrics


def metrics_from(options: Mapping[str, Any], models: Models) -> list[Metric]:
    """Return the metrics of `bench_options.metric_options`: those listed, then those of commands. Raises ValueError."""
    places = Places(models, options["weights"], options["captions"])
    return [*chosen(options["metrics"].split(","), places), *metrics_of(options["metric_cmd"], models.limits)]
