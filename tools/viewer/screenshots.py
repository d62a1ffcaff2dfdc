# SPDX-License-Identifier: MIT
"""Take the screenshots of docs/viewer.md in headless Chromium.

    python -m tools.viewer.screenshots [--out FOLDER]

Needs playwright (the extra "viewer") and an installed Chromium. Pictures are reduced to a palette, at most 100 kB each.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tools.viewer.publish import ROOT, server

OUT = ROOT / "docs/images"
BYTES = 100_000  # of a picture
SAMPLES = Path(__file__).parent / "samples"
HOSTILE = {"title": "<img src=x onerror=alert(1)>", "note": "</script><script>alert(1)</script>"}


@dataclass(frozen=True)
class Shot:
    """A screenshot: its name, the sample, the colour scheme, the height in pixels, and what to scroll to."""

    name: str
    sample: str
    scheme: str = "light"
    height: int = 860
    to: str = "body"
    width: int = 1120


SHOTS = (
    Shot("elic", "photograph.sem", height=960),
    Shot("dark", "photograph.sem", "dark", height=960),
    Shot("vq", "indices.sem", height=1000, to="#result"),
    Shot("sketch", "sketch.sem", height=1010, to="#result"),
    Shot("caption", "caption.sem", height=560, to="#result"),
    Shot("consonant", "consonants.sem", height=560, to="#result"),
    Shot("clip", "embedding.sem", height=640, to="#result"),
    Shot("pq", "codes.sem", height=640, to="#result"),
    Shot("fields", "codes.sem", height=620, to="h2:has-text('Sections')"),
    Shot("damaged", "damaged.sem", height=560, to="#result"),
    Shot("hostile", "", height=640, to="#result"),
    Shot("narrow", "sketch.sem", height=900, width=420, to="#result"),
)


def chromium() -> str | None:
    """Return the path of an installed Chromium, that of the variable CHROMIUM first, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def small(png: bytes) -> bytes:
    """Return a picture with as many colours as fit into `BYTES`."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (256, 128, 64, 32):
        out = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if len(out.getvalue()) <= BYTES:
            break
    return out.getvalue()


def hostile() -> bytes:
    """Return a file whose metadata is written against pages."""
    import refcodec

    return refcodec.encode(text="a cat", size=(64, 64), metadata=HOSTILE)


def take(browser: Any, address: str, shot: Shot) -> bytes:
    """Return the picture of one page."""
    size = {"width": shot.width, "height": shot.height}
    context = browser.new_context(viewport=size, color_scheme=shot.scheme, reduced_motion="reduce")
    page = context.new_page()
    page.goto(address)
    page.locator("#samples button").first.wait_for()
    if shot.sample:
        page.locator(f"#samples button[data-file='{shot.sample}']").click()
    else:
        page.set_input_files(
            "#file", {"name": "<script>.sem", "mimeType": "application/octet-stream", "buffer": hostile()}
        )
    page.locator("#result[aria-busy=false]").wait_for(state="attached", timeout=60_000)
    if shot.name == "fields":
        page.locator("#fields td button").nth(6).click()
    page.locator(shot.to).first.evaluate("(e) => scrollTo(0, e.getBoundingClientRect().top + scrollY - 16)")
    page.wait_for_timeout(400)
    png: bytes = page.screenshot()
    context.close()
    return png


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", type=Path, default=OUT)
    ap.add_argument("--only", help="names, separated by commas")
    args = ap.parse_args()
    from playwright.sync_api import sync_playwright

    with server(ROOT) as running, sync_playwright() as started:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        browser = started.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        address = f"http://127.0.0.1:{running.server_address[1]}/tools/viewer/index.html"
        for shot in SHOTS:
            if args.only and shot.name not in args.only.split(","):
                continue
            data = small(take(browser, address, shot))
            path = args.out / f"viewer-{shot.name}.png"
            path.write_bytes(data)
            print(f"{path.name}: {len(data)} bytes")
        browser.close()
        running.shutdown()


if __name__ == "__main__":
    main()
