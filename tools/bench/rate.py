# SPDX-License-Identifier: MIT
"""Rates and distortions of a codec, and its BD-rates against JPEG, WebP and AVIF.

    python tools/bench/rate.py PICTURES --cache out/bench-cache --json rate.json --plot rate.svg
    python tools/bench/rate.py PICTURES --codec-cmd "enc -q {quality} {input} {output}" "dec {input} {output}"

Rates are 8 * len(file) / pixels. The average curve takes, at each quality, the mean over pictures of the rates and of
the dB. BD-rates: see `metrics.bd_rate`. With --cache an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.bench import coders
from tools.bench.anchors import ANCHORS
from tools.bench.measure import BenchError, Codec, Point, Source, average, curve, load, sweep
from tools.bench.plot import svg
from tools.bench.report import METRIC_NAMES, WINDOW_BPP, Comparison, compare, comparison_table, table

PROGRAM = "python tools/bench/rate.py"
Rows = list[list[Point]]  # [picture][quality]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Everything but the command word, so that another tool can take these over."""
    parser.add_argument("pictures", nargs="+", type=Path, help="picture files, or folders of them")
    parser.add_argument("--method", default="elic", help="method of refcodec.encode (default: elic)")
    parser.add_argument("--codec-cmd", nargs=2, metavar=("ENCODE", "DECODE"), help="measure these commands instead")
    parser.add_argument("--codec-id", default="", help="name and version of the commands, for the report and the cache")
    parser.add_argument("--qualities", type=quality_list, default=quality_list("1-10"), help="as 1-10 or 1,4,9")
    parser.add_argument("--anchors", type=anchor_list, default=list(ANCHORS), help="of jpeg,webp,avif; or none")
    parser.add_argument("--window", nargs=2, type=float, default=WINDOW_BPP, metavar=("LOW", "HIGH"), help="bpp")
    parser.add_argument("--cache", type=Path, help="folder for results, so that a later run need not measure again")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--plot", type=Path, help="write the rate-distortion plot (SVG) here")


def quality_list(text: str) -> tuple[int, ...]:
    """ "1-3,7" → (1, 2, 3, 7)."""
    qualities: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        qualities.extend(range(int(first), int(last or first) + 1))
    return tuple(dict.fromkeys(qualities))


def anchor_list(text: str) -> list[str]:
    """ "jpeg,avif" → ["jpeg", "avif"]; "none" → []."""
    names = [] if text == "none" else text.split(",")
    if unknown := set(names) - set(ANCHORS):
        raise argparse.ArgumentTypeError(f"no anchor {', '.join(sorted(unknown))}: choose of {', '.join(ANCHORS)}")
    return names


def run(args: argparse.Namespace, command: str) -> None:
    """Measures, prints, writes. `command` is named in every output."""
    low, high = window = (args.window[0], args.window[1])
    if not 0 < low < high:
        raise BenchError(f"no rate window: {low:g} to {high:g}")
    sources = load(args.pictures)
    codec = _codec(args)
    rows = sweep(codec, sources, args.cache)
    anchors = {anchor.name: sweep(anchor, sources, args.cache) for anchor in (ANCHORS[name]() for name in args.anchors)}
    results = compare(rows, anchors, window)
    print(f"{command}\n{len(sources)} pictures; means\n\n{table(codec.name, average(rows))}")
    if anchors:
        print(comparison_table(codec.name, results, window))
    everything = {codec.name: rows, **anchors}
    if args.json:
        report = {"command": command, "window_bpp": window, **_report(codec, sources, everything, results)}
        args.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
    if args.plot:
        means = {name: average(points) for name, points in everything.items()}
        panels = {
            f"{title}, dB": {name: curve(points, metric) for name, points in means.items()}
            for metric, title in METRIC_NAMES.items()
        }
        args.plot.write_text(svg(panels, 1.25 * high, command), encoding="utf-8")


def _codec(args: argparse.Namespace) -> Codec:
    if args.codec_cmd:
        encode, decode = args.codec_cmd
        return coders.command(encode, decode, args.qualities, args.codec_id)
    return coders.refcodec(args.method, args.qualities)


def _report(
    codec: Codec, sources: Sequence[Source], everything: dict[str, Rows], results: Sequence[Comparison]
) -> dict[str, Any]:
    """All points, of each picture and averaged, with what is needed to repeat them."""
    return {
        "codec": {"name": codec.name, "identity": codec.identity},
        "pictures": [{"name": source.name, "sha256": source.sha256} for source in sources],
        "curves": {
            name: {
                "average": [asdict(point) for point in average(rows)],
                "pictures": [[asdict(point) for point in row] for row in rows],
            }
            for name, rows in everything.items()
        },
        "bd_rate": [asdict(result) for result in results],
    }


def main(argv: list[str] | None = None, program: str = PROGRAM) -> int:
    """Exit status: 0 done, 2 usage, 7 a picture or a codec failed."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    words = sys.argv[1:] if argv is None else argv
    try:
        run(parser.parse_args(words), f"{program} {shlex.join(words)}")
    except (BenchError, OSError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 7
    return 0


if __name__ == "__main__":
    sys.exit(main())
