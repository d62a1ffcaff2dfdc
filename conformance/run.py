# SPDX-License-Identifier: MIT
"""Test a decoder, encoder or editor against the suite: python conformance/run.py --decoder CMD (see README.md)."""

from __future__ import annotations

import sys
from pathlib import Path

from semrunner.cli import main

REPOSITORY = Path(__file__).resolve().parents[1]
NORMATIVE = [REPOSITORY / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]

if __name__ == "__main__":
    sys.exit(main(None, NORMATIVE, REPOSITORY / "test_vectors"))
