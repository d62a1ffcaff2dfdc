# SPDX-License-Identifier: MIT
"""Writes the digest of a model package, and the shapes that go with it, into a draft row of the registry.

    python tools/registry.py pin 1 refcodec/data/models/elic-small
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from refcodec.models.package import load

PATH = ROOT / "refcodec/registry/registry.json"


def pin(row_id: int, folder: Path) -> None:
    """Refuses published rows: they never change."""
    rows = json.loads(PATH.read_text())
    row = next(r for r in rows["profiles"] if r["id"] == row_id)
    if row["status"] != "draft":
        raise SystemExit(f"profile {row_id} is {row['status']}: its binding never changes")
    model = load(folder)
    row["binding"]["model"] = model.digest
    row["binding"]["parameters"]["7"] = {
        "groups": list(model.groups), "hyper": model.hyper, "m": model.m, "parity": model.parity, "rates": model.rates,
    }  # fmt: skip
    PATH.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    print(f"profile {row_id}: model {model.digest}")


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] != "pin":
        raise SystemExit(__doc__)
    pin(int(sys.argv[2]), Path(sys.argv[3]))
