# SPDX-License-Identifier: MIT
"""Figures that sentences of other pages quote, and how they follow from the data.

A template has `{}` for each figure; it must occur exactly once in its page. `--write` puts the figures in; a sentence
that is no longer true, such as one that AVIF is ahead, must be rewritten by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tools.results import rates
from tools.results.rate_tables import EFFORT_1, EFFORT_9, METHOD
from tools.results.store import Results

FIGURE: Final = r"([+-]?[0-9][0-9.,]*?)"


@dataclass(frozen=True)
class Quote:
    """`values` returns the figures as written; it raises Untrue if the sentence no longer holds."""

    page: str
    template: str
    values: Callable[[Results], list[str]]

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(FIGURE.join(re.escape(part) for part in self.template.split("{}")))


class Untrue(Exception):
    """A sentence is not true of the data."""


def _positive(*values: float, digits: int = 1) -> list[str]:
    if min(values) <= 0:
        raise Untrue
    return [f"{value:.{digits}f}" for value in values]


def _kodak(results: Results, tested: str, anchor: str) -> rates.Saving:
    codecs = results.curves["kodak-efforts"]
    found = rates.saving(codecs[tested], codecs[anchor], "psnr")
    if found is None:
        raise Untrue
    return found


def _against_avif(results: Results) -> list[str]:
    return _positive(_kodak(results, EFFORT_1, "AVIF").average, -_kodak(results, EFFORT_9, "AVIF").average)


def _search(results: Results) -> list[str]:
    found = _kodak(results, EFFORT_9, EFFORT_1)
    return _positive(-found.average, -found.worst)[:1]


def _second_row(results: Results, bench: str, tested: str, anchor: rates.Measured) -> list[float]:
    """Return the bits that row elic-2 saves over Kodak, in percent, at equal PSNR and MS-SSIM."""
    found = [rates.saving(results.curves[bench][tested], anchor, metric) for metric in rates.METRICS]
    return [-each.average if each is not None else 0 for each in found]


def _second_row_and_avif(results: Results) -> list[str]:
    default = _second_row(results, "kodak-elic-2", METHOD, results.curves["kodak-elic-2"]["AVIF"])
    bench = "kodak-elic-2-efforts"
    return _positive(default[0], _second_row(results, bench, EFFORT_9, results.curves[bench]["AVIF"])[0])


def _second_row_and_default(results: Results) -> list[str]:
    return _positive(*_second_row(results, "kodak-elic-2", METHOD, results.curves["kodak-efforts"][EFFORT_1]))


def _environment(results: Results) -> list[str]:
    return [f"{results.entries['base'].figures['environment_mb']:.0f}"]


def _decode_memory(results: Results) -> list[str]:
    return [f"{results.entries['base'].figures['decode']['peak_mb']:.0f}"]


def _effort_6(results: Results) -> list[str]:
    seconds = results.entries["efforts"].figures["cpu_seconds"]
    return [f"{seconds[effort]:g}" for effort in ("6", "1")]


def _prior(results: Results) -> list[str]:
    figures = results.entries["index-prior"].figures
    return _positive(100 * (1 - figures["prior"] / figures["usage"]))


def _restored(results: Results) -> list[str]:
    return [f"{results.entries[name].figures['exact']:.1f}" for name in ("key-words", "restore")]


QUOTES: Final = (
    Quote("README.md", "over the Kodak photographs it takes {} % more bits than AVIF at the default effort, and {} % fewer at effort 9", _against_avif),
    Quote("README.md", "with the larger model of profile `elic-2`, {} % fewer already at the default effort, and {} % at effort 9", _second_row_and_avif),
    Quote("README.md", "At the default effort it takes {} % fewer bits than the default profile for the same PSNR and {} % fewer for the same MS-SSIM", _second_row_and_default),
    Quote("README.md", "every picture takes fewer bits at effort 9 than at effort 1, {} % fewer on the average curve", _search),
    Quote("README.md", "| `pip install .` | no torch; {} MB |", _environment),
    Quote("README.md", "the package restores {} % exactly from their consonants; of all words of these captions, function words included, {} %.", _restored),
    Quote("docs/methods/elic.md", "| {} MB for 768×512, the entire process ([results](../results.md)) |", _decode_memory),
    Quote("docs/scaling.md", "effort 6 takes {} s of CPU time instead of {} s", _effort_6),
    Quote("drafts/README.md", "likewise, of grids: {} % fewer on Kodak at equal indices", _prior),
)  # fmt: skip


def corrected(quote: Quote, results: Results, text: str) -> str:
    """Return the page with the figures of the data. Raises Untrue, and ValueError unless the template occurs once."""
    found = list(quote.pattern.finditer(text))
    if len(found) != 1:
        raise ValueError(f"{quote.page} has {len(found)} sentences “{quote.template}”")
    values = iter(quote.values(results))
    sentence = re.sub(r"\{\}", lambda _: next(values), quote.template)
    return text[: found[0].start()] + sentence + text[found[0].end() :]
