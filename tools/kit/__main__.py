# SPDX-License-Identifier: MIT
"""Make the implementer's kit (docs/implementing.md, decision 0060).

    python -m tools.kit [--out out/kit]

Writes sem-kit-VERSION.zip and prints its SHA-256. Two builds have the same bytes where Chromium, its fonts and zlib are the
same. Its date is that of SOURCE_DATE_EPOCH, else 2020-02-02.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from tools import program
from tools.kit.kit import make
from tools.kit.printed import NoBrowser
from tools.release.build import ROOT


def main() -> int:
    """Make the kit; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "kit", metavar="DIR")
    folder = parser.parse_args().out
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = make(folder)
    except (NoBrowser, ValueError, OSError) as error:
        print(f"kit: {error}", file=sys.stderr)
        return 1
    print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}  {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(program.run(main))
