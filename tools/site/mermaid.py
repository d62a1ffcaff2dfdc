# SPDX-License-Identifier: MIT
"""Read the flowcharts of this repository's pages: nodes with a label in HTML, and arrows between them."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final, NamedTuple

BOX: Final = re.compile(r'(\w+)\["<b>(.+?)</b>(?:<br/>(.*))?"\]')
ARROW: Final = re.compile(r"\w+(?:\s*&\s*\w+)*(?:\s*-->\s*\w+(?:\s*&\s*\w+)*)+")


class Node(NamedTuple):
    """A node of a flowchart: the bold part of its label, the rest of it, and the names of the nodes it points to."""

    name: str
    text: str
    down: tuple[str, ...]


def nodes_of(chart: str) -> list[Node]:
    """Return the nodes of a flowchart in order. Raises ValueError for a line that is neither node nor arrow."""
    labels: dict[str, tuple[str, str]] = {}
    down: dict[str, list[str]] = {}
    for line in (line.strip() for line in chart.splitlines()):
        if node := BOX.fullmatch(line):
            labels[node[1]] = (node[2], node[3] or "")
        elif ARROW.fullmatch(line):
            steps = [[part.strip() for part in step.split("&")] for step in line.split("-->")]
            for above, below in pairwise(steps):
                for name in above:
                    down.setdefault(name, []).extend(below)
        elif line and not line.startswith("flowchart "):
            raise ValueError(f"neither a node nor an arrow: {line}")
    short = {name: label.partition(",")[0] for name, (label, _) in labels.items()}
    return [Node(label, text, tuple(short[to] for to in down.get(name, ()))) for name, (label, text) in labels.items()]
