#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The micro-decoder with the draft kinds, behind the protocol of conformance/PROTOCOL.md.

python conformance/run.py --suite drafts/vectors --decoder 'python drafts/decoder.py'
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "conformance")]

from adapters import micro as adapter
from semdrafts import grids, scheduled, tokens
from semdrafts.container import extend

DRAFTS = {draft.number: draft for draft in (grids.DRAFT, tokens.DRAFT, scheduled.DRAFT)}


def main(arguments: list[str]) -> int:
    """Serve the protocol; return the exit status."""
    decoder = adapter.load()
    extend(decoder, DRAFTS)
    adapter.KINDS.update({number: draft.name for number, draft in DRAFTS.items()})
    return adapter.main(arguments, decoder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
