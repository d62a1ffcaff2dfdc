# SPDX-License-Identifier: MIT
"""The report of `semtool bench rate --html`: BD-rates, curves, crops and seconds. One file, no scripts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from refcodec.cli.bench.crops import CroppedPicture
from refcodec.cli.bench.html_crops import crops_html
from refcodec.cli.bench.html_style import STYLE
from refcodec.cli.bench.html_tables import bd_rates_html, points_html, seconds_html
from refcodec.cli.bench.plot import COLOURS, panel
from refcodec.cli.bench.timing import machine
from refcodec.cli.html_page import Rules, page
from refcodec.errors import one_line

if TYPE_CHECKING:
    from refcodec.cli.bench.rate import RateResult

SHOWN_NAMES = 3  # of codecs in the title


def render(result: RateResult, crops: Sequence[CroppedPicture]) -> str:
    """Return the HTML document of a measurement."""
    rules, title = Rules(), _title(result)
    body = "".join(
        [
            f"<h1>{escape(title)}</h1>\n<p class='dim'>{_summary(result)}</p>\n",
            bd_rates_html(result),
            _curves(result, rules),
            crops_html(result, crops),
            seconds_html(result),
            points_html(result),
            _method(result),
        ]
    )
    return page(title, f"{STYLE}{rules.css()}", body, images=True)


def _title(result: RateResult) -> str:
    name, others = one_line(result.codec.name), [one_line(anchor.name) for anchor in result.anchors]
    if not others:
        return f"Rate and distortion of {name}"
    if len(others) > SHOWN_NAMES:
        others = [*others[:SHOWN_NAMES], f"{len(others) - SHOWN_NAMES} more"]
    return f"{name} against {', '.join(others[:-1])}{' and ' if len(others) > 1 else ''}{others[-1]}"


def _summary(result: RateResult) -> str:
    count, (low, high) = len(result.sources), result.window
    pictures = "1 picture" if count == 1 else f"{count} pictures"
    return f"{pictures} · BD-rates over {low:g} to {high:g} bits per pixel · rates are of complete files"


def _curves(result: RateResult, rules: Rules) -> str:
    """Return one panel per metric, with one legend."""
    keys = []
    for number, name in enumerate(result.sweeps):
        look = rules.name(f"background:{COLOURS[number % len(COLOURS)]}") if number else "first"
        keys.append(f"<li><span class='key {look}'></span>{escape(one_line(name))}</li>")
    panels = [
        f"<figure><figcaption>{escape(one_line(label))}</figcaption>{panel(curves, result.top_bpp, number)}</figure>\n"
        for number, (label, curves) in enumerate(result.panels().items())
    ]
    return (
        f"<h2>Curves</h2>\n<ul class='legend'>{''.join(keys)}</ul>\n<div class='panels'>{''.join(panels)}</div>\n"
        "<p class='dim'>Means over pictures at each setting. Point at a dot for its figures.</p>\n"
    )


def _method(result: RateResult) -> str:
    """Return what is needed to repeat the measurement."""
    codecs = "".join(
        f"<tr><td>{escape(one_line(codec.name))}</td><td><code>{escape(one_line(codec.identity))}</code></td></tr>\n"
        for codec in result.codecs
    )
    return (
        "<footer><p>A BD-rate is the mean difference of the rate at equal quality, in percent: negative where the codec "
        "needs fewer bits. The logarithm of the rate is interpolated by a piecewise cubic, each curve is cut to the window, "
        "and nothing is extrapolated.</p>\n"
        f"<p><code>$ {escape(one_line(result.command))}</code></p>\n<p class='dim'>{escape(one_line(machine()))}</p>\n"
        f"<details class='wide'><summary>Codecs, versions and settings</summary><table>{codecs}</table></details></footer>\n"
    )
