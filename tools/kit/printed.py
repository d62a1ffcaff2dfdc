# SPDX-License-Identifier: MIT
"""A page of HTML as PDF, printed by an installed Chromium through Playwright, with the same bytes each time."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Final

from tools.viewer.screenshots import chromium

NODE: Final = re.compile(rb"\(node([0-9]{8})\)")  # the id of an element of the document's structure
DATE: Final = re.compile(rb"/(CreationDate|ModDate) \(D:[^)]*\)")
FOOTER: Final = (
    '<div style="font: 7pt sans-serif; width: 100%; text-align: center">'
    '<span class="pageNumber"></span> / <span class="totalPages"></span></div>'
)


class NoBrowser(Exception):
    """There is no Chromium to print with."""


def pdf(page: Path, seconds: float) -> bytes:
    """Return the page as PDF, with outline, tags and working links, dated `seconds` after 1970.

    Raises NoBrowser if there is no Chromium or no Playwright.
    """
    program = chromium()
    if program is None or shutil.which(program) is None:
        raise NoBrowser("no Chromium is installed (or name one in the variable CHROMIUM): it prints SPEC.pdf")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise NoBrowser("Playwright is not installed: python -m pip install 'refcodec[viewer]'") from error
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto(page.resolve().as_uri())
        data = tab.pdf(
            prefer_css_page_size=True,
            print_background=True,
            outline=True,
            tagged=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
        )
        browser.close()
    return numbered(dated(data, seconds))


def dated(data: bytes, seconds: float) -> bytes:
    """Return a PDF with this date in place of its own, whose length stays, and so the offsets in the file."""
    text = time.strftime("D:%Y%m%d%H%M%S+00'00'", time.gmtime(seconds)).encode("ascii")

    def same_length(match: re.Match[bytes]) -> bytes:
        date = b"/%s (%s)" % (match[1], text)
        if len(date) != len(match[0]):
            raise ValueError(f"a date in the PDF has another form: {match[0]!r}")
        return date

    return DATE.sub(same_length, data)


def numbered(data: bytes) -> bytes:
    """Return a PDF with the ids of its structure numbered from 1, in their order; Chromium numbers on from page to page.

    Their length stays, and so the offsets in the file; their order stays, and so that of the tree of ids.
    """
    new = {old: b"(node%08d)" % number for number, old in enumerate(sorted(set(NODE.findall(data))), 1)}
    return NODE.sub(lambda match: new[match[1]], data)
