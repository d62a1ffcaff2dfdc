# SPDX-License-Identifier: MIT
"""The registry: any bytes are rows or one ValueError, and each row is usable or one error."""

from __future__ import annotations

import json

from refcodec.errors import SemError
from refcodec.registry import Registry
from refcodec.registry.rows import key
from tools.fuzz.mutators import json_text
from tools.fuzz.target import ROOT, VECTORS, Target, refusal, require

VALUES = (
    "fixed", "coded", "static", "tokens", "raw", "zlib", "zstd", {"rule": "none"}, {"rule": "pad", "multiple": 16, "extend": "edge"},
    {"code": "fixed"}, "srgb8", "0" * 64, "A" * 64, [7], [1, 2], 199, 200, 253, 254, 255, 256, 65791, 65792, "draft", "published", "withdrawn",
    {"models": {"painter": "a/b"}, "hints": {"seed": "7"}}, {"models": {"painter": "../b"}}, {"hints": {"seed": "-1"}},
)  # fmt: skip
MEMBERS = (
    b'"binding":',
    b'"parameters":',
    b'"kinds":',
    b'"model":',
    b'"compact":',
    b'"recommended":',
    b'"id":',
    b'"fit":',
)


def seeds() -> list[bytes]:
    """Return the rows of the shipped registry one by one, and the registries of the vectors."""
    shipped = ROOT / "refcodec" / "registry" / "registry.json"
    document = json.loads(shipped.read_bytes())
    rows = [json.dumps({"version": document["version"], "profiles": [row]}).encode() for row in document["profiles"]]
    private = [row for row in document["profiles"] if row["id"] >= 200]
    several = [{"version": document["version"], "profiles": private[at : at + 2]} for at in range(len(private) - 1)]
    vectors = (path.read_bytes() for path in sorted(VECTORS.glob("registries/**/*.json")))
    return [
        *rows,
        *(json.dumps(each).encode() for each in several),
        *(data for data in vectors if len(data) <= 1 << 13),
    ]


def run(data: bytes) -> str:
    """Parse a registry, add it to the shipped one, and look up every row."""
    try:
        added = Registry.shipped().extended_by(data)
    except SemError as error:
        refusal(error)
        added = Registry.shipped()
    try:
        registry = Registry.parse(data)
    except ValueError:
        require(len(added.rows) == len(Registry.shipped().rows), "rows of an invalid registry were added")
        return "ValueError"
    outcome = "accepted"
    for number, row in registry.rows.items():
        require(row.id == number == row.binding["id"], "a row has two numbers")
        try:
            usable = registry.get(number)
        except SemError as error:
            outcome = refusal(error)
            continue
        require(len(key(usable)) == 32, "K has 32 bytes")
        require(usable.compact in usable.kinds and usable.base in (True, False), "a usable row has its compact kind")
        for kind in usable.kinds:
            count = usable.kind(kind).symbol_count(usable.parameters(kind), 640, 480)
            require(count is None or count >= 0, "a payload has a number of symbols")
    return outcome


TARGET = Target(
    "registry", seeds, run, json_text.mutator(VALUES), suffix=".json", dictionary=MEMBERS, max_bytes=1 << 13
)
