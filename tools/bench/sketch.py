# SPDX-License-Identifier: MIT
"""Compare sketches (SPEC §13.6) with WebP and AVIF files of the same edge maps at the same number of bytes.

    python -m tools.bench.sketch PICTURES --json out/sketch.json --cache out/sketch-anchors.json

Two maps of each picture are used: the detector's contours and the plain Sobel magnitude (edge_detector.py in
refcodec/images); with --hed FOLDER, a folder of the role edge_detector, also HED's probabilities. At each target, the sketch is the complete .sem file of the highest rate that fits, header and check
included. Anchors are the map at 1, 1/2, 1/3, 1/4, 1/6 and 1/8 of its size (Lanczos), enlarged again by a bicubic or a
Lanczos filter, at the highest quality whose file fits the target, or the size of the sketch if that is larger. Because
downscaling dims thin lines, each anchor is also tried with its contrast raised to the energy of the original; the bytes
of that factor are not counted. For each picture and metric the best of these 22 variants counts, so the columns of one
anchor can come from different files.

Metrics: MS-SSIM of the grey maps, 0 to 1; PSNR in dB, at most 99. Edge F1: both maps are binarised (value > t); a pixel is matched if the other
map has a set pixel at a Chebyshev distance of at most 1; precision and recall are the matched shares of the decoded and
of the original pixels, F1 their harmonic mean, 1 if both maps are empty and 0 if one is. F1@64 is F1 at t = 64; F1 mean
is the mean over t = 32, 64, 96, 128.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import sys
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, __version__, features
from scipy.ndimage import maximum_filter

from refcodec import spec, table_files
from refcodec.cli.bench import distortions
from refcodec.cli.bench.measure import Source, load
from refcodec.images import edge_detector

Map = NDArray[np.uint8]
Row = dict[str, Any]
Cache = dict[str, Any]

Detector = Callable[[NDArray[np.uint8]], Map]
MAPS: dict[str, Detector] = {"contours": edge_detector.contours, "sobel": edge_detector.sobel}
TARGETS = (0.015, 0.025)  # bits per pixel
FACTORS = (1, 2, 3, 4, 6, 8)
FILTERS = (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
THRESHOLDS = (32, 64, 96, 128)
METRICS = ("ms_ssim", "psnr", "f1_64", "f1_mean")
SETTINGS: dict[str, dict[str, Any]] = {
    "WebP": {"method": 6},
    "AVIF": {"speed": 4, "subsampling": "4:0:0", "max_threads": 1},
}
MODEL = Path(__file__).resolve().parents[2] / "refcodec" / "data" / "models" / "sketch-small"


def f1(original: Map, decoded: Map, threshold: int) -> float:
    """Return edge F1 with one pixel of tolerance, 0 to 1."""
    a, b = original > threshold, decoded > threshold
    if not a.any() or not b.any():
        return float(a.any() == b.any())
    recall = float((a & maximum_filter(b, 3)).sum() / a.sum())
    precision = float((b & maximum_filter(a, 3)).sum() / b.sum())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def grey_ms_ssim(original: Map, decoded: Map) -> float:
    """Return `distortions.ms_ssim` of grey pictures, in a third of the time of three equal channels."""
    x, y = (m[..., None].astype(np.float64) for m in (original, decoded))
    product = 1.0
    for scale, weight in enumerate(distortions.SCALE_WEIGHTS):
        if scale:
            x, y = distortions._halve(x), distortions._halve(y)
        full, contrast = distortions._ssim(x, y)
        factor = float((full if scale == len(distortions.SCALE_WEIGHTS) - 1 else contrast)[0])
        product *= max(factor, 0.0) ** weight
    return product


def scores(original: Map, decoded: Map) -> dict[str, float]:
    """Return all `METRICS` of two maps uint8[H, W]."""
    by_threshold = {t: f1(original, decoded, t) for t in THRESHOLDS}
    mse = float(np.mean((original.astype(np.float64) - decoded) ** 2))
    return {
        "ms_ssim": grey_ms_ssim(original, decoded),
        "psnr": 10 * math.log10(255**2 / mse) if mse > 0 else 99.0,
        "f1_64": by_threshold[64],
        "f1_mean": float(np.mean(list(by_threshold.values()))),
    }


def anchor_file(name: str, image: Image.Image, budget: int) -> bytes | None:
    """Return the file of the highest quality within `budget` bytes, None if even the lowest quality is larger."""
    best, lo, hi = None, 0, 100
    while lo <= hi:
        quality = (lo + hi) // 2 if best else 0  # if the lowest does not fit, no quality does
        file = io.BytesIO()
        image.save(file, name, quality=quality, **SETTINGS[name])
        if len(file.getvalue()) <= budget:
            best, lo = file.getvalue(), quality + 1
        elif best is None:
            return None
        else:
            hi = quality - 1
    return best


def anchor_variants(name: str, original: Map, budget: int) -> Iterator[Row]:
    """Yield every factor, filter and contrast whose file fits: {"factor", "filter", "contrast", "bytes", metrics …}."""
    full_size = Image.fromarray(original)
    for factor in FACTORS:
        size = (-(-full_size.width // factor), -(-full_size.height // factor))
        scaled = full_size if factor == 1 else full_size.resize(size, Image.Resampling.LANCZOS)
        data = anchor_file(name, scaled, budget)
        if data is None:
            continue
        with Image.open(io.BytesIO(data)) as file:
            small = file.convert("L")
        for kind in FILTERS[:1] if factor == 1 else FILTERS:
            enlarged = np.asarray(small if factor == 1 else small.resize(full_size.size, kind))
            for contrast in {1.0, energy_ratio(original, enlarged)}:
                decoded = np.clip(np.rint(contrast * enlarged), 0, 255).astype(np.uint8)
                row = {"factor": factor, "filter": kind.name, "contrast": contrast, "bytes": len(data)}
                yield {**row, **scores(original, decoded)}


def energy_ratio(original: Map, decoded: Map) -> float:
    """Return the factor >= 1 on the decoded grey values that restores the energy of the original."""
    a, b = (float(np.sum(m.astype(np.float64) ** 2)) for m in (original, decoded))
    return max(1.0, round((a / b) ** 0.5, 2)) if b else 1.0


def anchor(name: str, original: Map, budget: int, cache: Cache) -> Row:
    """Return the best variant by each metric and the file it came from; all 0 if no variant fits."""
    identity = f"{__version__} {features.version(name.lower())} {json.dumps(SETTINGS[name], sort_keys=True)}"
    key = hashlib.sha256(f"3 {name} {identity} {original.shape} {budget}".encode() + original.tobytes()).hexdigest()
    if key not in cache:
        cache[key] = list(anchor_variants(name, original, budget))
    none = {"factor": 0, "filter": "", "contrast": 1.0, "bytes": 0, **dict.fromkeys(METRICS, 0.0)}
    best: dict[str, Row] = {m: max(cache[key], key=itemgetter(m), default=none) for m in METRICS}
    used = {m: {name: row[name] for name in ("factor", "filter", "contrast", "bytes")} for m, row in best.items()}
    return {
        "bytes": max(row["bytes"] for row in best.values()),
        **{m: row[m] for m, row in best.items()},
        "files": used,
    }


def row_of(folder: Path) -> str | None:
    """Return the name of the first row whose model is this package; None for the model of no row, which is sent by digest."""
    from refcodec.networks import package
    from refcodec.registry import Registry

    digest = package.load(folder).digest
    rows = Registry.shipped().rows.values()
    return next((row.name for row in rows if row.model == digest), None)


def sketch(original: Map, budget: int, folder: Path) -> Row:
    """Return size and metrics of the .sem file of the highest rate that fits, decoded from its bytes alone."""
    from refcodec.codec import encode_file
    from refcodec.decoder import decode_file
    from refcodec.methods import sketch as method

    size, bpp = (
        (original.shape[1], original.shape[0]),
        (8 * budget + 0.5) / original.size,
    )  # half a bit against rounding of the division
    data = encode_file(None, sketch=original, method="pics", profile=row_of(folder), model=folder, bpp=bpp).data
    latents = decode_file(data, models=folder).value(spec.SKETCH)
    return {"bytes": len(data), "rate": latents.rate, **scores(original, method.synthesise(latents, folder, size))}


def hed_detector(folder: Path, kept: Path | None) -> Detector:
    """Return the detector of the role folder `folder`; maps are kept as PNG in `kept`, by the digest of the picture."""
    from refcodec.foundation.folder_digest import folder_sha256
    from refcodec.foundation.hed import EdgeDetector
    from refcodec.foundation.resolve import Models

    detector, digest = EdgeDetector.load(folder, Models.of(device="cpu")), folder_sha256(folder)

    def detect(pixels: NDArray[np.uint8]) -> Map:
        name = hashlib.sha256(f"{digest} {pixels.shape}".encode() + pixels.tobytes()).hexdigest()
        path = None if kept is None else kept / f"{name[:32]}.png"
        if path is not None and path.exists():
            with Image.open(path) as image:
                return np.asarray(image)
        edges = detector(pixels)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(edges).save(path)
        return edges

    return detect


def measure(source: Source, folder: Path | None, cache: Cache, maps: dict[str, Detector]) -> Iterator[Row]:
    """Yield rows {"picture", "map", "target", "codec", "bytes", "bpp", metrics …} of one picture."""
    for kind, detect in maps.items():
        original = detect(source.pixels)
        for target in TARGETS:
            budget = int(target * original.size / 8)
            rows: dict[str, Row] = {} if folder is None else {"sketch": sketch(original, budget, folder)}
            allowed = max(budget, rows["sketch"]["bytes"] if rows else 0)
            rows |= {name: anchor(name, original, allowed, cache) for name in SETTINGS}
            for name, row in rows.items():
                bpp = 8 * row["bytes"] / original.size
                yield {"picture": source.name, "map": kind, "target": target, "codec": name, "bpp": bpp, **row}


def table(rows: list[Row]) -> str:
    """Format means over the pictures, and the number of pictures each codec is best on, by each metric."""
    head = f"{'map':9} {'target':>6} {'codec':7} {'bytes':>7} {'bpp':>7} {'MS-SSIM':>8} {'PSNR':>6} {'F1@64':>7} {'F1 mean':>8}  best of the pictures"
    lines = [head]
    for kind in dict.fromkeys(r["map"] for r in rows):
        for target in TARGETS:
            here = [r for r in rows if r["map"] == kind and r["target"] == target]
            names = list(dict.fromkeys(r["codec"] for r in here))
            by = {n: [r for r in here if r["codec"] == n] for n in names}
            for n in names:
                mean = {k: float(np.mean([r[k] for r in by[n]])) for k in ("bytes", "bpp", *METRICS)}
                wins = [
                    sum(all(by[n][i][k] > by[o][i][k] for o in names if o != n) for i in range(len(by[n])))
                    for k in METRICS
                ]
                lines.append(
                    f"{kind:9} {target:6.3f} {n:7} {mean['bytes']:7.0f} {mean['bpp']:7.4f} {mean['ms_ssim']:8.4f}"
                    f" {mean['psnr']:6.2f} {mean['f1_64']:7.3f} {mean['f1_mean']:8.3f}  {' '.join(map(str, wins))} of {len(by[n])}"
                )
    return "\n".join(lines)


def curve(sources: list[Source], folder: Path, maps: dict[str, Detector]) -> str:
    """Format bpp and metrics of every rate of the package, as means over the pictures."""
    from refcodec.methods import sketch as method
    from refcodec.networks import package

    lines = [f"{'map':9} {'rate':>4} {'bpp':>7} {'MS-SSIM':>8} {'PSNR':>6} {'F1@64':>7} {'F1 mean':>8}"]
    for kind, detect in maps.items():
        originals = [detect(source.pixels) for source in sources]
        encoders = [method.SketchEncoder(m, folder, tables=table_files.SHIPPED) for m in originals]
        for rate in range(package.load(folder).rates):
            per_picture = []
            for original, encoder in zip(originals, encoders, strict=True):
                encoded = encoder.at(rate)
                decoded = method.synthesise(encoded.latents, folder, (original.shape[1], original.shape[0]))
                per_picture.append([8 * len(encoded.body) / original.size, *scores(original, decoded).values()])
            mean = np.mean(per_picture, 0)
            lines.append(
                f"{kind:9} {rate:4} {mean[0]:7.4f} {mean[1]:8.4f} {mean[2]:6.2f} {mean[3]:7.3f} {mean[4]:8.3f}"
            )
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Print the table, or with --curve every rate of the package."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("pictures", nargs="+", type=Path, help="picture files, or folders of them")
    ap.add_argument("--model", type=Path, default=MODEL, help="package of kind 6")
    ap.add_argument("--anchors-only", action="store_true", help="measure WebP and AVIF alone, into the cache")
    ap.add_argument("--curve", action="store_true", help="print every rate of the package instead")
    ap.add_argument(
        "--hed", type=Path, metavar="FOLDER", help="measure HED maps, too: a folder of the role edge_detector"
    )
    ap.add_argument("--hed-maps", type=Path, metavar="FOLDER", help="folder that keeps HED maps between runs")
    ap.add_argument("--maps", nargs="+", choices=[*MAPS, "hed"], help="measure these maps only")
    ap.add_argument("--json", type=Path, help="write every row to this file")
    ap.add_argument("--cache", type=Path, help="file that caches the measurements of the anchors between runs")
    args = ap.parse_args(argv)
    if args.hed is None and "hed" in (args.maps or ()):
        ap.error("HED maps need --hed FOLDER")
    maps = {**MAPS, **({} if args.hed is None else {"hed": hed_detector(args.hed, args.hed_maps)})}
    maps = {name: detect for name, detect in maps.items() if name in (args.maps or maps)}
    if args.curve:
        print(curve(load(args.pictures), args.model, maps))
        return 0
    cache: Cache = json.loads(args.cache.read_text()) if args.cache and args.cache.exists() else {}
    rows: list[Row] = []
    for source in load(args.pictures):
        rows += measure(source, None if args.anchors_only else args.model, cache, maps)
        if args.cache:
            args.cache.write_text(json.dumps(cache))
    print(table(rows))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
