# SPDX-License-Identifier: MIT
"""Whether decoders agree where no vector says what is right.

    python conformance/differ.py --decoder CMD --decoder CMD [...] --minutes 10 [--seed N]

Damaged, spliced and made-up files, and damaged model packages, are put to all of them, over one process each. Where
verdict, error, exit status or what is said of the symbols differ, the file is shrunk and written into --out with a
line beside it, and the exit status is 1. Case n of a seed is always the same. What SPEC.md leaves free does not count:
SEM-E-704 of kinds and modes that a decoder leaves out everywhere, which code a model with several faults has (§17),
the frames of zstd that §13.2 names, and `value`.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from pathlib import Path

from diff_fuzz.cases import Cases
from diff_fuzz.run import Crowd, Options, as_json, run
from semrunner.judge import HarnessError
from semrunner.manifest import SuiteError
from semrunner.persistent import NotStarted
from semrunner.settings import Settings, gather
from semrunner.suite import load

REPOSITORY = Path(__file__).resolve().parents[1]
NORMATIVE = [REPOSITORY / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add(
        "--decoder",
        action="append",
        required=True,
        metavar="CMD",
        help="two or more; each speaks the persistent protocol",
    )
    add(
        "--suite",
        type=Path,
        default=Path("test_vectors"),
        metavar="DIR",
        help="whose files and models are damaged (default: test_vectors)",
    )
    add("--seed", type=int, default=0)
    add("--first", type=int, default=0, metavar="N", help="begin with case N of the seed")
    add("--minutes", type=float)
    add("--count", type=int, metavar="N", help="so many cases; without --minutes and --count, 1000")
    add(
        "--out",
        type=Path,
        default=Path("out/differ"),
        metavar="DIR",
        help="where differences are written (default: out/differ)",
    )
    add("--free", action="store_true", help="write what SPEC.md leaves free, too")
    add("--timeout", type=float, default=60.0, metavar="S", help="seconds for an answer (default: 60)")
    add(
        "--data",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="where registry.json and the normative tables are",
    )
    add("--json", type=Path, metavar="OUT")
    given = parser.parse_args()
    if len(given.decoder) < 2:
        parser.error("--decoder: two or more")
    count = 1000 if given.minutes is None and given.count is None else given.count
    options = Options(given.seed, given.first, given.minutes, count, given.out, given.free)
    try:
        suite = load(given.suite)
        with tempfile.TemporaryDirectory(prefix="sem-differ-") as scratch:
            registry, data = gather([*given.data, given.suite, *NORMATIVE], Path(scratch))
            commands = [tuple(shlex.split(command)) for command in given.decoder]
            crowd = Crowd(
                suite, [Settings(command, registry, data, given.timeout) for command in commands], Path(scratch)
            )
            try:
                tally = run(crowd, Cases(suite, registry, data, given.seed), options)
            finally:
                crowd.close()
    except (SuiteError, HarnessError, NotStarted, OSError) as error:
        print(f"differ: {error}", file=sys.stderr)
        return 2
    if given.json:
        given.json.write_text(json.dumps(as_json(tally, crowd, options), indent=1) + "\n", encoding="utf-8")
    free = sum(tally.free.values())
    print(
        f"{tally.cases} cases for each of {', '.join(crowd.names)}: {sum(tally.different.values())} differ, {free} where SPEC.md leaves it free"
    )
    return 1 if tally.different else 0


if __name__ == "__main__":
    sys.exit(main())
