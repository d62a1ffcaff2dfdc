# SPDX-License-Identifier: MIT
"""Bytes and quality of descriptions: captions, consonants, sketches, VQ indices."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean
from typing import Any, Final

from tools.results.bench import DESCRIPTIONS, Bench, Figures, Inputs, Row

TARGET: Final = 0.015  # bits per pixel of the sketches that the page shows


def _read_text(document: Any, _: Inputs) -> Figures:
    rows = {(row["kind"], row["what"]): row for row in document}

    def first(kind: str, words: str) -> tuple[str, dict[str, Any]]:
        return next((what, row) for (of, what), row in rows.items() if of == kind and words in what)

    what, captions = first("caption", "captions of")
    fixed, coded = first("consonant", "four bits per letter")[1], first("consonant", "% shorter")[1]
    files = {
        "clip": first("clip", "1 bit"),
        "vq": first("vq", "8×12 indices of 256"),
        "tokens": first("caption", "prompt token"),
    }
    return {
        "captions": int(what.split()[0]),
        "characters": float(what.split()[3]),
        "caption_payload": round(captions["payload"], 2),
        "caption_file": round(captions["file"], 2),
        "consonants_shorter_percent": round(100 * (1 - coded["payload"] / fixed["payload"]), 1),
        "files": {name: row["file"] for name, (_, row) in files.items()},
    }


def _text_rows(f: Figures) -> list[Row]:
    caption = f"{f['caption_payload']:.2f} bytes, {f['caption_file']:.1f} as a file"
    files = f["files"]
    return [
        (f"captions of {f['characters']:.0f} characters that the tables have not seen, mean", caption),
        ("1-bit CLIP vector; PerCo 8×12 indices of 256; 16 prompt tokens, as files", f"{files['clip']}; {files['vq']}; {files['tokens']} bytes"),
        ("consonant text, coded against four bits a letter", f"{f['consonants_shorter_percent']:.1f} % shorter"),
    ]  # fmt: skip


def _read_shares(document: Any, _: Inputs) -> Figures:
    return {name: round(document[name], 2) for name in ("exact", "to_number")}


def _read_restore(document: Any, inputs: Inputs) -> Figures:
    return _read_shares(document["captions"], inputs)


def _shares_rows(what: str) -> Callable[[Figures], list[Row]]:
    return lambda f: [(what, f"{f['exact']:.1f} % exact, {f['to_number']:.1f} % up to number")]


def _read_sketch(document: Any, _: Inputs) -> Figures:
    rows = [row for row in document if row["map"] == "contours" and row["target"] == TARGET]
    return {
        codec: {
            name: round(mean(row[name] for row in rows if row["codec"] == codec), 4)
            for name in ("bytes", "ms_ssim", "f1_64")
        }
        for codec in dict.fromkeys(row["codec"] for row in rows)
    }


def _sketch_rows(f: Figures) -> list[Row]:
    def pair(codec: str) -> str:
        return f"{f[codec]['ms_ssim']:.3f} and {f[codec]['f1_64']:.3f}"

    others = ", ".join(f"{codec} {pair(codec)}" for codec in f if codec != "sketch")
    return [(f"edge maps of Kodak at {TARGET} bpp, MS-SSIM and edge F1", f"{pair('sketch')} ({others})")]


def _read_prior(document: Any, _: Inputs) -> Figures:
    return {"pictures": len(document)} | {
        name: round(mean(row[name] for row in document)) for name in ("prior", "usage", "zlib")
    }


def _prior_rows(f: Figures) -> list[Row]:
    found = f"draft kind 48, learned prior: {f['prior']}; kind 5 with its table: {f['usage']}; zlib: {f['zlib']}"
    return [(f"VQ indices of vq-small, {f['pictures']} Kodak pictures, bytes a picture", found)]


def _read_tokens(document: Any, _: Inputs) -> Figures:
    return {name: round(document[name], 2) for name in ("one count", "any count")}


def _tokens_rows(f: Figures) -> list[Row]:
    found = f"{f['one count']:.0f} with one count, {f['any count']:.0f} with any"
    return [("the same as tokens with a count, draft kind 49", found)]


def _read_vq(document: Any, _: Inputs) -> Figures:
    (point,) = document["curves"][document["codec"]["name"]]["average"]
    return {"bpp": round(point["bpp"], 4), "psnr": round(point["psnr"], 2), "ms_ssim": round(point["ms-ssim"], 4)}


def _vq_rows(f: Figures) -> list[Row]:
    found = f"{f['bpp']:.4f} bpp, {f['psnr']:.2f} dB, MS-SSIM {f['ms_ssim']:.3f}"
    return [("the embedded VQ autoencoder, Kodak, means", found)]


def _vq_2_rows(f: Figures) -> list[Row]:
    return [("the same with profile perco-small-2", _vq_rows(f)[0][1])]


SKETCH: Final = "--cache out/sketch-anchors.json --json OUT"
KEY_WORDS: Final = "key words of unseen captions, which is what method consonant sends, restored from their consonants"
ALL_WORDS: Final = "entire unseen captions restored from their consonants, function words too"
VQ: Final = "semtool bench rate KODAK --method perco"

BENCHES: Final = (
    Bench("text", "python -m tools.bench.sizes --captions CAPTIONS", _read_text, heading=DESCRIPTIONS, rows=_text_rows),
    Bench("key-words", "python -m tools.bench.key_words --quick CAPTIONS", _read_shares, heading=DESCRIPTIONS, rows=_shares_rows(KEY_WORDS)),
    Bench("restore", "python -m tools.bench.restore --quick CAPTIONS", _read_restore, heading=DESCRIPTIONS, rows=_shares_rows(ALL_WORDS)),
    Bench("sketch", "python -m tools.bench.sketch KODAK", _read_sketch, SKETCH, heading=DESCRIPTIONS, rows=_sketch_rows),
    Bench("index-prior", "python -m tools.bench.index_prior KODAK", _read_prior, heading=DESCRIPTIONS, rows=_prior_rows),
    Bench("tokens", "python -m tools.drafts.bench tokens KODAK", _read_tokens, heading=DESCRIPTIONS, rows=_tokens_rows),
    Bench("vq", VQ, _read_vq, "-o OUT --cache out/bench-cache", heading=DESCRIPTIONS, rows=_vq_rows),
    Bench("vq-2", f"{VQ} --profile perco-small-2", _read_vq, "-o OUT --cache out/bench-cache", heading=DESCRIPTIONS, rows=_vq_2_rows),
)  # fmt: skip
