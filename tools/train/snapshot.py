# SPDX-License-Identifier: MIT
"""The averaged weights of a long run as they are now, for tools/train/pack.py: without optimiser, a quarter of the checkpoint.

    python -m tools.train.snapshot RUN --out RUN/snapshots/now.pt --photos PHOTOS

The same checkpoint gives the same bytes. With --photos a line of what it is worth on the held-out ones. The run may go on
meanwhile. Within a stage the averaged weights are as yet noisy; those that a stage ends with are written by the run itself.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import torch

from tools import program
from tools.train import elic, heldout, long, pack, photos

KEPT = ("ema", "step", "seconds", "config", "data", "seed")


def main(argv: list[str] | None = None) -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("run", type=Path, help="folder of tools/train/long.py")
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--photos", type=Path)
    args = ap.parse_args(argv)
    torch.set_num_threads(1)
    state = long.found(args.run)
    if state is None:
        raise SystemExit(f"error: {args.run} has no checkpoint")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    long.write({k: state[k] for k in KEPT}, args.out)
    row = {
        "step": state["step"],
        "seconds": round(state["seconds"]),
        "sha256": hashlib.sha256(args.out.read_bytes()).hexdigest(),
    }
    if args.photos:
        parts = [photos.centre(photos.load(p), heldout.SIDE) for p in photos.listing(args.photos)[-elic.HELD_OUT :]]
        rows = heldout.measure(pack.load(args.out)[0], parts)
        row |= {"bd": heldout.against(json.loads((args.run / "baseline.json").read_text()), rows), "held_out": rows}
    print(json.dumps(row))


if __name__ == "__main__":
    raise SystemExit(program.run(main))
