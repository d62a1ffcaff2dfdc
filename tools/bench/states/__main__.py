# SPDX-License-Identifier: MIT
"""Print what each state of the process does to each operation.

python -m tools.bench.states [--json] [NAME …]
"""

from __future__ import annotations

import argparse
import json
import sys

from tools.bench.states.matrix import run, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="states; by default all")
    parser.add_argument("--json", action="store_true", help="print results as JSON")
    options = parser.parse_args()
    results = run(options.names)
    out = sys.__stdout__
    assert out is not None
    print(json.dumps(results) if options.json else table(results), file=out)
    sys.exit(any(entry["differs"] or entry["left"] for entry in results.values()))


if __name__ == "__main__":
    main()
