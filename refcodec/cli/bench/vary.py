# SPDX-License-Identifier: MIT
"""Measurements of `semtool bench vary`: the metrics of the pictures of one file each, at every value of a setting."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from refcodec.cli.bench import coders
from refcodec.cli.bench.experiments import Experiment, Step
from refcodec.cli.bench.measure import Codec, Setting, Source, Sweep, sweep
from refcodec.cli.bench.metric_registry import Metric
from refcodec.cli.bench.tables import aligned
from refcodec.foundation.resolve import Models
from refcodec.progress import Progress, part


@dataclass(frozen=True)
class Varied:
    """An experiment and its results, one of one setting for each value."""

    experiment: Experiment
    codecs: Sequence[Codec]
    sweeps: Sequence[Sweep]

    def to_dict(self) -> dict[str, Any]:
        values = [step.value for step in self.experiment.steps]
        results = list(zip(values, self.codecs, self.sweeps, strict=True))
        return {
            "vary": self.experiment.name,
            "values": [
                {
                    "value": value,
                    "identity": codec.identity,
                    **done.average[0].to_dict(),
                    "pictures": [row[0].to_dict() for row in done.rows],
                }
                for value, codec, done in results
            ],
        }

    def table(self, metrics: Sequence[Metric]) -> str:
        """Return a table of the means over pictures, one line a value."""
        rows = [[self.experiment.name, "bpp", *(metric.title for metric in metrics)]]
        for step, done in zip(self.experiment.steps, self.sweeps, strict=True):
            point = done.average[0]
            rows.append([step.value, f"{point.bpp:.5f}", *(f"{point.values[m.name]:.{m.digits}f}" for m in metrics)])
        return "\n".join(aligned(rows)) + "\n"


@dataclass(frozen=True)
class VaryResult:
    """Everything that was measured. command: the command line that repeats it."""

    command: str
    method: str
    sources: Sequence[Source]
    metrics: Sequence[Metric]
    varied: Sequence[Varied]

    def text(self) -> str:
        """Return the tables."""
        head = f"{self.command}\nmethod {self.method}, {len(self.sources)} pictures; means\n"
        return "\n".join([head, *(each.table(self.metrics) for each in self.varied)])

    def to_dict(self) -> dict[str, Any]:
        """Return all values, of each picture and averaged, with the identities needed to repeat them."""
        return {
            "command": self.command,
            "method": self.method,
            "metrics": [{"name": metric.name, "identity": metric.identity} for metric in self.metrics],
            "pictures": [{"name": source.name, "sha256": source.sha256} for source in self.sources],
            "experiments": [each.to_dict() for each in self.varied],
        }


@dataclass(frozen=True)
class Setup:
    """How files are made and decoded, apart from what varies."""

    method: str
    models: Models
    profile: str | None = None
    samples: int = 1
    overrides: Mapping[str, str] | None = None

    def codec(self, step: Step) -> Codec:
        """Return the codec of one value."""
        more: dict[str, Any] = {"profile": self.profile, "samples": self.samples}
        overrides = {**(self.overrides or {}), **step.overrides}
        return coders.refcodec(self.method, (None,), self.models, overrides=overrides, variant=step.variant, **more)


def measured(
    setup: Setup,
    experiments: Sequence[Experiment],
    sources: Sequence[Source],
    metrics: Sequence[Metric],
    command: str,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> VaryResult:
    """Measure each experiment; every picture is encoded once. Results in the cache are not measured again."""
    total, done = sum(len(each.steps) for each in experiments), 0
    encode: Callable[[Image.Image, Setting], bytes] | None = None
    varied = []
    for each in experiments:
        codecs = [setup.codec(step) for step in each.steps]
        encode = encode or _remembered(codecs[0].encode)
        codecs = [replace(codec, encode=encode) for codec in codecs]
        sweeps = []
        for codec in codecs:
            sweeps.append(sweep(codec, sources, metrics, cache, part(progress, done / total, (done + 1) / total)))
            done += 1
        varied.append(Varied(each, codecs, sweeps))
    return VaryResult(command, setup.method, sources, metrics, varied)


def _remembered(encode: Callable[[Image.Image, Setting], bytes]) -> Callable[[Image.Image, Setting], bytes]:
    """Return an encoder that keeps the files that it has made."""
    files: dict[str, bytes] = {}

    def remembered(image: Image.Image, setting: Setting) -> bytes:
        key = hashlib.sha256(f"{image.size}\n".encode() + image.tobytes()).hexdigest()
        if key not in files:
            files[key] = encode(image, setting)
        return files[key]

    return remembered
