# SPDX-License-Identifier: MIT
"""Measure the lines and branches of container, entropy, payloads and networks that the quick tests take.

    python -m tools.branch_coverage [--least 98] [--json FILE]

Runs tests/unit and tests/vectors, then the tests of the range coder once more with the compiled loops as plain Python,
as coverage cannot see into what numba compiles. Prints what is not taken, and a percentage for each part of the library. The exit status
is 1 if a part has less than `--least` percent, or a test failed. docs/testing.md says why the rest is not taken.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
PARTS: Final = ("container", "entropy", "payloads", "networks")
QUICK: Final = ("-m", "not slow")
COMPILED: Final = ("tests/unit/test_rangecoder.py", "-k", "by_hand or beyond_int16 or two_to_the_24 or between_arrays")


def percentages(files: dict[str, Any]) -> dict[str, float]:
    """Return the share of statements and branches that were taken, in percent, of each part. `files`: of coverage's JSON."""
    taken, there = Counter[str](), Counter[str]()
    for name, file in files.items():
        part = Path(name).parts[Path(name).parts.index("refcodec") + 1]
        summary = file["summary"]
        taken[part] += summary["covered_lines"] + summary["covered_branches"]
        there[part] += summary["num_statements"] + summary["num_branches"]
    return {part: 100 * taken[part] / there[part] for part in PARTS if there[part]}


def measure(folder: Path) -> tuple[dict[str, Any], bool]:
    """Return coverage's JSON, and whether all tests passed. `folder`: for files in between."""
    environment = os.environ | {"COVERAGE_FILE": str(folder / "data")}
    coverage = (sys.executable, "-m", "coverage")
    run = (*coverage, "run", "--rcfile=pyproject.toml", "-m", "pytest")
    passed = True
    for tests, more in (
        (("tests/unit", "tests/vectors", *QUICK), {}),
        (COMPILED, {"NUMBA_DISABLE_JIT": "1"}),
    ):
        passed &= subprocess.run((*run, *tests), cwd=ROOT, env=environment | more, check=False).returncode == 0
    subprocess.run((*coverage, "combine", "--quiet"), cwd=ROOT, env=environment, check=True)
    report = ("report", "--skip-covered", "--show-missing")
    subprocess.run((*coverage, *report), cwd=ROOT, env=environment, check=False)
    subprocess.run(
        (*coverage, "json", "--quiet", "-o", str(folder / "out.json")), cwd=ROOT, env=environment, check=True
    )
    return json.loads((folder / "out.json").read_bytes()), passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--least", type=float, default=98)
    parser.add_argument("--json", type=Path, help="write the percentages to this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        document, passed = measure(Path(folder))
    shares = percentages(document["files"])
    for part, share in shares.items():
        print(f"{part:10} {share:6.2f} %")
    if args.json is not None:
        args.json.write_text(json.dumps({"parts": shares, "passed": passed}, indent=1) + "\n")
    return 0 if passed and all(share >= args.least for share in shares.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
