# SPDX-License-Identifier: MIT
"""Measure what a learned prior saves: bytes of the VQ indices of pictures, at equal indices.

    python -m tools.bench.index_prior KODAK [--prior FOLDER] [--package FOLDER] [--json OUT]

Each picture is encoded to the indices of the package, and those are coded as kind 5 does without and with its usage
table, by zlib (16 bits an index), at the entropy of the indices of the picture itself (which no decoder knows), and as
the draft kind of drafts/grids.md. Every body of the draft kind is decoded again and compared, and timed.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refcodec import spec
from refcodec.networks import package_search
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.package import TableModel, load_any, read_manifest
from refcodec.networks.tensors import load_declared
from refcodec.payloads import vq_indices
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.drafts import grids
from refcodec.payloads.drafts.grid_prior import IndexPrior, build
from refcodec.payloads.vq_indices import VqIndices
from refcodec.transforms.vq.transforms import VqEncoder
from tools.train import photos

PRIOR = Path(__file__).resolve().parents[2] / "drafts" / "vectors" / "models" / "vq-small-prior"


@dataclass(frozen=True)
class Row:
    """Bytes of the indices of one picture, coded in several ways, and the processor seconds of the last."""

    picture: str
    indices: int
    uniform: int
    usage: int
    zlib: int
    entropy: float
    prior: int
    encode_seconds: float
    decode_seconds: float


def load_prior(folder: Path) -> IndexPrior:
    """Return the prior of a package."""
    symbols = read_manifest(folder)["symbols"]
    return build(symbols, load_declared(folder / "symbols.safetensors", symbols.get("tensors")))


def measure(name: str, indices: NDArray[np.int64], stride: int, usage: list[int], prior: IndexPrior) -> Row:
    """Return the sizes of the indices int64[h, w] of a picture. Raises AssertionError if they do not decode again."""
    h, w = indices.shape
    size = w * stride, h * stride
    plain = {"v": prior.v, "stride": stride, "usage": False}
    flat = VqIndices(tuple(indices.ravel().tolist()), h, w).indices
    context = CodingContext({"v": prior.v, "grids": [stride]}, size, model=prior, backend=NumpyBackend())
    value = grids.IndexGrids((indices.astype(np.uint16),))
    start = time.process_time()
    body = grids.encode(value, context)
    middle = time.process_time()
    decoded = grids.decode(body, context)
    end = time.process_time()
    assert decoded.serialise() == value.serialise(), f"{name}: other indices"
    share = np.bincount(indices.ravel()) / indices.size
    share = share[share > 0]
    return Row(
        name,
        indices.size,
        len(vq_indices.encode(flat, plain, size)),
        len(vq_indices.encode(flat, plain, size, usage)),
        len(zlib.compress(indices.astype(">u2").tobytes(), 9)),
        round(float(-(share * np.log2(share)).sum()) * indices.size / 8, 1),
        len(body),
        round(middle - start, 3),
        round(end - middle, 3),
    )


def main(argv: list[str] | None = None) -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("pictures", type=Path, help="folder of pictures")
    ap.add_argument("--prior", type=Path, default=PRIOR, help="package of the prior")
    ap.add_argument("--package", type=Path, default=package_search.SHIPPED / "vq-small", help="package of kind 5")
    ap.add_argument("--json", type=Path, help="write the rows to this file, too")
    args = ap.parse_args(argv)
    prior, encoder = load_prior(args.prior), VqEncoder(args.package, read_manifest(args.package))
    table = load_any(args.package)
    if not isinstance(table, TableModel) or table.kind != spec.VQ:
        raise SystemExit(f"error: {args.package} has no table of kind 5")
    usage = table.table
    rows = []
    for path in photos.listing(args.pictures):
        rows.append(measure(path.name, encoder(photos.load(path)), encoder.cfg.stride, usage, prior))
        print(line(rows[-1]), flush=True)
    if not rows:
        raise SystemExit(f"error: {args.pictures} has no pictures")
    print(summary(rows))
    if args.json is not None:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def line(row: Row) -> str:
    """Return the line of one picture."""
    saved = 100 * (1 - row.prior / row.usage)
    return (
        f"{row.picture}: {row.indices} indices; uniform {row.uniform}, usage {row.usage}, zlib {row.zlib}, "
        f"entropy {row.entropy:.0f}, prior {row.prior} ({saved:.1f} % less than usage); "
        f"{row.encode_seconds:.2f} s, {row.decode_seconds:.2f} s"
    )


def summary(rows: list[Row]) -> str:
    """Return the means over all pictures as a table in Markdown."""
    total = sum(row.indices for row in rows)
    lines = ["", f"| {len(rows)} pictures | bytes a picture | bits an index | against usage |", "|---|---|---|---|"]
    usage = sum(row.usage for row in rows)
    for label, name in (
        ("kind 5, uniform", "uniform"),
        ("kind 5, usage table", "usage"),
        ("zlib, 16 bits an index", "zlib"),
        ("entropy within each picture", "entropy"),
        ("draft kind 48, prior", "prior"),
    ):
        size = sum(getattr(row, name) for row in rows)
        lines.append(
            f"| {label} | {size / len(rows):.1f} | {8 * size / total:.3f} | {100 * (size / usage - 1):+.1f} % |"
        )
    seconds = [sum(getattr(row, name) for row in rows) / len(rows) for name in ("encode_seconds", "decode_seconds")]
    return "\n".join([*lines, "", f"encode {seconds[0]:.2f} s, decode {seconds[1]:.2f} s of a processor a picture"])


if __name__ == "__main__":
    main()
