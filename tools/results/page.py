# SPDX-License-Identifier: MIT
"""Write docs/results.md, its plots and the figures of other pages from docs/results.json.

A block of a page stands between `<!-- results: NAME -->` and `<!-- end of results -->`; the text around it is written by
hand and has no measured figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from refcodec.fileio import write_atomic
from tools.results import bench as headings
from tools.results import rate_tables
from tools.results.catalogue import BENCHES
from tools.results.quotes import QUOTES, Untrue, corrected
from tools.results.sizes import sizes_table
from tools.results.store import ROOT, Results

END: Final = "<!-- end of results -->\n"
PLOTS: Final = {"docs/images/rate.svg": "kodak", "docs/images/rate-photos.svg": "photos"}
SAME: Final = "the same"


def begin(name: str) -> str:
    """Return the line before a block."""
    return f"<!-- results: {name} -->\n"


def _measured(heading: str) -> Callable[[Results], list[str]]:
    return lambda results: list(_rows(results, heading))


def _rows(results: Results, heading: str) -> Iterator[str]:
    yield from ("| what | figure | command |", "|---|---|---|")
    before = ""
    for name, bench in BENCHES.items():
        if bench.heading != heading or (entry := results.entries.get(name)) is None:
            continue
        command = f"`{entry.command}`"
        for what, figure in bench.rows(entry.figures):
            yield f"| {what} | {figure} | {SAME if command == before else command} |"
            before = command


def _sizes(results: Results) -> list[str]:
    figures = results.figures("published")
    return sizes_table(figures) if figures else []


def _attempts(results: Results) -> list[str]:
    rows = [f"| {each.what} | {each.effect} | [{Path(each.source).stem}]({each.source}) |" for each in results.attempts]
    return ["| tried | effect | described in |", "|---|---|---|", *rows]


def _photos(results: Results) -> list[str]:
    image = ["", "![Rate and distortion over held-out photographs](images/rate-photos.svg)"]
    return [*rate_tables.savings_table(results, "photos"), *(image if rate_tables.plot(results, "photos") else [])]


def _runs(results: Results) -> list[str]:
    lines = ["| bench | command | date | commit | seconds | machine and versions |", "|---|---|---|---|--:|---|"]
    for name, entry in results.entries.items():
        versions = ", ".join(f"{library} {version}" for library, version in entry.versions.items())
        conditions = "; ".join(filter(None, [entry.machine, versions, entry.note])) or "not recorded"
        how = f"{entry.commit}{', recorded' if entry.how == 'recorded' else ''}"
        seconds = "" if entry.seconds is None else f"{entry.seconds:.0f}"
        lines.append(f"| {name} | `{entry.command}` | {entry.date} | {how} | {seconds} | {conditions} |")
    return lines


BLOCKS: Final[dict[str, dict[str, Callable[[Results], list[str]]]]] = {
    "README.md": {"rates": rate_tables.readme_table},
    "docs/results.md": {
        "rates": lambda results: rate_tables.savings_table(results, "kodak"),
        "costs": lambda results: rate_tables.cost_table(results, "kodak"),
        "points": lambda results: rate_tables.points_table(results, "kodak"),
        "photographs": _photos,
        "sizes": _sizes,
        "speed": _measured(headings.SPEED),
        "exactness": _measured(headings.EXACT),
        "descriptions": _measured(headings.DESCRIPTIONS),
        "attempts": _attempts,
        "runs": _runs,
    },
}


def with_block(text: str, name: str, lines: list[str]) -> str:
    """Return a page with these lines in a block. Raises ValueError unless the block is there once."""
    head, mark, rest = text.partition(begin(name))
    _, end, tail = rest.partition(END)
    if not mark or not end or begin(name) in rest:
        raise ValueError(f"the block {name} is missing, or there twice")
    return f"{head}{mark}\n" + "".join(f"{line}\n" for line in lines) + f"\n{end}{tail}"


def rendered(results: Results, root: Path = ROOT) -> tuple[dict[str, str | None], list[str]]:
    """Return the pages and plots as the data have them, None for a plot without data, and what a person must mend."""
    pages: dict[str, str | None] = {}
    wrong = []

    def text(page: str) -> str:
        known = pages.get(page)
        return (root / page).read_text(encoding="utf-8") if known is None else known

    for page, blocks in BLOCKS.items():
        for name, lines in blocks.items():
            try:
                pages[page] = with_block(text(page), name, lines(results))
            except (ValueError, KeyError) as error:
                wrong.append(f"{page}, block {name}: {error}")
    for quote in QUOTES:
        try:
            pages[quote.page] = corrected(quote, results, text(quote.page))
        except Untrue:
            wrong.append(f"{quote.page}: “{quote.template}” is no longer true: write another sentence, and its quote")
        except KeyError as error:
            wrong.append(f"{quote.page}: “{quote.template}” has no figures: {error}")
        except ValueError as error:
            wrong.append(str(error))
    return pages | {path: rate_tables.plot(results, name) for path, name in PLOTS.items()}, wrong


def disagreements(results: Results, root: Path = ROOT) -> list[str]:
    """Return what differs between the data and the pages, and which entries are of no bench or of another command."""
    pages, wrong = rendered(results, root)
    for path, text in pages.items():
        there = (root / path).read_text(encoding="utf-8") if (root / path).is_file() else None
        if there != text:
            wrong.append(f"{path} is not that of docs/results.json{_first_difference(there, text)}")
    for name, entry in results.entries.items():
        if name not in BENCHES:
            wrong.append(f"docs/results.json: there is no bench {name}")
        elif entry.how == "run" and entry.command != BENCHES[name].shown:
            wrong.append(f"docs/results.json: {name} was run by another command")
    return wrong


def _first_difference(there: str | None, text: str | None) -> str:
    if there is None or text is None:
        return ""
    lines = there.splitlines()
    for number, line in enumerate(text.splitlines(), 1):
        if number > len(lines) or lines[number - 1] != line:
            return f" (line {number})"
    return ""


def write(results: Results, root: Path = ROOT) -> list[str]:
    """Write pages and plots; return what a person must mend."""
    pages, wrong = rendered(results, root)
    for path, text in pages.items():
        if text is None:
            (root / path).unlink(missing_ok=True)
        else:
            write_atomic(root / path, text.encode("utf-8"))
    return wrong
