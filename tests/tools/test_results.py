# SPDX-License-Identifier: MIT
"""docs/results.md, its plots and the figures that other pages quote are a function of docs/results.json."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scipy")
pytest.importorskip("torch")  # tools.train, which lists the held-out photographs

from tools.results import page, quotes, rate_tables, store
from tools.results.catalogue import BENCHES
from tools.results.quotes import Quote, Untrue
from tools.results.store import Results

STORED = store.load()
PAGES = {*page.BLOCKS, *(quote.page for quote in quotes.QUOTES), *page.PLOTS}
BLOCKS = [(name, block) for name, blocks in page.BLOCKS.items() for block in blocks]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with the pages that the data write."""
    for name in PAGES:
        if (store.ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(store.ROOT / name, tmp_path / name)
    return tmp_path


def other(digit: str) -> str:
    return str((int(digit) + 1) % 10)


def with_figures(name: str, figures: dict[str, Any]) -> Results:
    entries = {**STORED.entries, name: replace(STORED.entries[name], figures=figures)}
    return replace(STORED, entries=entries)


def reported_and_mended(copy: Path, name: str, changed: str) -> None:
    """Write a changed page; check that it is reported, and that writing puts the figures back."""
    path = copy / name
    right = path.read_text(encoding="utf-8")
    assert changed != right
    path.write_text(changed, encoding="utf-8")
    (wrong,) = page.disagreements(STORED, copy)
    assert wrong.startswith(f"{name} is not that of docs/results.json (line ")
    assert page.write(STORED, copy) == []
    assert path.read_text(encoding="utf-8") == right


def test_pages_and_data_agree() -> None:
    assert page.disagreements(STORED) == []


def test_writing_again_changes_nothing(copy: Path) -> None:
    before = {name: (copy / name).read_bytes() for name in PAGES if (copy / name).is_file()}
    assert page.write(STORED, copy) == []
    assert before == {name: (copy / name).read_bytes() for name in PAGES if (copy / name).is_file()}


@pytest.mark.parametrize(("name", "block"), BLOCKS, ids=[f"{name} {block}" for name, block in BLOCKS])
def test_a_changed_digit_of_a_block_is_noticed(copy: Path, name: str, block: str) -> None:
    head, mark, rest = (copy / name).read_text(encoding="utf-8").partition(page.begin(block))
    body, end, tail = rest.partition(page.END)
    last = list(re.finditer("[0-9]", body))
    if not last:
        pytest.skip("nothing is measured here yet")
    at = last[-1].start()
    reported_and_mended(copy, name, head + mark + body[:at] + other(body[at]) + body[at + 1 :] + end + tail)


@pytest.mark.parametrize("quote", quotes.QUOTES, ids=lambda quote: quote.template)
def test_a_changed_digit_of_a_sentence_is_noticed(copy: Path, quote: Quote) -> None:
    text = (copy / quote.page).read_text(encoding="utf-8")
    (found,) = quote.pattern.finditer(text)
    for group in range(1, found.re.groups + 1):
        at = found.end(group) - 1
        reported_and_mended(copy, quote.page, text[:at] + other(text[at]) + text[at + 1 :])


def test_a_changed_plot_is_noticed(copy: Path) -> None:
    text = (copy / "docs/images/rate.svg").read_text(encoding="utf-8")
    reported_and_mended(copy, "docs/images/rate.svg", text.replace("<circle cx=", "<circle  cx=", 1))


def test_new_figures_reach_the_page_and_the_sentences(copy: Path) -> None:
    figures = {**STORED.entries["base"].figures, "environment_mb": 149.7, "numpy_mb": 70.2}
    assert page.write(with_figures("base", figures), copy) == []
    assert "| 150 MB, numpy 70 of them |" in (copy / "docs/results.md").read_text(encoding="utf-8")
    assert "no torch; 150 MB |" in (copy / "README.md").read_text(encoding="utf-8")


def test_a_sentence_that_is_no_longer_true_is_left_and_reported(copy: Path) -> None:
    def untrue(_: Results) -> list[str]:
        raise Untrue

    before = (copy / "README.md").read_text(encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(page, "QUOTES", (Quote("README.md", "no torch; {} MB", untrue),))
        assert page.write(STORED, copy) == [
            "README.md: “no torch; {} MB” is no longer true: write another sentence, and its quote"
        ]
    assert (copy / "README.md").read_text(encoding="utf-8") == before
    assert quotes._positive(2.04, 1) == ["2.0", "1.0"]
    with pytest.raises(Untrue):
        quotes._positive(2.04, -0.1)


def scaled(codec: str, share: float) -> Results:
    """Return the results with files of one codec of Kodak scaled."""
    figures = STORED.entries["kodak-efforts"].figures
    of = figures["codecs"][codec]
    points = {name: [[share * size, *rest] for size, *rest in row] for name, row in of["points"].items()}
    return with_figures("kodak-efforts", {**figures, "codecs": {**figures["codecs"], codec: {**of, "points": points}}})


@pytest.mark.parametrize(("share", "ahead"), [(3.0, True), (0.3, False)])
def test_the_table_of_readme_says_who_is_ahead(share: float, ahead: bool) -> None:
    line = rate_tables.readme_table(scaled(rate_tables.EFFORT_1, share))[2]
    assert ("AVIF is ahead**" in line) == ahead


def test_a_page_without_its_block_or_sentence_is_reported(copy: Path) -> None:
    for name, old, new in (
        ("README.md", "<!-- results: rates -->", ""),
        ("docs/scaling.md", "of CPU time instead of", "of CPU time, not"),
    ):
        text = (copy / name).read_text(encoding="utf-8")
        (copy / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    wrong = page.disagreements(STORED, copy)
    assert "README.md, block rates: the block rates is missing, or there twice" in wrong
    assert any(line.startswith("docs/scaling.md has 0 sentences") for line in wrong)


def test_entries_of_no_bench_or_of_another_command_are_reported(copy: Path) -> None:
    ran = replace(STORED.entries["damage"], how="run", command="python -m tools.bench.damage --width 80")
    wrong = page.disagreements(replace(STORED, entries={**STORED.entries, "damage": ran, "gone": ran}), copy)
    assert "docs/results.json: damage was run by another command" in wrong
    assert "docs/results.json: there is no bench gone" in wrong


def test_stored_results_are_read_back_and_lines_are_short(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    store.store(STORED, list(BENCHES), path)
    assert store.load(path) == STORED
    assert path.read_bytes() == store.DATA.read_bytes()
    assert max(map(len, path.read_text(encoding="utf-8").splitlines())) < 250


def test_each_entry_has_rows_or_a_block_and_each_attempt_a_source() -> None:
    for name, entry in STORED.entries.items():
        assert bool(BENCHES[name].heading) == bool(BENCHES[name].rows(entry.figures)), name
        assert entry.how in ("run", "recorded")
        assert re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", entry.date)
        assert re.fullmatch(r"([0-9a-f]{8}\+?)?", entry.commit)
    for attempt in STORED.attempts:
        assert (store.ROOT / "docs" / attempt.source).is_file()
