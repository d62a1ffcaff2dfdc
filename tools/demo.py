# SPDX-License-Identifier: MIT
"""Encode a photograph to `.sem` and decode it, with the methods whose models are part of the package.

    python -m tools.demo [PHOTO] [--quality Q]

Without PHOTO, uses "coffee" (CC0, Rachel Michetti) from the sample pictures of scikit-image.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import math
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from refcodec.images.load import load
from refcodec.images.save import save

ROOT = Path(__file__).resolve().parents[1]

OUT = ROOT / "out/demo"


def sample() -> Path:
    """Return the path of a freely licensed photograph that scikit-image contains."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise SystemExit("no sample photo: install scikit-image, or name a photo")
    return Path(spec.origin).parent / "data/coffee.png"


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Return PSNR in dB over R, G and B."""
    mse = float(np.mean((a.astype(np.float64) - b) ** 2))
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)


def best_jpeg(pixels: NDArray[np.uint8], budget: int) -> tuple[int, NDArray[np.uint8]]:
    """Return size and pixels of the best JPEG (optimised, 4:2:0) within `budget` bytes, else of the smallest."""
    best: bytes = b""
    for quality in range(1, 96):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=quality, optimize=True, subsampling="4:2:0")
        if best and len(out.getvalue()) > budget:
            break
        best = out.getvalue()
    return len(best), np.asarray(Image.open(io.BytesIO(best)).convert("RGB"))


def side_by_side(panels: list[tuple[str, NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """Join pictures of equal height into one, with a label above each."""
    font = ImageFont.load_default(size=16)
    height, gap, bar = panels[0][1].shape[0], 8, 28
    widths = [p.shape[1] for _, p in panels]
    sheet = Image.new("RGB", (sum(widths) + gap * (len(panels) - 1), height + bar), "white")
    draw, x = ImageDraw.Draw(sheet), 0
    for (label, pixels), width in zip(panels, widths, strict=True):
        draw.text((x + 2, 4), label, fill="black", font=font)
        sheet.paste(Image.fromarray(pixels), (x, bar))
        x += width + gap
    return np.asarray(sheet)


def run(*args: str) -> None:
    """Print and run a semtool command; exit if it fails."""
    print(f"\n$ semtool {shlex.join(a.removeprefix(str(ROOT) + '/') for a in args)}", flush=True)
    done = subprocess.run([str(Path(sys.executable).parent / "semtool"), *args], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def descriptions(photo: Path, before: NDArray[np.uint8]) -> Path:
    """Encode the picture with perco, pics and consonant; return a comparison of what the package alone can reconstruct."""
    vq, pics, words = (OUT / f"{photo.stem}-{name}.sem" for name in ("perco", "pics", "consonant"))
    run("encode", str(photo), "-o", str(vq), "--method", "perco")
    run("decode", str(vq), "-o", str(OUT / "perco.png"))
    run("encode", str(photo), "-o", str(pics), "--method", "pics", "--caption", "A cup of coffee.", "--bpp", "0.02")
    run("decode", str(pics), "--symbols", "-o", str(OUT / "sketch.png"))
    run("encode", "--text", "a red cup of coffee on a wooden table", "--size", "512x512", "-o", str(words))
    run("decode", str(words), "--text")
    preview, sketch = load(OUT / "perco.png").pixels, load(OUT / "sketch.png").pixels
    small = Image.fromarray(sketch).resize((before.shape[1], before.shape[0]), Image.Resampling.BILINEAR)
    panels = [
        (f"original, {before.shape[1]}x{before.shape[0]}", before),
        (f"perco, {vq.stat().st_size} bytes: the embedded preview", preview),
        (f"pics, {pics.stat().st_size} bytes: the sketch for its generator", np.asarray(small)),
    ]
    picture = OUT / "descriptions.png"
    save(side_by_side(panels), picture)
    return picture


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("photo", nargs="?", type=Path)
    ap.add_argument("--quality", default="4")
    args = ap.parse_args()
    photo = args.photo or sample()
    OUT.mkdir(parents=True, exist_ok=True)
    sem, png = OUT / f"{photo.stem}.sem", OUT / f"{photo.stem}.png"
    run("encode", str(photo), "-o", str(sem), "--quality", args.quality)
    run("inspect", str(sem))
    run("verify", str(sem))
    run("decode", str(sem), "-o", str(png))
    before, after = load(photo).pixels, load(png).pixels
    size = sem.stat().st_size
    jpeg_bytes, jpeg = best_jpeg(before, size)
    panels = [
        (f"original, {before.shape[1]}x{before.shape[0]}", before),
        (f".sem, {size} bytes, {psnr(before, after):.2f} dB", after),
        (f"JPEG, {jpeg_bytes} bytes, {psnr(before, jpeg):.2f} dB", jpeg),
    ]
    picture = OUT / "side-by-side.png"
    save(side_by_side(panels), picture)
    described = descriptions(photo, before)
    bpp = 8 * size / (before.shape[0] * before.shape[1])
    print(f"\n{sem.relative_to(ROOT)}: {size} bytes, {bpp:.4f} bpp, PSNR {psnr(before, after):.2f} dB")
    print(f"side by side: {picture.relative_to(ROOT)}, {described.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
