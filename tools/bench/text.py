# SPDX-License-Identifier: MIT
"""Measure caption sizes in every mode of SPEC §13.2, and the contribution of each part of the static model.

    python -m tools.bench.text CAPTIONS.tsv [--other FILE ...]

Trains on nine tenths of the images of CAPTIONS.tsv and measures the others (`is_held_out` of tools/train/caption.py).
All figures are mean lengths of encoded bodies (kind 2, without the 7 bytes of a compact header). The last block applies
the shipped model to other texts: a few samples, and the lines of --other files.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from refcodec.payloads.caption import compressed, ppm
from refcodec.payloads.caption import modes as caption
from refcodec.payloads.caption.ppm import CaptionModel, Node
from refcodec.table_files import SHIPPED
from tools.train.caption import build, dictionary, is_held_out, read

PARAMETERS = {
    "modes": list(caption.MODES),
    "static": ppm.SHA256,
    "dictionary": compressed.DICTIONARY_SHA256,
    "vocabulary": 49408,
    "tokenizer": None,
}
SAMPLES = (
    ("caption", "A brown dog sleeps on a red couch next to a window."),
    ("recipe", "Fold the beaten egg whites into the batter and bake for forty minutes at 180 degrees."),
    ("news", "The council voted on Tuesday to delay construction of the new bridge until next spring."),
    ("German", "Ein kleiner Junge fährt mit seinem Fahrrad über die Brücke."),
    ("Arabic", "قطة صغيرة تنام على الأريكة"),
    ("Japanese", "海辺で凧を揚げている子供たち"),
    ("emoji", "Two friends at the beach 🏖️😀"),
    ("empty", ""),
)


def mean(lengths: Sequence[int]) -> float:
    return sum(lengths) / len(lengths)


def static(data: bytes, texts: Sequence[bytes]) -> float:
    """Return the mean body length with these tables."""
    model = CaptionModel(data)
    return mean([len(caption.static(text, model)) for text in texts])


def modes(texts: Sequence[bytes], trained: Sequence[str], data: bytes) -> None:
    """Print the mean body length of each text mode."""
    zdict = compressed.loaded(dictionary(list(trained)))
    print(f"UTF-8            {mean([len(text) for text in texts]):8.3f}")
    print(f"raw              {mean([1 + len(text) for text in texts]):8.3f}")
    print(f"zlib             {mean([1 + len(compressed.deflate(text)) for text in texts]):8.3f}")
    print(f"zstd, dictionary {mean([1 + len(compressed.compress(text, zdict)) for text in texts]):8.3f}")
    print(f"static           {static(data, texts):8.3f}")


def ablation(texts: Sequence[bytes], trained: Sequence[str], data: bytes) -> None:
    """Print the mean body length without each part of the static model, and the increase."""
    complete = static(data, texts)

    def row(name: str, figure: float, size: int) -> None:
        print(f"{name:42}{size:8}{figure:8.3f}{figure - complete:+8.3f}", flush=True)

    print(f"{'':42}{'file':>8}{'bytes':>8}{'':>8}")
    row("complete model", complete, len(data))
    for depth, name in ((2, "no contexts of 3 pieces"), (1, "no contexts of 2 and 3"), (0, "no contexts at all")):
        part = build(trained, depth=depth)
        row(name, static(part, texts), len(part))
    with patch.object(Node, "without", lambda self, _: self.table):
        row("no exclusion after an escape", static(data, texts), len(data))
    for depth in (2, 0):
        part = build(trained, octet_depth=depth)
        row(f"spelling with contexts of {depth} octets, not 4", static(part, texts), len(part))
    for ids in (2048, 1024, 256):
        part = build(trained, ids=ids)
        row(f"{ids} ids", static(part, texts), len(part))
    for budget in (300_000, 200_000, 100_000):
        part = build(trained, budget=budget)
        row(f"at most {budget} bytes", static(part, texts), len(part))


def line(name: str, text: str) -> None:
    """Print the body length of one text in every mode."""
    bodies = {mode: len(caption.encode(text, PARAMETERS, mode, tables=SHIPPED)) for mode in caption.TEXT_MODES}
    columns = "".join(f"{bodies[mode]:8}" for mode in caption.TEXT_MODES)
    print(f"{name:10}{len(text.encode()):8}{columns}{len(caption.encode(text, PARAMETERS, tables=SHIPPED)):10}")


def others(files: Sequence[Path]) -> None:
    """Print body lengths of the samples and means over files, with the shipped tables."""
    print(f"{'':10}{'UTF-8':>8}" + "".join(f"{mode:>8}" for mode in caption.TEXT_MODES) + f"{'shortest':>10}")
    for name, text in SAMPLES:
        line(name, text)
    for path in files:
        texts = path.read_text(encoding="utf-8").splitlines()
        by_mode = [
            mean([len(caption.encode(text, PARAMETERS, mode, tables=SHIPPED)) for text in texts])
            for mode in caption.TEXT_MODES
        ]
        shortest = mean([len(caption.encode(text, PARAMETERS, tables=SHIPPED)) for text in texts])
        octets = mean([len(text.encode()) for text in texts])
        columns = "".join(f"{figure:8.2f}" for figure in by_mode)
        print(f"{path.stem[:9]:10}{octets:8.2f}{columns}{shortest:10.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path, metavar="CAPTIONS.tsv")
    parser.add_argument(
        "--other", type=Path, nargs="*", default=[], metavar="FILE", help="files with one text per line"
    )
    args = parser.parse_args()
    rows = read(args.captions)
    trained = [text for image, text in rows if not is_held_out(image)]
    texts = [text.encode() for image, text in rows if is_held_out(image)]
    print(f"trained on {len(trained)} captions, measured on {len(texts)} of other images; mean bytes\n")
    data = build(trained)
    modes(texts, trained, data)
    print()
    ablation(texts, trained, data)
    print()
    others(args.other)


if __name__ == "__main__":
    main()
