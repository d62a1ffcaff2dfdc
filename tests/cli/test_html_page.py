# SPDX-License-Identifier: MIT
"""Pages for browsers: their policy, that they keep to it, and that a hostile file stays text in them."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool
from PIL import Image

from refcodec import codec
from refcodec.cli.html_page import Rules, page

ROOT = Path(__file__).resolve().parents[2]
DECODER = ROOT / "conformance" / "decoders" / "js"
VIEWER = ROOT / "tools" / "viewer"
HOSTILE = (
    "</script><script>alert(1)</script>",
    "</style><style>*{background:url(http://x.invalid)}</style>",
    "</title><base href='http://x.invalid/'><form action='http://x.invalid'>",
    "' onmouseover='alert(1)",
    '" style="background:url(http://x.invalid)" onload="alert(1)',
    "javascript:alert(1)",
    "<a href='javascript:alert(1)'>",
    "<img src=x onerror=alert(1)>",
    "<!--",
    "]]><svg/onload=alert(1)>",
    "&lt;b&gt;&#x3c;",
    "\u202eevil\u2066 bidi",
    "\u0007\u001b[31m\u009b",
    "{}\\3c",
)


class Page(HTMLParser):
    """The tags, attributes and styles of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.styles: list[str] = []
        self.scripts: list[str] = []
        self._within = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert len(attrs) == len(dict(attrs)), "an attribute is repeated"
        self.tags.append((tag, dict(attrs)))
        self._within = tag

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in ("style", "script"):
            (self.styles if self._within == "style" else self.scripts).append(data)

    @property
    def policy(self) -> dict[str, list[str]]:
        found = [
            a
            for tag, a in self.tags
            if tag == "meta" and (a.get("http-equiv") or "").lower() == "content-security-policy"
        ]
        assert len(found) == 1
        parts = [part.split() for part in (found[0]["content"] or "").split(";")]
        assert len({part[0] for part in parts}) == len(parts), "only the first of two directives counts"
        return {part[0]: part[1:] for part in parts}


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def keeps_its_policy(text: str, connect: list[str], script: list[str], *, images: bool = False) -> Page:
    """The policy allows nothing but what is named, and nothing on the page would need more."""
    read = Page(text)
    policy = read.policy
    assert policy["default-src"] == ["'none'"]
    assert policy["base-uri"] == policy["form-action"] == ["'none'"]
    assert policy["script-src"] == script
    assert policy.get("connect-src", []) == connect
    assert policy["require-trusted-types-for"] == ["'script'"]
    assert policy.get("img-src", []) == (["data:"] if images else [])
    assert not {"frame-src", "object-src", "worker-src"} & set(policy)
    assert not any("unsafe" in word or "*" in word or "http" in word for words in policy.values() for word in words)
    assert policy["style-src"] == [digest(style) for style in read.styles]
    names = [tag for tag, _ in read.tags]
    head = [i for i, (tag, a) in enumerate(read.tags) if tag in ("style", "script", "link")]
    assert names.index("meta") < min(head)
    for tag, attributes in read.tags:
        assert tag not in ("base", "form", "iframe", "object", "embed", "link", "a")
        assert images or tag not in ("svg", "img")
        if tag in ("img", "image"):
            address = attributes.get("src") or attributes.get("href") or ""
            assert re.fullmatch("data:image/(png|jpeg);base64,[A-Za-z0-9+/]+=*", address)
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcdoc", "formaction")]
        assert not any(
            "javascript:" in (value or "") for name, value in attributes.items() if name in ("href", "src", "action")
        )
    return read


@pytest.fixture
def hostile(place: Path) -> Path:
    """A file whose metadata and name are written against pages."""
    path = place / "'\"><script>alert(1)<" / "\u202e</title><script>alert(2)</script>.sem".replace("/", "_")
    path.parent.mkdir()
    notes = {f"k{i}{text}"[:60]: text for i, text in enumerate(HOSTILE)}
    path.write_bytes(codec.encode_file(None, text="a cat", size=(64, 64), metadata=notes).data + b"<script>" * 600)
    return path


