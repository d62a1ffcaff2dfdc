# SPDX-License-Identifier: MIT
"""Seconds and memory: of calls, of processes, of large photographs, of efforts, and of targets."""

from __future__ import annotations

from typing import Any, Final

from tools.results.bench import SPEED, Bench, Figures, Inputs, Row

PARTS: Final = ("encode", "decode", "verify")


def _read_speed(document: Any, _: Inputs) -> Figures:
    rows = {row["name"]: row for row in document["rows"]}
    ms = {
        "encode_ms": "encode, embedded model",
        "decode_ms": "decode, embedded model",
        "inspect_ms": "semtool inspect, photo",
    }
    ratios = {"torch": "torch float64, exact", "numpy": "numpy float64, exact"}
    return {name: round(1000 * rows[row]["min_s"]) for name, row in ms.items()} | {
        f"exact_to_float_{name}": round(rows[row]["ratio"], 2) for name, row in ratios.items()
    }


def _speed_rows(f: Figures) -> list[Row]:
    exact = f"{f['exact_to_float_torch']:g} times torch's, {f['exact_to_float_numpy']:g} times numpy's"
    return [
        ("768×512, two threads, after start-up", f"encode {f['encode_ms']} ms, decode {f['decode_ms']} ms"),
        ("exact entropy networks, N = 192, M = 320, against float32 at the same sites", exact),
        ("`semtool inspect`, process start to exit", f"{f['inspect_ms']} ms"),
    ]


def _read_base(document: Any, _: Inputs) -> Figures:
    (picture,) = document["pictures"]
    parts = {
        name: {
            **{key: picture["rows"][name][key] for key in ("wall_s", "peak_mb")},
            "to_avif": picture["ratios"][name]["wall_s"],
        }
        for name in ("encode", "decode")
    }
    avif = {
        name: picture["rows"][row]["peak_mb"] for name, row in (("encode", "png to avif"), ("decode", "avif to png"))
    }
    sizes = {"environment_mb": document["environment_mb"], "numpy_mb": document["packages_mb"]["numpy"]}
    return {**sizes, **parts, "avif": avif}


def _base_rows(f: Figures) -> list[Row]:
    size = f"{f['environment_mb']:.0f} MB, numpy {f['numpy_mb']:.0f} of them"
    processes = "; ".join(
        f"{name} {f[name]['wall_s']:.2f} s and {f[name]['peak_mb']:.0f} MB, {f[name]['to_avif']:.1f} times"
        for name in ("decode", "encode")
    )
    return [
        ("`pip install .` alone: size of the environment", size),
        (
            "entire processes in that environment, 768×512; times as many seconds as Pillow's AVIF (open and save a PNG)",
            processes,
        ),
    ]


def _read_large(document: Any, _: Inputs) -> Figures:
    (picture,) = document["pictures"]
    return {
        program: {name: [row["wall_s"], row["peak_mb"]] for name, row in rows.items()}
        for program, rows in picture["rows"].items()
    }


def _large_rows(f: Figures) -> list[Row]:
    def part(name: str) -> str:
        seconds, mb = f["this"][name]
        other = f.get("other", {}).get(name)
        return f"{name} {seconds:.1f} s, {mb:.0f} MB" + (f" ({other[0]:.1f} s, {other[1]:.0f} MB)" if other else "")

    beside = " (release 1.0.0, same run)" if "other" in f else ""
    return [
        (
            f"24 megapixels in that environment, wall seconds and peak memory{beside}",
            "; ".join(part(name) for name in PARTS),
        )
    ]


def _huge_rows(f: Figures) -> list[Row]:
    sizes = [f"{name} {f['this'][name][1] / 1000:.2g} GB" for name in ("encode", "decode")]
    return [("100 megapixels, level 2, peak memory", ", ".join(sizes))]


def _read_targets(document: Any, _: Inputs) -> Figures:
    states = [row["state"] for row in document]
    targets, pictures = sorted({row["bpp"] for row in document}), len({row["picture"] for row in document})
    return {
        "bpp": targets,
        "pictures": pictures,
        "within": states.count(""),
        "below_smallest": states.count("low"),
        "above_largest": states.count("high"),
    }


def _targets_rows(f: Figures) -> list[Row]:
    *most, last = (f"{bpp:g}" for bpp in f["bpp"])
    high, low = f["above_largest"], f["below_smallest"]
    beyond = [f"{high} above the largest file of the model" if high else "", f"{low} below its smallest" if low else ""]
    found = "; ".join([f"{f['within']} files within 1 % below", *filter(None, beyond)])
    return [(f"`--bpp` {', '.join(most)} and {last} on {f['pictures']} Kodak pictures", found)]


def _read_efforts(document: Any, _: Inputs) -> Figures:
    return {
        "cpu_seconds": {
            name.rpartition(" ")[2]: round(rows[0]["encode_cpu_s"], 2) for name, rows in document["seconds"].items()
        }
    }


def _efforts_rows(f: Figures) -> list[Row]:
    efforts = list(f["cpu_seconds"])
    seconds = ", ".join(f"{value:g}" for value in f["cpu_seconds"].values())
    return [(f"CPU seconds of efforts {efforts[0]} to {efforts[-1]}, kodim20 at quality 5", seconds)]


EFFORTS: Final = "semtool bench rate KODAK/kodim20.png --efforts 1-9 --qualities 5 --anchors none"

BENCHES: Final = (
    Bench("speed", "semtool bench speed", _read_speed, writes="--json", heading=SPEED, rows=_speed_rows),
    Bench("base", "make bench-base", _read_base, "-o OUT", "python -m tools.bench.base", SPEED, _base_rows),
    Bench("large", "make bench-large", _read_large, "-o OUT", "python -m tools.bench.base --large", SPEED, _large_rows),
    Bench("huge", "python -m tools.bench.base --huge", _read_large, "-o OUT", heading=SPEED, rows=_huge_rows),
    Bench("targets", "python -m tools.bench.targets KODAK", _read_targets, heading=SPEED, rows=_targets_rows),
    Bench("efforts", EFFORTS, _read_efforts, "-o OUT --cache out/bench-cache", heading=SPEED, rows=_efforts_rows),
)  # fmt: skip
