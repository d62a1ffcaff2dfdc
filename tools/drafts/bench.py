# SPDX-License-Identifier: MIT
"""Compare drafts with today's kinds on photographs: bytes of bodies for the same symbols.

python -m tools.drafts.bench tokens FOLDER       VQ indices of perco-small as kind 5, and as a sequence with a count
python -m tools.drafts.bench scheduled FOLDER    latents of elic-small as kind 7, and by the schedule of ELIC
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from refcodec import spec
from refcodec.codec import encode_file
from refcodec.environment import Environment
from refcodec.networks import package, package_cache, package_search
from refcodec.networks.scheduled_model import build
from refcodec.networks.table_model import TableModel
from refcodec.networks.tensors import declare
from refcodec.payloads import latents
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.drafts import scheduled
from refcodec.payloads.drafts.tokens import KIND as TOKENS
from refcodec.payloads.drafts.tokens import Tokens
from refcodec.table_files import SHIPPED as TABLES
from tools.drafts.schedules import elic

COUNTS: dict[str, Callable[[int], list[int]]] = {
    "one count": lambda n: [n],
    "13 counts": lambda n: sorted({2**i for i in range(12)} | {n}),
    "any count": lambda n: list(range(1, max(4096, n) + 1)),
}  # name -> the counts of a row, for a picture of n indices


def pictures(folder: Path) -> Iterator[Path]:
    """Yield the pictures of a folder."""
    yield from (path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"))


def usage() -> TableModel:
    """Return the table of perco-small as a model of kind 49."""
    row = Environment().registry.by_name("perco-small")
    model = package_cache.table_model(Environment().locate_package(row.model or ""))
    return TableModel(TOKENS.id, model.digest, {"v": model.numbers["v"]}, model.tensor)


def token_rows(folder: Path) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the name of each picture, and the bytes of its indices in each form."""
    model = usage()
    v = model.numbers["v"]
    for path in pictures(folder):
        (payload,) = encode_file(path, method="perco", profile="perco-small").payloads
        codes: Any = payload.value
        value, sizes = Tokens(codes.indices), {"kind 5": len(payload.body)}
        for name, counts in COUNTS.items():
            parameters = {"v": v, "counts": counts(len(value.codes)), "usage": True}
            context = CodingContext(parameters, model=model)
            body = TOKENS.encode(value, context)
            assert TOKENS.decode(body, context) == value
            sizes[name] = len(body)
        plain = CodingContext({"v": v, "counts": [len(value.codes)], "usage": False})
        sizes["one count, no table"] = len(TOKENS.encode(value, plain))
        yield path.stem, sizes


def scheduled_rows(folder: Path, quality: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the name of each picture, bytes in both kinds, and seconds of decoding them. SystemExit if bodies differ."""
    place = package_search.SHIPPED / "elic-small"
    symbols, tensors = package.read_manifest(place)["symbols"], package.load_tensors(place / "symbols.safetensors")
    of = build(elic(symbols, tensors) | {"tensors": declare(tensors)}, tensors)
    for path in pictures(folder):
        file = encode_file(path, quality=quality)
        (payload,) = file.payloads
        size, backend = (file.width, file.height), package_cache.backend()
        context = CodingContext(of.numbers, size, model=of, backend=backend)
        body = scheduled.KIND.encode(payload.value, context)
        if body != payload.body or payload.kind != spec.ELIC:
            raise SystemExit(f"{path.name}: the bodies differ")
        start = time.perf_counter()
        model = package_cache.symbol_model(place)
        latents.decode(body, model, size, backend, tables=TABLES)
        middle = time.perf_counter()
        scheduled.KIND.decode(body, context)
        seconds = {"s, kind 7": middle - start, "s, kind 50": time.perf_counter() - middle}
        yield path.stem, {"kind 7": len(payload.body), "kind 50": len(body)} | seconds


def print_table(rows: Iterator[tuple[str, dict[str, float]]]) -> dict[str, float]:
    """Print one line for each picture, and the mean, which is returned."""
    all_: list[dict[str, float]] = []
    for name, sizes in rows:
        if not all_:
            print(f"{'picture':12}" + "".join(f"{column:>22}" for column in sizes))
        all_.append(sizes)
        print(f"{name:12}" + "".join(f"{value:22.6g}" for value in sizes.values()), flush=True)
    means = {column: float(np.mean([sizes[column] for sizes in all_])) for column in all_[0]} if all_ else {}
    if means:
        print(f"{'mean of ' + str(len(all_)):12}" + "".join(f"{value:22.6g}" for value in means.values()))
    return means


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("draft", choices=("tokens", "scheduled"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quality", type=int, default=5, help="of the latents (default: 5)")
    parser.add_argument("--json", type=Path, help="write the means to this file, too")
    args = parser.parse_args()
    rows: Any = token_rows(args.folder) if args.draft == "tokens" else scheduled_rows(args.folder, args.quality)
    means = print_table(rows)
    if args.json is not None:
        args.json.write_text(json.dumps(means, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
