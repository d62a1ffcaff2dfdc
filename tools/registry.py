# SPDX-License-Identifier: MIT
"""Writes digests into draft rows of the registry: of a model package, with its shapes, or of the text tables.

    python tools/registry.py pin 1 refcodec/data/models/elic-small
    python tools/registry.py tables
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from refcodec.models.package import SmallModel, load_any

PATH = ROOT / "refcodec/registry/registry.json"
TABLES = ROOT / "refcodec/payloads/data"


def pin(row_id: int, folder: Path) -> None:
    """Refuses published rows: they never change."""
    rows = json.loads(PATH.read_text())
    row = next(r for r in rows["profiles"] if r["id"] == row_id)
    if row["status"] != "draft":
        raise SystemExit(f"profile {row_id} is {row['status']}: its binding never changes")
    model = load_any(folder)
    row["binding"]["model"] = model.digest
    parameters = row["binding"]["parameters"].setdefault(str(model.kind), {})
    if isinstance(model, SmallModel):
        parameters |= {name: value for name, value in model.numbers.items() if name in parameters}
    else:
        parameters |= {
            "groups": list(model.groups), "hyper": model.hyper, "m": model.m, "parity": model.parity, "rates": model.rates,
        }  # fmt: skip
    write(rows)
    print(f"profile {row_id}: model {model.digest}")


def tables() -> None:
    """The digests of consonant.bin, caption.bin and caption.zdict in all draft rows that use them."""
    rows = json.loads(PATH.read_text())
    named = {("1", "table"): "consonant.bin", ("2", "static"): "caption.bin", ("2", "dictionary"): "caption.zdict"}
    for row in rows["profiles"]:
        for (kind, member), name in named.items():
            parameters = row["binding"]["parameters"].get(kind, {})
            if row["status"] == "draft" and member in parameters:
                parameters[member] = hashlib.sha256((TABLES / name).read_bytes()).hexdigest()
    write(rows)


def write(rows: object) -> None:
    PATH.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["tables"]:
        tables()
    elif len(sys.argv) == 4 and sys.argv[1] == "pin":
        pin(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        raise SystemExit(__doc__)
