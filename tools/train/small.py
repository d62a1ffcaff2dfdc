# SPDX-License-Identifier: MIT
"""Build table models for payload kinds 3, 4 and 5 (SPEC §12) from embeddings or indices.

    python -m tools.train.small codebooks VECTORS.npy --parts 16 --words 1024 --out FOLDER --name my-codebooks
    python -m tools.train.small signs VECTORS.npy --bits 1 --out FOLDER --name my-signs
    python -m tools.train.small usage INDICES.npy... --words 256 --out FOLDER --name my-usage

VECTORS: image embeddings, real numbers [n, d]. INDICES: integers of any shape. Codebooks come from k-means (faiss,
seeded, one thread); signs and usage are counted. Each command prints the gain on its own training data.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from refcodec.networks.package import FORMAT, FORMAT_VERSION, build_model
from refcodec.networks.symbol_model import symbol_digest
from refcodec.networks.tensors import declare
from refcodec.payloads import clip_bits
from tools import program

TOTAL = 1 << 16
Array = NDArray[Any]


def codebooks(vectors: Array, m: int, v: int, *, iterations: int = 25, seed: int = 1) -> NDArray[np.float32]:
    """Run k-means in each of m parts of vectors [n, d]; return float32[m, v, d / m].

    Raises ValueError if m does not divide d, or if there are fewer than v vectors.
    """
    import faiss

    n, d = vectors.shape
    if d % m:
        raise ValueError(f"{d} dimensions cannot be cut into {m} parts")
    if n < v:
        raise ValueError(f"{v} code words need at least as many vectors, not {n}")
    faiss.omp_set_num_threads(1)
    parts = np.ascontiguousarray(vectors.astype(np.float32).reshape(n, m, d // m).transpose(1, 0, 2))
    out = []
    for part in parts:
        means = faiss.Kmeans(d // m, v, niter=iterations, seed=seed, min_points_per_centroid=1)
        means.train(np.ascontiguousarray(part))
        out.append(np.array(means.centroids, np.float32))
    return np.stack(out)


def signs(vectors: Array, b: int) -> NDArray[np.uint16]:
    """Return uint16[d]: the frequency, of 2^16, of each dimension of vectors [n, d] being positive. Counts start at 1/2."""
    half = 1 << (b - 1)
    positive = np.array([[code >= half for code in clip_bits.quantise(z, b)] for z in vectors])
    share = (positive.sum(0) + 0.5) / (len(vectors) + 1)
    out: NDArray[np.uint16] = np.clip(np.rint(share * TOTAL), 1, TOTAL - 1).astype(np.uint16)
    return out


def usage(indices: Array, v: int) -> NDArray[np.uint16]:
    """Return uint16[v]: frequencies, each >= 1, with sum 2^16. ValueError for v < 2, no index or one out of range."""
    if v < 2 or indices.size == 0 or indices.min() < 0 or indices.max() >= v:
        raise ValueError(f"indices must be 0 … {v - 1}, with --words at least 2")
    counts = np.bincount(indices.ravel(), minlength=v).astype(np.float64) + 0.5
    exact = counts / counts.sum() * (TOTAL - v)
    out = 1 + np.floor(exact).astype(np.int64)
    rest = TOTAL - int(out.sum())
    out[np.argsort(np.floor(exact) - exact, kind="stable")[:rest]] += 1  # largest remainders
    frequencies: NDArray[np.uint16] = out.astype(np.uint16)
    return frequencies


def write(folder: Path, name: str, numbers: dict[str, int], tensor: str, values: Array, data: str, licence: str) -> str:
    """Write a package of one tensor; return its digest."""
    tensors = {tensor: np.ascontiguousarray(values)}
    symbols: dict[str, Any] = {**numbers, "tensors": declare(tensors)}
    build_model(symbols, tensors)  # raises what a decoder would raise
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "symbols.safetensors").write_bytes(save(tensors))
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": name,
        "licence": licence,
        "notes": "",
        "training": {"data_sha256": data},
        "symbols": symbols,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return symbol_digest(symbols)


def _bits(frequencies: Array, symbols: Array) -> float:
    """Return the mean bits per symbol under a frequency table."""
    return float(-np.log2(frequencies[symbols] / frequencies.sum()).mean())


def main(argv: list[str] | None = None) -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("what", choices=["codebooks", "signs", "usage"])
    ap.add_argument("data", type=Path, nargs="+")
    ap.add_argument("--parts", type=int, default=16)
    ap.add_argument("--words", type=int, default=1024)
    ap.add_argument("--bits", type=int, default=1)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--name", required=True)
    ap.add_argument("--licence", default="", help="licence of the model, recorded in the manifest")
    args = ap.parse_args(argv)
    try:
        arrays = [np.load(path, allow_pickle=False) for path in args.data]
        print(_run(args, arrays))
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error


def _run(args: argparse.Namespace, arrays: list[Array]) -> str:
    """Run one command and write its package; return the line to print."""
    data = hashlib.sha256(b"".join(path.read_bytes() for path in args.data)).hexdigest()
    if args.what == "usage":
        flat = np.concatenate([array.ravel() for array in arrays]).astype(np.int64)
        table = usage(flat, args.words)
        digest = write(args.out, args.name, {"kind": 5, "v": args.words}, "usage", table, data, args.licence)
        return (
            f"{args.name}: {_bits(table, flat):.3f} bits per index, uniform {np.log2(args.words):.3f}; digest {digest}"
        )
    vectors = np.concatenate(arrays)
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ValueError("vectors must be finite numbers of shape [n, d]")
    d = vectors.shape[1]
    if args.what == "signs":
        table = signs(vectors, args.bits)
        digest = write(args.out, args.name, {"kind": 3, "d": d, "b": args.bits}, "sign", table, data, args.licence)
        share = table / TOTAL
        bits = -(share * np.log2(share) + (1 - share) * np.log2(1 - share)).sum()
        return f"{args.name}: {bits:.1f} bits for the {d} signs of a vector; digest {digest}"
    books = codebooks(vectors, args.parts, args.words, seed=args.seed)
    numbers = {"kind": 4, "m": args.parts, "v": args.words, "d": d}
    digest = write(args.out, args.name, numbers, "codebooks", books, data, args.licence)
    parts = vectors.reshape(len(vectors), args.parts, -1).astype(np.float64)
    error = 0.0
    for part, book in zip(parts.transpose(1, 0, 2), books.astype(np.float64), strict=True):
        for rows in np.array_split(part, -(-len(part) // 256)):
            error += float(((rows[:, None] - book) ** 2).sum(2).min(1).sum())
    return (
        f"{args.name}: {error / float((vectors.astype(np.float64) ** 2).sum()):.4f} of the energy lost; digest {digest}"
    )


if __name__ == "__main__":
    raise SystemExit(program.run(main))
