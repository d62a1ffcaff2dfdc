# SPDX-License-Identifier: MIT
"""The viewer for everybody: keyboard, names for screen readers, contrast in light and dark, narrow screens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from viewer_page import ROOT, SAMPLES, ViewerPage, serving

pytestmark = pytest.mark.slow

# The contrast (WCAG 2) of every text with what lies behind it, as [ratio, text]; colours are read back from a canvas.
CONTRASTS = """() => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  const over = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((x) => x / 255).map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('noscript')) continue;
    const behind = [];
    for (let e = element; e; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor);
    const back = over(['white', ...behind]);
    const front = over(['white', ...behind, getComputedStyle(element).color]);
    const [low, high] = [light(back), light(front)].sort((a, b) => a - b);
    found.push([(high + 0.05) / (low + 0.05), walker.currentNode.data.trim().slice(0, 40)]);
  }
  return found;
}"""
# Elements that a screen reader names, with their names: [tag, name].
NAMES = """() => [...document.querySelectorAll('button, input, canvas, progress, a, table, article, [role=group], section')]
  .filter((e) => e.checkVisibility()).map((e) => [e.outerHTML.slice(0, 80),
    e.getAttribute('aria-label') || [...(e.labels ?? [])].map((l) => l.textContent).join(' ') ||
    (e.matches('table, section') ? e.querySelector('caption, th, h2')?.textContent : e.textContent) || e.title || ''])"""
FOCUS = "() => { const e = document.activeElement; return e.id || e.dataset.file || e.getAttribute('class') || e.textContent.trim(); }"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(ROOT) as served:
        yield served + "tools/viewer/index.html"


@pytest.fixture(params=["light", "dark"])
def viewer(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[ViewerPage]:
    context = browser.new_context(viewport={"width": 1200, "height": 900}, color_scheme=request.param)
    yield ViewerPage(context.new_page(), address).open()
    context.close()


def background(viewer: ViewerPage) -> int:
    colour: str = viewer.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return int(colour.removeprefix("rgb(").split(",")[0])


def test_the_page_is_light_or_dark(browser: Any, address: str) -> None:
    shades = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        shades.append(background(ViewerPage(context.new_page(), address).open()))
        context.close()
    assert shades[0] > 240
    assert shades[1] < 40


@pytest.mark.parametrize("name", ["sketch.sem", "codes.sem", "damaged.sem", None])
def test_texts_have_contrast(viewer: ViewerPage, name: str | None) -> None:
    if name is not None:
        viewer.sample(name)
        viewer.page.locator("#fields td button").first.click()
    viewer.page.locator("summary").click()
    found = viewer.page.evaluate(CONTRASTS)
    assert len(found) > 15
    assert [(ratio, text) for ratio, text in found if ratio < 4.5] == []


@pytest.mark.parametrize("name", ["sketch.sem", "embedding.sem", None])
def test_everything_has_a_name(viewer: ViewerPage, name: str | None) -> None:
    if name is not None:
        viewer.sample(name)
    viewer.page.locator("summary").click()
    names = viewer.page.evaluate(NAMES)
    assert len(names) > 10
    assert [element for element, text in names if not text.strip()] == []
    page = viewer.page
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == page.locator("main").count() == 1
    assert page.locator("[role=status][aria-live=polite]").count() == 1
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    assert page.locator("[tabindex]:not([tabindex='0'], [tabindex='-1'])").count() == 0
    assert page.locator("thead th:not([scope])").count() == 0


def test_an_error_is_announced(viewer: ViewerPage) -> None:
    viewer.sample("damaged.sem")
    assert viewer.page.locator("[role=alert]").count() == 1
    assert viewer.status.startswith("Not decoded: SEM-E-")


def test_the_keyboard_reaches_everything(viewer: ViewerPage) -> None:
    page, focused = viewer.page, []
    for _ in range(4):
        page.keyboard.press("Tab")
        focused.append(page.evaluate(FOCUS))
    assert focused == ["skip", "file", "photograph.sem", "indices.sem"]
    page.keyboard.press("Enter")
    viewer.done()
    assert viewer.text("#result h2") == "indices.sem"
    assert page.evaluate(FOCUS) == "result"
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS) == "save"
    while page.evaluate(FOCUS) != "magic":
        page.keyboard.press("Tab")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    assert page.evaluate(FOCUS) == "profile"
    assert viewer.text("#where").startswith("profile = 20: perco-small, byte 3, 8 bits")
    assert page.locator("#bytes .on").inner_text() == "14"
    assert page.locator("#fields [aria-pressed=true]").count() == 1
    page.keyboard.press("End")
    assert page.evaluate(FOCUS) == "check"
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS) == "bytes"


def test_the_chooser_opens_by_keyboard(viewer: ViewerPage) -> None:
    viewer.page.on("filechooser", lambda _: None)  # has the browser announce choosers from now on
    viewer.page.wait_for_timeout(300)
    viewer.page.locator("#file").focus()
    assert viewer.page.evaluate("getComputedStyle(document.querySelector('label[for=file]')).outlineStyle") == "solid"
    with viewer.page.expect_file_chooser() as chooser:
        viewer.page.keyboard.press("Enter")
    chooser.value.set_files(str(SAMPLES / "caption.sem"))
    viewer.done()
    assert viewer.text("#result h2") == "caption.sem"


def test_a_byte_leads_to_its_field(viewer: ViewerPage) -> None:
    viewer.sample("codes.sem")
    viewer.page.locator("#bytes .hex span").filter(has_text="0a").first.click()
    assert viewer.text("#where").startswith("profile = 10: perco-64-256")


@pytest.mark.parametrize("width", [320, 400, 800, 1600])
@pytest.mark.parametrize("name", ["photograph.sem", "caption.sem"])
def test_nothing_is_cut_off_at_any_width(browser: Any, address: str, width: int, name: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    viewer = ViewerPage(context.new_page(), address).open().sample(name)
    assert viewer.page.evaluate("document.scrollingElement.scrollWidth") <= width
    context.close()