def test_a_hostile_file_is_text(semtool: Semtool, hostile: Path) -> None:
    assert semtool("inspect", hostile, "--html", "page.html").status == 3
    text = Path("page.html").read_text(encoding="utf-8")
    read = keeps_its_policy(text, [], ["'none'"])
    assert {tag for tag, _ in read.tags} <= {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "dl", "dt", "dd",
        "div", "span", "table", "tr", "th", "td", "code", "i", "b"}  # fmt: skip
    assert len(read.styles) == 1
    assert "</" not in read.styles[0]
    assert not [c for c in text if c != "\n" and not c.isprintable()]
    for word in ("alert(1)", "javascript:", "\\u202e"):
        assert word in text


@pytest.mark.parametrize("vector", ["elic", "grease", "broken", "empty", "long"])
def test_every_page_keeps_its_policy(semtool: Semtool, place: Path, vector: str) -> None:
    files = {
        "elic": lambda: next((ROOT / "test_vectors" / "elic").glob("*.sem")).read_bytes(),
        "grease": lambda: next((ROOT / "test_vectors").rglob("grease.sem")).read_bytes(),
        "broken": lambda: b"\xf5\x9e\xff",
        "empty": lambda: b"",
        "long": lambda: b"\xf5\x9e" + bytes(range(256)) * 64,
    }
    Path("x.sem").write_bytes(files[vector]())
    semtool("inspect", "x.sem", "--html", "page.html")
    keeps_its_policy(Path("page.html").read_text(encoding="utf-8"), [], ["'none'"])


def test_a_style_sheet_has_the_digest_of_its_page() -> None:
    text = page("<t>", "b{color:red}", "<b>x</b>")
    assert Page(text).policy["style-src"] == [digest("b{color:red}")]
    assert "<title>&lt;t&gt;</title>" in text
    rules = Rules()
    assert [rules.name("a:1"), rules.name("b:2"), rules.name("a:1")] == ["s0", "s1", "s0"]
    assert rules.css() == ".s0{a:1}\n.s1{b:2}\n"


@pytest.fixture
def report(semtool: Semtool, place: Path) -> Path:
    """A report of `semtool bench rate` on pictures, of a codec and of a metric with hostile names."""
    pytest.importorskip("scipy")
    Path("pictures").mkdir()
    rng = np.random.default_rng(1)
    for name in ("</title><script>alert(1)<", "' onload='alert(1)"):
        small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        small.resize((96, 80), Image.Resampling.BICUBIC).save(f"pictures/{name}.png".replace("</", "<:"))
    Path("copy.py").write_text("import shutil, sys\nshutil.copy(*sys.argv[1:3])\n")
    copy = f'"{sys.executable}" -S copy.py {{input}} {{output}}'
    words = ["--codec-cmd", copy, copy, "--codec-id", HOSTILE[0], "--qualities", "3,4", "--anchors", "jpeg,webp"]
    done = semtool("bench", "rate", "pictures", *words, "--metrics", "psnr", "--html", "report.html", "--crop-bpp", "4")
    assert done.status == 0, done.err
    return Path("report.html")


