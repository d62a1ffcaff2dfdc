# SPDX-License-Identifier: MIT
"""Provenance that is written against its readers: no command, page or notebook passes on what a terminal or browser obeys."""

from __future__ import annotations

import io
import json
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from cli_harness import Done, Semtool, valid
from PIL import Image
from provenance_files import with_provenance

import refcodec
import refcodec.pillow
from refcodec import notebook

DIGEST = "0123456789abcdef"
BYTES = 60_000
HOSTILE = {
    "controls": "".join(map(chr, [*range(32), *range(0x7F, 0xA0)])),
    "escapes": "\x1b[2J\x1b]0;owned\x07\x1b]8;;http://x.invalid\x1b\\link\x1b]8;;\x1b\\\x1b]52;c;bHM=\x07\x9b31m\x90q\x9c",
    "lines": "a\r\nSEM-E-501 check-mismatch: b\n\x0b\x0c\u0085\u2028\u2029c\rd\b\b\b",
    "directions": "\u061c\u200e\u200fa\u202a\u202b\u202c\u202d\u202egpj.exe\u2066\u2067\u2068\u2069",
    "invisible": "a\u00ad\u200b\u2060\ufeffb\U000e0041\U000e007f\ufff9c\ufffb\u180e",
    "not characters": "\ufffe\uffff\U0001fffe\ufdd0\ue000\U0010fffd",
    "page": "</title></style></script><script>alert(1)</script><img src=x onerror=alert(1)>' onload='alert(1)\" style=\"x",
    "format": "%s%n{0}{}${HOME}`id`$(id)\\x1b[31m\\u202e[red]x[/red][link=http://x.invalid]",
    "long": "\x1b[31m" * (BYTES // 5),
    "long text": "a" * BYTES,
    "combining": "a" + "\u0301" * 20_000,
    "model": f"hyper_encoder sha256:{DIGEST}, \x1b[31m sha256:{DIGEST}, sha256:{DIGEST}, , tokenizer  sha256:",
    "models": ", ".join(f"role{i} sha256:{i:08x}" for i in range(2000)),
}
KEYS = ("encoder", "model", "\x1b[31m", "\u202ek", "<b>'\"&", "__proto__", "constructor", "0", "%s{}")


def entries_of(value: str) -> dict[str, str]:
    """Return the value under several keys, as far as a section may be long, and as the key."""
    keys = KEYS if len(value.encode()) < 1000 else ("model",)
    return dict.fromkeys(keys, value) | {(value.encode()[:60]).decode("utf-8", "ignore"): "k"}


@pytest.fixture(scope="module")
def photo() -> bytes:
    pixels = np.arange(32 * 48 * 3, dtype=np.uint32).reshape(32, 48, 3) % 251
    return refcodec.encode(pixels.astype(np.uint8))


@pytest.fixture(params=HOSTILE, ids=list(HOSTILE))
def entries(request: pytest.FixtureRequest) -> dict[str, str]:
    return entries_of(HOSTILE[request.param])


@pytest.fixture
def path(place: Path, photo: bytes, entries: dict[str, str]) -> Path:
    Path("x.sem").write_bytes(with_provenance(photo, entries))
    return Path("x.sem")


def harmless(done: Done, lines: int = 400, width: int = 1000) -> None:
    """Everything printed is printable, and in lines that a person can read."""
    for text in (done.text, done.err):
        assert not [c for c in text if c != "\n" and not c.isprintable()]
        assert len(text.splitlines()) <= lines
        assert max(map(len, text.splitlines()), default=0) <= width


def test_commands(semtool: Semtool, path: Path, photo: bytes, entries: dict[str, str]) -> None:
    start = time.process_time()
    for args in (["inspect", path], ["inspect", path, "--deep", "--memory"], ["inspect", path, path], ["verify", path]):
        done = semtool(*args)
        assert done.status == 0
        harmless(done)
    assert semtool("inspect", path, "--hex").status == 0
    done = semtool("decode", path, "-o", "y.png")
    assert done.status == 0
    harmless(done)
    Path("plain.sem").write_bytes(photo)
    semtool("decode", "plain.sem", "-o", "plain.png")
    assert Path("y.png").read_bytes() == Path("plain.png").read_bytes()
    harmless(semtool("payload", path))
    assert time.process_time() - start < 30


def test_json(semtool: Semtool, path: Path, entries: dict[str, str]) -> None:
    done = semtool("inspect", path, "--json")
    valid("inspect", done.json)
    assert done.text.isascii()
    harmless(done, lines=10_000, width=12 * BYTES)
    shown = {field["name"].rpartition(".")[2]: [] for field in done.json["fields"]}
    for field in done.json["fields"]:
        shown[field["name"].rpartition(".")[2]].append(field["value"])
    assert dict(zip(shown["key"], shown["value"], strict=True)) == entries
    valid("verify", semtool("verify", path, "--json").json)


class Tags(HTMLParser):
    """The tags of a page, and the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attrs)}


TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h1",
    "h2",
    "h3",
    "p",
    "dl",
    "dt",
    "dd",
    "div",
    "span",
    "table",
}
TAGS |= {"tr", "th", "td", "code", "i", "b", "details", "summary", "figure", "img"}
ATTRIBUTES = {
    "lang",
    "charset",
    "name",
    "content",
    "http-equiv",
    "class",
    "title",
    "colspan",
    "src",
    "width",
    "height",
    "alt",
}


def test_pages_and_notebooks(semtool: Semtool, path: Path, entries: dict[str, str]) -> None:
    assert semtool("inspect", path, "--html", "page.html").status == 0
    pages = [Path("page.html").read_text("utf-8"), refcodec.inspect(path)._repr_html_()]
    with Image.open(path) as opened:
        pages.append(notebook.image_html(opened))
        assert opened.info["provenance"] == entries
    for page in pages:
        assert Tags(page).found <= TAGS | ATTRIBUTES
        assert not [c for c in page if c != "\n" and not c.isprintable()]
        assert len(page) < 3_000_000


def test_many_entries(semtool: Semtool, place: Path, photo: bytes) -> None:
    """As many entries as a section may have, each of which begins a sequence for terminals."""
    Path("x.sem").write_bytes(with_provenance(photo, {f"\x1b[{i}m": "\x9b" * 20 for i in range(1024)}))
    start = time.process_time()
    for args in (["inspect", "x.sem"], ["verify", "x.sem"], ["inspect", "x.sem", "--html", "page.html"]):
        done = semtool(*args)
        assert done.status == 0
        harmless(done, lines=6000)
    assert not [c for c in Path("page.html").read_text("utf-8") if c != "\n" and not c.isprintable()]
    assert time.process_time() - start < 30


@pytest.mark.parametrize(
    ("word", "stated"),
    [
        (f"sha256:{DIGEST}", True),
        (f"sha256:{DIGEST[:8]}", True),
        (f"sha256:{DIGEST * 4}", True),
        (f"\x1b[31m sha256:{DIGEST}", True),
        (f"\u202e sha256:{DIGEST}", True),
        (f"sha256:{DIGEST[:7]}", False),
        (f"sha256:{DIGEST * 4}0", False),
        (f"sha256:{DIGEST.upper()}", False),
        (f"SHA256:{DIGEST}", False),
        (f"sha256:{DIGEST}\n", False),
        (f"sha256:{DIGEST}\r", False),
        (f"sha256:{DIGEST}\u202e", False),
        (f"\ufeffsha256:{DIGEST}", False),
        ("sha256:" + "".join(chr(0x660 + i) for i in range(8)), False),  # digits of another script
        ("sha256:" + "".join(chr(0xFF10 + i) for i in range(8)), False),
        (f"sha256:{DIGEST} sha256:{DIGEST}", False),
        (f"sha256:{DIGEST[:8]}\0{DIGEST[:8]}", False),
        ("sha256:", False),
        ("sha256:../../../../etc/passwd", False),
        (f"sha256:0x{DIGEST}", False),
        (f"sha256:sha256:{DIGEST}", False),
        ("sha256:" + "a" * BYTES, False),
        (" " * BYTES, False),
    ],
)
def test_forms_of_digests(word: str, stated: bool, place: Path, semtool: Semtool) -> None:
    """A digest that is not of the form of SPEC §7 states nothing; one that is, is compared."""
    from refcodec.foundation import identity

    provenance = {"model": f"hyper_encoder {word}"}
    found = identity.stated_in(provenance)
    assert set(found) == ({"hyper_encoder"} if stated else set())
    data = refcodec.encode(indices=[0] * 16, method="perco", profile="perco-16-256", size=(64, 64))
    Path("x.sem").write_bytes(with_provenance(data, provenance))
    for args in (["inspect", "x.sem"], ["verify", "x.sem"], ["decode", "x.sem", "--symbols", "-o", "y.png"]):
        done = semtool(*args)
        assert done.status == 0, done.err
        harmless(done)
    harmless(semtool("decode", "x.sem", "-o", "z.png"))


def test_a_digest_that_differs_is_shown_as_hexadecimal(place: Path) -> None:
    """What the error of another model quotes of the provenance is digits alone."""
    from refcodec.foundation import identity
    from refcodec.methods.identity_check import Filled, StatedIdentity, compare

    stated = identity.stated_in({"model": f"codebooks \x1b[31m sha256:{DIGEST}"})
    folder = Path(refcodec.__file__).parent / "data/models/vq-small"
    notices = compare(StatedIdentity({"provenance": stated}), [Filled("codebooks", folder)], any_model=True)
    assert len(notices) == 1
    assert all(text.isprintable() for text in notices)


def test_editors_keep_and_remove_it(place: Path, photo: bytes, semtool: Semtool) -> None:
    entries = entries_of(HOSTILE["escapes"])
    Path("x.sem").write_bytes(with_provenance(photo, entries))
    done = semtool("strip", "x.sem", "-o", "y.sem")
    assert (done.status, Path("y.sem").read_bytes()) == (0, photo)
    harmless(done)
    with Image.open(io.BytesIO(Path("x.sem").read_bytes())) as opened:
        assert json.loads(json.dumps(opened.info["provenance"])) == entries
