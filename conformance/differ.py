# SPDX-License-Identifier: MIT
"""Differential fuzzing: find files on which decoders disagree and for which no vector defines the right answer.

    python3 conformance/differ.py --decoder CMD --decoder CMD [...] --minutes 10 [--seed N]

Damaged, spliced and made-up files, and damaged model packages, are given to all decoders, one process each, or one for
each file if a decoder has the one-shot protocol alone (exit status 2 for --persistent). If verdict, error, exit status or
the reported symbols differ, the file is shrunk and written into --out with a line of text, and the exit status is 1. Case n of
a seed is always the same. Freedoms of SPEC Appendix C do not count: SEM-E-704 for kinds and modes that a decoder leaves
out everywhere, which code is reported for a model with several errors, and the zstd frames named in §13.2. Nor does
`value`, which is optional.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from pathlib import Path

from diff_fuzz.campaign import Decoders, Options, Tally, as_json, run
from diff_fuzz.cases import Cases
from semrunner.cli import beside
from semrunner.manifest import SuiteError
from semrunner.persistent import NotStarted
from semrunner.session import HarnessError
from semrunner.settings import Settings, gather
from semrunner.suite import load

REPOSITORY = Path(__file__).resolve().parents[1]
NORMATIVE = [REPOSITORY / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = result.add_argument
    add(
        "--decoder",
        action="append",
        required=True,
        metavar="CMD",
        help="command of a decoder of tier L, with either protocol; two or more",
    )
    add(
        "--suite",
        type=Path,
        default=Path("test_vectors"),
        metavar="DIR",
        help="suite with the files and models to damage (default: test_vectors)",
    )
    add("--seed", type=int, default=0)
    add("--first", type=int, default=0, metavar="N", help="begin with case N of the seed")
    add("--minutes", type=float)
    add("--count", type=int, metavar="N", help="number of cases (default: 1000, unless --minutes is given)")
    add(
        "--out",
        type=Path,
        default=Path("out/differ"),
        metavar="DIR",
        help="folder for files with differences (default: out/differ)",
    )
    add("--free", action="store_true", help="also write differences in what SPEC.md leaves unspecified")
    add("--timeout", type=float, default=60.0, metavar="S", help="seconds per answer (default: 60)")
    add(
        "--data",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="folder with registry.json and the normative tables",
    )
    add("--json", type=Path, metavar="OUT")
    return result


def main() -> int:
    """Run a campaign. Return 0 if the decoders agree, 1 if they differ, and 2 if they cannot be run."""
    command_line = parser()
    arguments = command_line.parse_args()
    if len(arguments.decoder) < 2:
        command_line.error("--decoder: two or more are needed")
    try:
        tally, names = campaign(arguments)
    except (SuiteError, HarnessError, NotStarted, OSError) as error:
        print(f"differ: {error}", file=sys.stderr)
        return 2
    different, unspecified = sum(tally.different.values()), sum(tally.unspecified.values())
    print(
        f"{tally.cases} cases for each of {', '.join(names)}: {different} differ, "
        f"and {unspecified} in what SPEC.md leaves unspecified"
    )
    return 1 if tally.different else 0


def campaign(arguments: argparse.Namespace) -> tuple[Tally, list[str]]:
    """Run the cases and write the JSON report; return the counts and the names of the decoders."""
    count = 1000 if arguments.minutes is None and arguments.count is None else arguments.count
    options = Options(arguments.seed, arguments.first, arguments.minutes, count, arguments.out, arguments.free)
    suite = load(arguments.suite)
    with tempfile.TemporaryDirectory(prefix="sem-differ-") as scratch:
        registry, data = gather([*arguments.data, *beside(arguments.suite), *NORMATIVE], Path(scratch))
        commands = [tuple(shlex.split(command)) for command in arguments.decoder]
        settings = [Settings(command, registry, data, arguments.timeout) for command in commands]
        decoders = Decoders(suite, settings, Path(scratch))
        try:
            tally = run(decoders, Cases(suite, registry, data, arguments.seed), options)
        finally:
            decoders.close()
    if arguments.json:
        report = json.dumps(as_json(tally, decoders, options), indent=1)
        arguments.json.write_text(report + "\n", encoding="utf-8")
    return tally, decoders.names


if __name__ == "__main__":
    sys.exit(main())
