# SPDX-License-Identifier: MIT
"""Run the rows of docs/robustness.md, and write the page and its data.

    python -m tools.robustness [--rows planted-code,disks] [--fuzz out/fuzz] [--flips out/flips.json]
    python -m tools.robustness --check

Rows of tests are run one after another, with the memory of all their processes. Rows of fuzzing and of flips are read
from the summaries of earlier runs, as they take hours. `--check` compares page, data, commands and files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.fuzz.target import ROOT
from tools.robustness import page
from tools.robustness.attacks import ATTACKS
from tools.robustness.measure import measure


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument(
        "--rows", default=",".join(attack.name for attack in ATTACKS), help="names, separated by commas"
    )
    parser.add_argument("--fuzz", type=Path, default=ROOT / "out" / "fuzz", help="folder of `python -m tools.fuzz`")
    parser.add_argument(
        "--flips", type=Path, default=ROOT / "out" / "flips.json", help="JSON of `python -m tools.flips`"
    )
    arguments = parser.parse_args()
    results = page.load()
    if arguments.check:
        wrong = page.disagreements(results, page.PAGE.read_text(encoding="utf-8"))
        print("\n".join(wrong) or f"docs/robustness.md has {len(results)} rows, as run")
        return 1 if wrong else 0
    chosen = arguments.rows.split(",")
    if unknown := set(chosen) - {attack.name for attack in ATTACKS}:
        parser.error(f"there is no row {min(unknown)}")
    status = 0
    for attack in ATTACKS:
        if attack.name not in chosen:
            continue
        result = measure(attack, arguments.fuzz, arguments.flips)
        if result is None:
            print(f"{attack.name:20} left out: nothing to run or to read", flush=True)
            continue
        results[attack.name] = result.to_dict()
        status |= bool(result.failures)
        print(f"{attack.name:20} {result.inputs} inputs, {result.failures} failures, {result.seconds} s", flush=True)
        page.store(results)
    return status


if __name__ == "__main__":
    sys.exit(main())
