# SPDX-License-Identifier: MIT
"""How long things take: what exactness costs, encoding and decoding after start-up, `semtool` from its start.

    python tools/bench/speed.py [--n 192] [--m 320] [--size 768x512] [--threads 2]

The first block runs ELIC's entropy networks in exact integers and in float32. Both sides run the same code over the same (coded) sites: the hyper-decoder, then for each group and pass the channel
context, the spatial context and the head; only the dtype differs. Random weights: time does not depend on them. The
coder is not included, since it is the same for both.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
import refcodec
from refcodec.models.elic import config
from refcodec.models.elic.net import Elic
from refcodec.models.elic.quantise import calibrate, logistic_tables, symbol_model
from refcodec.models.numpy_backend import NumpyBackend
from refcodec.models.package import SymbolModel, build
from refcodec.models.predict import Backend, Predictor
from refcodec.models.torch_backend import TorchBackend
from tools.bench.timing import interleaved, machine, timed


def model(n: int, m: int) -> SymbolModel:
    """The symbol model of an untrained TACO network of these widths."""
    torch.manual_seed(1)
    net = Elic(config.taco(n, m)).eval()
    ranges = calibrate(net, [torch.rand(1, 3, 128, 128)])
    z = logistic_tables(np.zeros((1, n)), np.ones((1, n)))
    return build(*symbol_model(net, ranges, z))


def entropy_pass(symbols: SymbolModel, shape: tuple[int, int], backend: Backend) -> None:
    """Every network evaluation of one decode of a latent of `shape` (h, w), symbols all zero."""
    predictor = Predictor(symbols, 0, shape, backend)
    predictor.start(np.zeros((symbols.hyper, shape[0] // 4, shape[1] // 4), np.int32))
    for k in range(len(symbols.groups)):
        for step in (0, 1):
            mean, _ = predictor.params(k, step)
            predictor.put(k, step, mean)


def codec(width: int, height: int, repeats: int) -> bytes:
    """Prints encode and decode of a picture with the embedded model; returns the file."""
    from PIL import Image

    from tools.demo import sample

    pixels = np.asarray(Image.open(sample()).convert("RGB").resize((width, height), Image.Resampling.BICUBIC))
    data = refcodec.encode(pixels, quality=5)
    encode, decode = timed(lambda: refcodec.encode(pixels, quality=5), repeats), timed(lambda: refcodec.decode(data), repeats)
    print(f"{'encode, embedded model':28} {1000 * encode.min_s:8.0f} ms  ({len(data)} bytes)")
    print(f"{'decode, embedded model':28} {1000 * decode.min_s:8.0f} ms")
    return data


def started(command: str, name: str, data: bytes, repeats: int) -> None:
    """Prints `semtool COMMAND` on a file, process start to exit."""
    program = str(Path(sys.executable).parent / "semtool")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.sem"
        path.write_bytes(data)
        t = timed(lambda: subprocess.run([program, command, str(path)], stdout=subprocess.DEVNULL, check=True), repeats)
    print(f"{f'semtool {command}, {name}':28} {1000 * t.min_s:8.0f} ms  (median {1000 * t.median_s:.0f} ms)")


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--n", type=int, default=192)
    ap.add_argument("--m", type=int, default=320)
    ap.add_argument("--size", default="768x512")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--repeats", type=int, default=5)
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    width, height = (int(v) for v in args.size.split("x"))
    shape = (4 * -(-height // 64), 4 * -(-width // 64))
    symbols = model(args.n, args.m)
    rows: list[tuple[str, Backend]] = [
        ("torch float32 (not exact)", TorchBackend(torch.float32)), ("torch float64, exact", TorchBackend()),
        ("numpy float32 (not exact)", NumpyBackend(np.float32)), ("numpy float64, exact", NumpyBackend()),
    ]  # fmt: skip
    print(f"$ python {' '.join(sys.argv)}")
    print(f"{machine()}; {args.threads} threads; N = {args.n}, M = {args.m}, {width}x{height}, min of {args.repeats}")
    times = interleaved([lambda b=b: entropy_pass(symbols, shape, b) for _, b in rows], args.repeats, 1)  # type: ignore[misc]
    for i, ((name, _), t) in enumerate(zip(rows, times, strict=True)):
        ratio = f"{t.min_s / times[i - 1].min_s:5.2f} x" if i % 2 else ""
        print(f"{name:28} {1000 * t.min_s:8.0f} ms  {ratio}")
    photo, repeats = codec(width, height, args.repeats), 3 * args.repeats
    started("inspect", "photo", photo, repeats)
    vector = np.random.default_rng(1).normal(size=768)
    for name, data in (
        ("caption", refcodec.encode(caption="A cat on a mat.", size=(768, 512))),
        ("consonants", refcodec.encode(text="old stone bridge", size=(1024, 1024))),
        ("CLIP", refcodec.encode(vector=vector, size=(768, 768))),
    ):
        started("payload", name, data, repeats)


if __name__ == "__main__":
    main()