def test_a_report_keeps_its_policy_and_hostile_names_are_text(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    read = keeps_its_policy(text, [], ["'none'"], images=True)
    assert {tag for tag, _ in read.tags} <= {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "div",
        "span", "table", "thead", "tbody", "tr", "th", "td", "b", "br", "small", "ul", "li", "figure", "figcaption", "img",
        "svg", "g", "path", "rect", "circle", "clippath", "text", "image", "details", "summary", "footer", "code"}  # fmt: skip
    assert len(read.styles) == 1
    assert sum(tag == "img" for tag, _ in read.tags) == 2 * 4  # two pictures: the original and three codecs
    assert "&lt;script&gt;alert(1)" in text
    assert not [c for c in text if c != "\n" and not c.isprintable()]


def test_the_page_of_the_decoder_leads_to_the_viewer() -> None:
    text = (DECODER / "index.html").read_text(encoding="utf-8")
    read = Page(text)
    assert read.policy == {"default-src": ["'none'"], "base-uri": ["'none'"], "form-action": ["'none'"]}
    (target,) = [a["href"] for tag, a in read.tags if tag == "a"]
    assert target is not None
    assert (DECODER / target).resolve() == ROOT / "tools/viewer/index.html"
    assert f"url={target}" in text
    assert not read.scripts


def test_the_page_of_the_viewer() -> None:
    read = Page((VIEWER / "index.html").read_text(encoding="utf-8"))
    policy = read.policy
    assert policy.pop("script-src") == ["'self'"]
    assert policy.pop("trusted-types") == ["sem-worker"]
    assert policy.pop("require-trusted-types-for") == ["'script'"]
    for name in ("default-src", "base-uri", "form-action"):
        assert policy.pop(name) == ["'none'"]
    assert policy == {name: ["'self'"] for name in ("worker-src", "connect-src", "style-src", "img-src")}
    assert [a.get("src") for tag, a in read.tags if tag == "script"] == ["./main.mjs"]
    assert not [script for script in read.scripts if script.strip()]
    for tag, attributes in read.tags:
        assert tag not in ("base", "form", "iframe", "object", "embed", "style")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    names = [tag for tag, _ in read.tags]
    assert names.index("meta") < min(names.index("script"), names.index("link"))
    for path in (*DECODER.glob("*.mjs"), *VIEWER.rglob("*.mjs")):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function", source), path
        assert not re.search(r"https?://", source), path


# --- in a browser -------------------------------------------------------------------------------------------------

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
browser = pytest.mark.skipif(BROWSER is None, reason="needs chromium")


def opened(address: str, folder: Path) -> tuple[str, str]:
    """The document after a while in a browser, and what its console says."""
    assert BROWSER is not None
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}", "--virtual-time-budget=8000"]
    done = subprocess.run(
        [BROWSER, *options, "--enable-logging=stderr", "--dump-dom", address],
        capture_output=True,
        timeout=120,
        check=True,
    )
    said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if "CONSOLE" in line]
    return done.stdout.decode(), "\n".join(said)


@browser
def test_a_browser_shows_a_hostile_file(semtool: Semtool, hostile: Path, tmp_path: Path) -> None:
    semtool("inspect", hostile, "--html", "page.html")
    document, console = opened(Path("page.html").absolute().as_uri(), tmp_path / "profile")
    assert (console, "<script" in document) == ("", False)
    text = Path("page.html").read_text()
    for more in ("<p style='color:red'>", "<style>p{}</style>", "<script>document.title='ran'</script>", "<img src=data:,x>",
                 "<svg onload=document.title='ran'></svg>", "<base href=http://x.invalid/>"):  # fmt: skip
        Path("more.html").write_text(text.replace("</body>", f"{more}</body>"))
        document, console = opened(Path("more.html").absolute().as_uri(), tmp_path / "profile")
        assert "Content Security Policy" in console, more
        assert "<title>ran" not in document


@browser
def test_a_browser_shows_a_report(report: Path, tmp_path: Path) -> None:
    document, console = opened(report.absolute().as_uri(), tmp_path / "profile")
    assert (console, "<script" in document) == ("", False)
    text = report.read_text()
    for more in ("<p style='color:red'>", "<style>p{}</style>", "<script>document.title='ran'</script>",
                 "<img src=http://x.invalid/x.png>", "<svg onload=document.title='ran'></svg>"):  # fmt: skip
        Path("more.html").write_text(text.replace("</body>", f"{more}</body>"))
        document, console = opened(Path("more.html").absolute().as_uri(), tmp_path / "profile")
        assert "Content Security Policy" in console, more
        assert "<title>ran" not in document
