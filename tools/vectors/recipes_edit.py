# SPDX-License-Identifier: MIT
"""SPEC §6: what an editor makes of a file. It knows the sections of SPEC.md and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tools.vectors.recipes_caption import BESIDE, CAT, WAVE
from tools.vectors.recipes_consonant import STEPS
from tools.vectors.recipes_hints import PIXEL, THUMBNAIL
from tools.vectors.recipes_sections import MAKER, TITLE
from tools.vectors.vector import Valid, Vector, shared

ROW: Final = 10  # perco-64-256: captions, codes, indices
CAPTION, CODES, INDICES = (2, ("static", CAT)), BESIDE[1], BESIDE[2]
UNSAFE, SAFE, EMPTY = (0x15, b"?"), (0x55, b"!"), (0x7E, b"")  # types that nobody knows; the last two are safe to copy


def _file(
    name: str,
    note: str,
    sections: tuple[tuple[int, bytes], ...],
    *payloads: Any,
    rules: tuple[int, ...] = (40, 51),
    **more: Any,
) -> Valid:
    return Valid(
        f"edit-{name}",
        rules,
        note,
        tier="S",
        profile=ROW,
        payload=False,
        size=(768, 512),
        payloads=payloads,
        sections=sections,
        **{"check": 16} | more,
    )


ALL: Final = (MAKER, STEPS, UNSAFE, SAFE, TITLE, EMPTY)
KEPT: Final = (MAKER, STEPS, SAFE, TITLE, EMPTY)
VALID: Final = (
    _file("whole", "what is edited: two payloads, and unknown sections of which two are safe to copy", ALL, CAPTION, INDICES),
    _file("no-caption", "the caption is gone, and with it what was not safe to copy", KEPT, INDICES),
    _file("other-caption", "another caption in its place", KEPT, (2, ("static", WAVE)), INDICES),
    _file("with-codes", "a payload more", KEPT, CAPTION, CODES, INDICES),
    _file("no-hints", "hints are gone: no payload changed, all others stay", (MAKER, UNSAFE, SAFE, TITLE, EMPTY), CAPTION, INDICES),
    _file("no-unknown", "unknown sections are gone that the user named", (MAKER, STEPS, TITLE), CAPTION, INDICES),
    _file("with-thumbnail", "a thumbnail more: no payload changed, all others stay", (*ALL, (THUMBNAIL, PIXEL)), CAPTION, INDICES),
    _file("cut", "cut behind the caption: the count stays", ALL, CAPTION, INDICES, keep=2, rules=(47, 51)),
    _file("cut-behind-unknown", "cut behind the unknown section that is not safe to copy: it stays", ALL, CAPTION, INDICES,
          keep=5, rules=(47, 51)),
    _file("cut-completed", "of the file that was cut: a complete one of what is there", (), CAPTION, rules=(47, 51)),
    _file("compact", "nothing is left but the compact kind: compact form, the check in the header", (), INDICES, rules=(45, 51, 60)),
    _file("compact-with-title", "and back: the check of the indices is the same", (TITLE,), INDICES, rules=(45, 51, 60)),
    _file("unchecked", "without checks", ALL, CAPTION, INDICES, check=0),
    _file("unchecked-no-caption", "the same edit without checks", KEPT, INDICES, check=0),
)  # fmt: skip


def strip(*types: int) -> Callable[[Mapping[str, Vector]], dict[str, Any]]:
    return lambda _: {"strip": list(types)}


def cut(sections: int) -> Callable[[Mapping[str, Vector]], dict[str, Any]]:
    return lambda _: {"cut": sections}


def add(of: str, section_type: int, replacing: bool = False) -> Callable[[Mapping[str, Vector]], dict[str, Any]]:
    """A section as it stands in another vector."""

    def operation(made: Mapping[str, Vector]) -> dict[str, Any]:
        vector = made[of]
        found = next(s for s in (vector.expected or {})["sections"] if s["type"] == section_type)
        body = vector.data[found["offset"] : found["offset"] + found["bytes"]]
        return {"add": [{"type": section_type, "body": body.hex()}], "replacing": replacing}

    return operation


@dataclass(frozen=True)
class Edited:
    id: str
    base: str
    operation: Callable[[Mapping[str, Vector]], dict[str, Any]]
    output: str
    note: str
    rules: tuple[int, ...] = (51,)

    def to_dict(self, made: Mapping[str, Vector]) -> dict[str, Any]:
        """The entry of the manifest."""
        return {
            "id": f"edit-to-{self.id}",
            "input": f"edit-{self.base}",
            "operation": self.operation(made),
            "output": f"edit-{self.output}",
            **shared(self.rules, self.note),
        }


EDITS: Final = (
    Edited("strip-caption", "whole", strip(0x82), "no-caption", "a critical section is taken away: 0x15 goes, 0x55 and 0x7E stay"),
    Edited("replace-caption", "whole", add("edit-other-caption", 0x82, True), "other-caption", "a critical section is changed"),
    Edited("add-codes", "whole", add("edit-with-codes", 0x84), "with-codes", "a critical section is added"),
    Edited("strip-hints", "whole", strip(0x02), "no-hints", "an ancillary section is taken away: 0x15 stays"),
    Edited("strip-unknown", "whole", strip(0x15, 0x55, 0x7E), "no-unknown", "the user names unknown sections"),
    Edited("add-thumbnail", "whole", add("edit-with-thumbnail", 0x04), "with-thumbnail", "an ancillary section is added"),
    Edited("cut", "whole", cut(2), "cut", "an editor that only cuts leaves the count", (47, 51)),
    Edited("cut-behind-unknown", "whole", cut(5), "cut-behind-unknown", "what is in front of the cut stays", (47, 51)),
    Edited("strip-after-cut", "cut", strip(0x01), "cut-completed", "of an incomplete file: a complete one", (47, 51)),
    Edited("strip-to-compact", "whole", strip(0x01, 0x02, 0x43, 0x55, 0x7E, 0x82), "compact", "0x15 goes without being named",
           (45, 51)),
    Edited("add-to-compact", "compact", add("edit-compact-with-title", 0x43), "compact-with-title",
           "a compact file becomes sectioned", (45, 51)),
    Edited("strip-to-compact-again", "compact-with-title", strip(0x43), "compact", "and compact again", (45, 51)),
    Edited("strip-caption-unchecked", "unchecked", strip(0x82), "unchecked-no-caption", "no check is made up"),
)  # fmt: skip
