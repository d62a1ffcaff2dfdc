# SPDX-License-Identifier: MIT
"""Make the sample files of the viewer: one for each payload kind, and one that is damaged.

    python -m tools.viewer.samples [--check]

The photograph is "coffee" (CC0, Rachel Michetti) from the sample pictures of scikit-image. The embedding and the codes
are random numbers: they show the form of a file, and stand for no picture. `--check` writes nothing, and fails if a file
would change.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import refcodec
from tools.demo import sample

FOLDER = Path(__file__).parent / "samples"


@dataclass(frozen=True)
class Sample:
    """A sample file: its name, what the page calls it, and how its bytes are made."""

    name: str
    label: str
    kind: str
    make: Callable[[], bytes]


def _photograph() -> bytes:
    return refcodec.encode(sample(), quality=4, metadata={"title": "Coffee", "licence": "CC0, Rachel Michetti"})


def _indices() -> bytes:
    return refcodec.encode(sample(), method="perco", caption="a cup of coffee on a wooden table")


def _sketch() -> bytes:
    return refcodec.encode(sample(), method="pics", caption="a cup of coffee on a wooden table", bpp=0.02)


def _consonants() -> bytes:
    text = "red cup of coffee on a wooden table"
    return refcodec.encode(text=text, size=(512, 512), profile="consonant-coded")


def _caption() -> bytes:
    return refcodec.encode(
        method="pics",
        caption="An old stone bridge over a river in autumn, the hills behind it in fog.",
        size=(768, 512),
        hints={"seed": "7", "steps": "30"},
    )


def _vector() -> bytes:
    vector = np.random.default_rng(3).standard_normal(768).astype(np.float32)
    return refcodec.encode(method="clip", vector=vector, size=(512, 512))


def _codes() -> bytes:
    codes = np.random.default_rng(4).integers(0, 256, 16)
    caption = "two sailing boats in a harbour at dusk"
    return refcodec.encode(method="perco", profile="perco-64-256", codes=codes, caption=caption, size=(512, 512))


def _damaged() -> bytes:
    data = bytearray((FOLDER / "photograph.sem").read_bytes())
    data[len(data) // 2] ^= 0x10
    return bytes(data)


SAMPLES = (
    Sample("photograph.sem", "Photograph", "elic", _photograph),
    Sample("indices.sem", "Preview and caption", "vq", _indices),
    Sample("sketch.sem", "Sketch and caption", "sketch", _sketch),
    Sample("caption.sem", "Caption", "caption", _caption),
    Sample("consonants.sem", "Consonants", "consonant", _consonants),
    Sample("embedding.sem", "Embedding", "clip", _vector),
    Sample("codes.sem", "Product codes", "pq", _codes),
    Sample("damaged.sem", "One bit flipped", "damaged", _damaged),
)


def index() -> bytes:
    """Return the list of samples that the page reads."""
    rows = [
        {"file": s.name, "label": s.label, "kind": s.kind, "bytes": (FOLDER / s.name).stat().st_size} for s in SAMPLES
    ]
    return (json.dumps(rows, indent=1) + "\n").encode()


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--check", action="store_true", help="write nothing; fail if a file would change")
    check = ap.parse_args().check
    changed = []
    for one in (*SAMPLES, None):
        path = FOLDER / (one.name if one else "index.json")
        data = one.make() if one else index()
        if not path.exists() or path.read_bytes() != data:
            changed.append(path.name)
            if not check:
                path.write_bytes(data)
        print(f"{path.name}: {len(data)} bytes{', changed' if path.name in changed else ''}")
    if check and changed:
        raise SystemExit(f"{len(changed)} files would change: {', '.join(changed)}")


if __name__ == "__main__":
    main()
