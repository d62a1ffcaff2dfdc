# SPDX-License-Identifier: MIT
"""JSON as the generated files spell it."""

from __future__ import annotations

import json
from typing import Any


def compact_json(value: Any) -> bytes:
    """Return JSON without spaces, in one line."""
    return (json.dumps(value, separators=(",", ":")) + "\n").encode()


def lined_json(document: dict[str, Any]) -> bytes:
    """Return JSON with one line for each item of a list of objects, so that diffs show single entries."""
    members = []
    for key, value in document.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            items = ",\n".join(f"  {json.dumps(item, ensure_ascii=False)}" for item in value)
            members.append(f' "{key}": [\n{items}\n ]')
        else:
            members.append(f' "{key}": {json.dumps(value, ensure_ascii=False)}')
    return ("{\n" + ",\n".join(members) + "\n}\n").encode()
