# SPDX-License-Identifier: MIT
"""Rates of the page and README: benches over sets of pictures, tables and plots of all codecs and efforts.

A further row is one line in MODELS: its benches, curves and rows follow. The first one is the default row of method elic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from refcodec.cli.bench.plot import svg
from tools.results import rates
from tools.results.bench import Bench
from tools.results.rates import Measured, saving
from tools.results.store import Results

MODELS: Final = {"": "", "elic-2": "--profile elic-2"}  # name -> options of `semtool bench`; "": the default row
SETS: Final = {"kodak": ("KODAK", "Kodak"), "photos": ("HELD-OUT", "the held-out photographs of the training")}
EFFORTS: Final = "--efforts 1,9 --qualities 1,3,5,7,9,10"
FEWER_EFFORTS: Final = "--efforts 1,9 --qualities 3,5,7,10 --anchors avif"  # for all but the first set and model
WRITES: Final = "-o OUT --cache out/bench-cache"
ANCHORS: Final = ("JPEG", "WebP", "AVIF")  # of README; the page has all that were measured
METHOD: Final = ".sem elic"  # name of the codec in the JSON of the bench
EFFORT_1, EFFORT_9 = f"{METHOD}, effort 1", f"{METHOD}, effort 9"
PARTS: Final = ("encode", "decode")
TOP_BPP: Final = 1.0  # of the plots


def _benches() -> Iterator[Bench]:
    for name, (place, _) in SETS.items():
        for model, options in MODELS.items():
            of = f"{name}-{model}" if model else name
            command = f"semtool bench rate {place} {options}".strip()
            yield Bench(of, command, rates.read, WRITES)
            efforts = EFFORTS if of == "kodak" else FEWER_EFFORTS
            yield Bench(f"{of}-efforts", f"{command} {efforts}", rates.read, WRITES)


BENCHES: Final = tuple(_benches())


@dataclass(frozen=True)
class Compared:
    """A curve of ours, the anchors of its set, and effort 1 of the same run."""

    model: str
    effort: str
    codec: Measured
    anchors: dict[str, Measured]
    effort_1: Measured

    @property
    def label(self) -> str:
        """Return its name in tables and plots."""
        return f".sem{f' {self.model}' if self.model else ''}, effort {self.effort}"


def compared(results: Results, pictures: str) -> list[Compared]:
    """Return the curves of a set, one for each model and effort: that of the bench of all qualities, if there is one.

    Anchors that were not measured in the run of a curve are those of another run over the set.
    """
    found, known = dict[tuple[str, str], Compared](), dict[str, Measured]()
    for model in MODELS:
        base = f"{pictures}-{model}" if model else pictures
        for bench in (base, f"{base}-efforts"):
            codecs = results.curves.get(bench, {})
            known = known | {name: codec for name, codec in reversed(codecs.items()) if not name.startswith(METHOD)}
            ours = {name: codec for name, codec in codecs.items() if name.startswith(METHOD)}
            for name, codec in ours.items():
                effort = name.partition(", effort ")[2] or "1"
                row = Compared(model, effort, codec, known, ours.get(EFFORT_1, codec))
                found.setdefault((model, effort), row)
    return list(found.values())


def savings_table(results: Results, pictures: str) -> list[str]:
    """Return BD-rates of every model and effort against each anchor, and against effort 1."""
    rows = compared(results, pictures)
    if not rows:
        return [f"Not measured yet: `make results ONLY={pictures},{pictures}-efforts`."]
    lines = ["| | qualities | against | PSNR | mean | worst | MS-SSIM | mean | worst |", "|---|--:|---|" + "--:|" * 6]
    for row in rows:
        others = row.anchors | ({} if row.effort == "1" else {"effort 1": row.effort_1})
        for name, other in others.items():
            found = [saving(row.codec, other, metric) for metric in rates.METRICS]
            lines.append(f"| {row.label} | {len(row.codec.settings)} | {name} | {' | '.join(map(_cells, found))} |")
    return lines


def _cells(found: rates.Saving | None) -> str:
    if found is None:
        return "none in common | | "
    return " | ".join(f"{value:+.1f} %" for value in (found.average, found.mean, found.worst))


def cost_table(results: Results, pictures: str) -> list[str]:
    """Return seconds of each codec, and the memory of a process where `make bench-base` has measured it.

    Runs may be of different machines: beside the seconds are multiples of those of AVIF in the same run.
    """
    lines = [
        "| | encode, CPU s | AVIF = 1 | decode, CPU s | AVIF = 1 | encode, peak | decode, peak |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    base = results.figures("base") or {}
    memory = {
        ".sem, effort 1": {part: base[part]["peak_mb"] for part in PARTS if part in base},
        "AVIF": base.get("avif", {}),
    }
    rows = compared(results, pictures)
    timed = [(row.label, row.codec, row.anchors) for row in rows]
    timed += [(name, codec, rows[0].anchors) for name, codec in rows[0].anchors.items()] if rows else []
    for name, codec, anchors in timed:
        multiples = _multiples(codec, anchors)
        seconds = [f"{own:.3g} | {multiple}" for own, multiple in zip(codec.cpu, multiples, strict=True)]
        known = memory.get(name, {})
        cells = [f"{known[part]:.0f} MB" if part in known else "" for part in PARTS]
        lines.append(f"| {name} | {' | '.join(seconds)} | {' | '.join(cells)} |")
    return lines


def lines_of(results: Results, pictures: str) -> dict[str, Measured]:
    """Return the codecs of a plot by label: every model and effort, then the anchors."""
    rows = compared(results, pictures)
    return {row.label: row.codec for row in rows} | (rows[0].anchors if rows else {})


def points_table(results: Results, pictures: str) -> list[str]:
    """Return the average curve of every codec, and of those with seconds what a picture takes."""
    lines = [
        "| | setting | bpp | PSNR, dB | MS-SSIM | in dB | encode, CPU s | decode, CPU s |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, codec in lines_of(results, pictures).items():
        lines += [
            f"| {name} | {p.setting} | {p.bpp:.4f} | {p.psnr:.2f} | {p.ms_ssim:.4f} | {p.ms_ssim_db:.2f} "
            f"| {seconds[1]:.3g} | {seconds[3]:.3g} |"
            for p, seconds in zip(codec.means, codec.seconds, strict=True)
        ]
    return lines


def plot(results: Results, pictures: str) -> str | None:
    """Return the SVG of a set, None if it was not measured."""
    codecs = lines_of(results, pictures)
    if not codecs:
        return None
    panels = {
        label: {name: codec.average(metric) for name, codec in codecs.items()}
        for metric, label in (("psnr", "PSNR, dB"), ("ms-ssim", "MS-SSIM, dB"))
    }
    return svg(panels, TOP_BPP, f"means over the pictures of {SETS[pictures][1]}: make results")


def readme_table(results: Results) -> list[str]:
    """Return the table of README: efforts 1 and 9 of each model over Kodak."""
    lines = [
        "| `semtool encode` | against JPEG | WebP | AVIF (speed 6) | CPU time to encode a picture, AVIF = 1 |",
        "|---|---|---|---|---|",
    ]
    for row in compared(results, "kodak"):
        if row.effort not in ("1", "9"):
            continue
        options = f"{MODELS[row.model]} {f'--effort {row.effort}' if row.effort != '1' else ''}".strip()
        name, unit = f"`{options}`" if options else "by default", len(lines) == 2
        cells = []
        for anchor in ANCHORS:
            psnr, similar = (saving(row.codec, row.anchors[anchor], metric) for metric in rates.METRICS)
            if psnr is None or similar is None:
                raise ValueError(f"{row.label} and {anchor} have no quality in common")
            units = (" in PSNR", " in MS-SSIM") if unit and anchor == "JPEG" else ("", "")
            text = f"{psnr.average:+.1f} %{units[0]}, {similar.average:+.1f} %{units[1]}"
            behind = psnr.average > 0 and similar.average > 0
            cells.append(f"**{text}: {anchor} is ahead**" if behind else text)
        lines.append(f"| {name} | {' | '.join(cells)} | {_multiples(row.codec, row.anchors)[0]} |")
    return lines


def _multiples(codec: Measured, anchors: dict[str, Measured]) -> tuple[str, str]:
    """Return how many times the CPU time of AVIF encoding and decoding take, to two digits."""
    times = (own / avif for own, avif in zip(codec.cpu, anchors["AVIF"].cpu, strict=True))
    encode, decode = (f"{float(f'{each:.2g}'):.0f}" if each >= 10 else f"{each:.2g}" for each in times)
    return encode, decode
