# SPDX-License-Identifier: MIT
"""Copy the viewer and what it needs into one folder, which any server of static files can serve.

    python -m tools.viewer.publish OUT            # a new or empty folder
    python -m tools.viewer.publish OUT --serve    # and serve it on http://127.0.0.1:8000 (--port N)

Files keep their paths within the repository, so that modules find one another by the same relative addresses; the page
itself becomes index.html of the folder.
"""

from __future__ import annotations

import argparse
import http.server
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VIEWER = Path("tools/viewer")
MODELS = Path("refcodec/data/models")
PARTS = ("manifest.json", "symbols.safetensors", "painter.safetensors")
DATA = (
    "refcodec/registry/registry.json",
    "refcodec/report/inspection.css",
    "refcodec/entropy/data/gaussian.bin",
    "refcodec/payloads/data/consonant.bin",
    "refcodec/payloads/data/caption.bin",
    "refcodec/payloads/data/caption.zdict",
    "LICENSE",
    "NOTICE",
)
MODULE = re.compile(r'(?:from |import |new URL\()"(\.[^"]+\.mjs)"')


def modules(start: Path) -> set[Path]:
    """Return the modules that a module imports or starts as workers, and itself, as paths within the repository."""
    found, left = set(), [start]
    while left:
        path = left.pop()
        if path not in found:
            found.add(path)
            text = (ROOT / path).read_text(encoding="utf-8")
            left += [(ROOT / path.parent / name).resolve().relative_to(ROOT) for name in MODULE.findall(text)]
    return found


def files() -> Iterator[Path]:
    """Yield the path within the repository of each file that the page consists of, except for index.html."""
    yield from sorted(modules(VIEWER / "main.mjs"))
    for pattern in ("*.css", "*.svg", "samples/*"):
        yield from sorted(path.relative_to(ROOT) for path in (ROOT / VIEWER).glob(pattern))
    for folder in sorted((ROOT / MODELS).iterdir()):
        if (folder / "manifest.json").is_file():
            yield from (folder.relative_to(ROOT) / part for part in PARTS)
    yield from map(Path, DATA)


def page() -> str:
    """Return index.html with the addresses of its files as seen from the folder."""
    text = (ROOT / VIEWER / "index.html").read_text(encoding="utf-8")
    return text.replace('="./', f'="./{VIEWER.as_posix()}/').replace('="../../', '="./')


def publish(folder: Path) -> int:
    """Write the page into a new or empty folder and return its size in bytes. SystemExit if the folder is in use."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SystemExit(f"{folder} is there already: name a new or an empty folder")
    for path in files():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, target)
    (folder / "index.html").write_text(page(), encoding="utf-8")
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Handler(http.server.SimpleHTTPRequestHandler):
    """A server of static files with the media types that browsers require."""

    extensions_map = {  # noqa: RUF012 as in the base class
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".css": "text/css",
        ".svg": "image/svg+xml",
    }

    def end_headers(self) -> None:
        """Add headers that a document cannot set itself, and keep a browser from using old modules."""
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing for each request."""


def server(folder: Path, port: int = 0) -> http.server.ThreadingHTTPServer:
    """Return a server of a folder on the loopback address; port 0: any free one."""
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(folder)))


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("folder", type=Path, metavar="OUT")
    ap.add_argument("--serve", action="store_true", help="serve the folder until interrupted")
    ap.add_argument("--port", type=int, default=8000)
    args = ap.parse_args()
    size = publish(args.folder)
    print(f"{args.folder}: {sum(1 for _ in files()) + 1} files, {size / 1e6:.1f} MB")
    if args.serve:
        with server(args.folder, args.port) as running:
            print(f"serving http://127.0.0.1:{running.server_address[1]}/ until interrupted", flush=True)
            try:
                running.serve_forever()
            except KeyboardInterrupt:
                print()


if __name__ == "__main__":
    main()
