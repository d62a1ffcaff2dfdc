# SPDX-License-Identifier: MIT
"""Compare the predicted memory and time of decoding with what a process takes, for each class of input.

    python -m tools.bench.resources [--only NAME] [-o resources.json]

Each case runs in a process of its own, with one thread. Memory: the largest resident set against the prediction that
`--max-memory` is compared with. Time: that of the processor, predicted from the same case at a quarter of the size in the
same run, in proportion to its pixels.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from refcodec import memory, spec

Run = Callable[[], object]


class Case(NamedTuple):
    """A class of input: `prepare` returns its work and the predicted bytes for a picture of (width, height)."""

    name: str
    prepare: Callable[[int, int], tuple[Run, int]]
    sizes: tuple[tuple[int, int], tuple[int, int]]  # of the calibration, and of the case


def _latents(profile: int, kind: int, backend: str) -> Callable[[int, int], tuple[Run, int]]:
    def prepare(width: int, height: int) -> tuple[Run, int]:
        import numpy as np

        from refcodec.environment import Environment
        from refcodec.networks import package_cache
        from refcodec.payloads import kinds, latents
        from refcodec.payloads.coding import CodingContext

        environment = Environment.default()
        row = environment.registry.get(profile)
        folder = environment.locate_package(row.model or "")
        model = package_cache.symbol_model(folder, package_cache.model_digest(folder))
        size, tables = (width, height), environment.tables

        def zeros(_rate: int, _k: int, _step: int, mean: Any, _table: Any) -> Any:
            return np.zeros(mean.shape, np.int32)

        # the memory of encoding is that of decoding, and it is in a process of its own
        body = _in_child(lambda: latents.encode(
            0, np.zeros((model.hyper, *latents.shapes(*size)[0]), np.int32), zeros, model, size,
            package_cache.backend("numpy"), tables=tables,
        )[0])  # fmt: skip
        context = CodingContext(row.parameters(kind), size, 1 << 16, tables, model, package_cache.backend(backend))
        return lambda: kinds.get(kind).decode(body, context), kinds.get(kind).memory(context)

    return prepare


def _in_child(make: Callable[[], bytes]) -> bytes:
    """Return bytes made in a forked process, which leaves the memory of this one as it is."""
    read, write = os.pipe()
    if not os.fork():
        try:
            with os.fdopen(write, "wb") as stream:
                stream.write(make())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        data = stream.read()
    os.wait()
    return data


def _network(profile: int, part: str) -> Callable[[int, int], tuple[Run, int]]:
    def prepare(width: int, height: int) -> tuple[Run, int]:
        import numpy as np

        from refcodec.environment import Environment
        from refcodec.networks import package
        from refcodec.transforms import memory as estimates

        environment = Environment.default()
        folder = environment.locate_package(environment.registry.get(profile).model or "")
        manifest = package.read_manifest(folder)
        architecture = manifest[part]["architecture"]
        if part == "encoder":
            pixels = np.zeros((height, width, architecture.get("channels", 3)), np.uint8)
            return _analysis(folder, manifest, pixels), estimates.analysis_bytes(architecture, (width, height))
        return _synthesis(folder, manifest, (width, height)), estimates.synthesis_bytes(architecture, (width, height))

    return prepare


def _analysis(folder: Path, manifest: dict[str, Any], pixels: Any) -> Run:
    from refcodec.transforms.elic.runners import load_analysis

    network = load_analysis(folder, manifest)
    return lambda: network(pixels)


def _synthesis(folder: Path, manifest: dict[str, Any], size: tuple[int, int]) -> Run:
    import numpy as np

    if "v" in manifest["painter"]["architecture"]:
        from refcodec.transforms.vq.transforms import VqDecoder

        decoder = VqDecoder(folder, manifest)
        grid = np.zeros((-(-size[1] // decoder.cfg.stride), -(-size[0] // decoder.cfg.stride)), np.int64)
        return lambda: decoder(grid, size)
    from refcodec.payloads.latents import shapes
    from refcodec.transforms.elic.runners import load_synthesis

    network = load_synthesis(folder, manifest)
    y = np.zeros((network.cfg.m, *shapes(*size)[1]), np.int32)
    return lambda: network(y, 0, size)


def _vq(width: int, height: int) -> tuple[Run, int]:
    from refcodec.payloads import vq_indices
    from refcodec.payloads.coding import CodingContext
    from refcodec.payloads.kinds import get

    context = CodingContext({"v": 8192, "stride": 8, "usage": False}, (width, height))
    h, w = vq_indices.grid((width, height), context.parameters)
    body = _in_child(lambda: vq_indices.encode([i % 8192 for i in range(h * w)], context.parameters, context.size))
    return lambda: get(spec.VQ).decode(body, context), get(spec.VQ).memory(context)


RUNS = 2  # of each case, of which the quicker counts
SMALL, LARGE = (2048, 1024), (4096, 2048)
CASES = (
    Case("elic latents, numpy", _latents(1, spec.ELIC, "numpy"), (SMALL, LARGE)),
    Case("elic latents, torch", _latents(1, spec.ELIC, "torch"), (SMALL, LARGE)),
    Case("sketch latents, numpy", _latents(9, spec.SKETCH, "numpy"), (SMALL, LARGE)),
    Case("vq indices", _vq, (SMALL, LARGE)),
    Case("elic synthesis", _network(1, "painter"), ((2048, 1536), (4096, 3072))),
    Case("sketch synthesis", _network(9, "painter"), ((2048, 1536), (4096, 3072))),
    Case("vq synthesis", _network(20, "painter"), ((2048, 1536), (4096, 3072))),
    Case("elic analysis", _network(1, "encoder"), ((2048, 1536), (4096, 3072))),
    Case("elic-2 latents, numpy", _latents(23, spec.ELIC, "numpy"), (SMALL, LARGE)),
    Case("elic-2 synthesis", _network(23, "painter"), ((2048, 1536), (4096, 3072))),
    Case("elic-2 analysis", _network(23, "encoder"), ((2048, 1536), (4096, 3072))),
)


def _peak() -> int:
    """Return the largest resident set of this process in bytes, since it was reset."""
    line = next(x for x in Path("/proc/self/status").read_text("ascii").splitlines() if x.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def child(name: str, width: int, height: int) -> dict[str, float]:
    """Run one case in this process; return predicted and real bytes, and seconds of the processor."""
    run, predicted = next(case for case in CASES if case.name == name).prepare(width, height)
    Path("/proc/self/clear_refs").write_text("5")
    before, peak, seconds = memory.resident(), 0, []
    for _ in range(RUNS):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
        peak = peak or _peak()  # of the first run: later ones find the holes that it has left
    return {"predicted": before + predicted, "peak": peak, "before": before, "seconds": min(seconds)}


def measured(case: Case, size: tuple[int, int]) -> dict[str, float]:
    """Return the result of `child` in a new process."""
    command = [sys.executable, "-m", "tools.bench.resources", "--case", case.name, *map(str, size)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | one)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def compare(case: Case) -> dict[str, Any]:
    """Return one row of the table: prediction against reality, of memory and of time."""
    small, large = case.sizes
    first, second = measured(case, small), measured(case, large)
    seconds = first["seconds"] * math.prod(large) / math.prod(small)
    return {
        "case": case.name,
        "size": f"{large[0]}x{large[1]}",
        "predicted_mb": round(second["predicted"] / 1e6),
        "peak_mb": round(second["peak"] / 1e6),
        "memory_error": round(second["predicted"] / second["peak"] - 1, 3),
        "small_memory_error": round(first["predicted"] / first["peak"] - 1, 3),
        "small_work_mb": round((first["peak"] - first["before"]) / 1e6),
        "work_predicted_mb": round((second["predicted"] - second["before"]) / 1e6),
        "work_mb": round((second["peak"] - second["before"]) / 1e6),
        "predicted_s": round(seconds, 2),
        "seconds": round(second["seconds"], 2),
        "time_error": round(seconds / second["seconds"] - 1, 3),
    }


def main() -> None:
    """Print the table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", nargs=3, metavar=("NAME", "WIDTH", "HEIGHT"), help="run one case in this process")
    parser.add_argument("--only", help="cases whose names contain this")
    parser.add_argument("-o", "--output", type=Path, help="write the rows as JSON")
    arguments = parser.parse_args()
    if arguments.case:
        name, width, height = arguments.case
        print(json.dumps(child(name, int(width), int(height))))
        return
    rows = []
    for case in CASES:
        if arguments.only is None or arguments.only in case.name:
            rows.append(compare(case))
            print(json.dumps(rows[-1]), flush=True)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
