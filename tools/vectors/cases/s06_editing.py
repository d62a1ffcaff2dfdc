# SPDX-License-Identifier: MIT
"""SPEC §6: files before and after an edit, by an editor that knows the sections of SPEC.md and no others."""

from __future__ import annotations

from typing import Any, Final

from refcodec import spec
from tools.vectors.case import ValidCase
from tools.vectors.case_types.edit_operation import EditOperation, add, cut, strip
from tools.vectors.samples import CAT, MAKER, PNG_PIXEL, STEPS, TITLE, WAVE, seeded_codes

FOLDER: Final = "sections"
ROW: Final = 10  # perco-64-256: captions, codes, indices
CAPTION: Final = (2, ("static", CAT))
CODES: Final = (4, seeded_codes("pq", 16, 1024))
INDICES: Final = (5, seeded_codes("grid", 96, 256))
UNSAFE, SAFE, EMPTY = (0x15, b"?"), (0x55, b"!"), (0x7E, b"")  # unknown types; the last two are safe to copy
ALL: Final = (MAKER, STEPS, UNSAFE, SAFE, TITLE, EMPTY)
KEPT: Final = (MAKER, STEPS, SAFE, TITLE, EMPTY)


def _file(
    name: str,
    note: str,
    sections: tuple[tuple[int, bytes], ...],
    *payloads: Any,
    rules: tuple[int, ...] = (40, 51),
    **options: Any,
) -> ValidCase:
    defaults: dict[str, Any] = {"tier": "S", "profile": ROW, "latents": False, "size": (768, 512), "check": 16}
    return ValidCase(f"edit-{name}", rules, note, payloads=payloads, sections=sections, **defaults | options)


VALID: Final = (
    _file("whole", "what is edited: two payloads, and unknown sections of which two are safe to copy", ALL, CAPTION,
        INDICES),
    _file("no-caption", "the caption is gone, and with it what was not safe to copy", KEPT, INDICES),
    _file("other-caption", "another caption in its place", KEPT, (2, ("static", WAVE)), INDICES),
    _file("with-codes", "a payload more", KEPT, CAPTION, CODES, INDICES),
    _file("no-hints", "hints are gone: no payload changed, all others stay", (MAKER, UNSAFE, SAFE, TITLE, EMPTY),
        CAPTION, INDICES),
    _file("no-unknown", "unknown sections are gone that the user named", (MAKER, STEPS, TITLE), CAPTION, INDICES),
    _file("with-thumbnail", "a thumbnail more: no payload changed, all others stay", (*ALL, (spec.THUMBNAIL, PNG_PIXEL)),
        CAPTION, INDICES),
    _file("cut", "cut behind the caption: the count stays", ALL, CAPTION, INDICES, keep=2, rules=(47, 51)),
    _file("cut-behind-unknown", "cut behind the unknown section that is not safe to copy: it stays", ALL, CAPTION,
        INDICES, keep=5, rules=(47, 51)),
    _file("cut-completed", "of the file that was cut: a complete one of what is there", (), CAPTION, rules=(47, 51)),
    _file("compact", "nothing is left but the compact kind: compact form, the check in the header", (), INDICES,
        rules=(45, 51, 60)),
    _file("compact-with-title", "and back: the check of the indices is the same", (TITLE,), INDICES,
        rules=(45, 51, 60)),
    _file("unchecked", "without checks", ALL, CAPTION, INDICES, check=0),
    _file("unchecked-no-caption", "the same edit without checks", KEPT, INDICES, check=0),
)  # fmt: skip

OPERATIONS: Final = (
    EditOperation("strip-caption", "whole", strip(0x82), "no-caption",
        "a critical section is taken away: 0x15 goes, 0x55 and 0x7E stay"),
    EditOperation("replace-caption", "whole", add("edit-other-caption", 0x82, True), "other-caption",
        "a critical section is changed"),
    EditOperation("add-codes", "whole", add("edit-with-codes", 0x84), "with-codes", "a critical section is added"),
    EditOperation("strip-hints", "whole", strip(0x02), "no-hints", "an ancillary section is taken away: 0x15 stays"),
    EditOperation("strip-unknown", "whole", strip(0x15, 0x55, 0x7E), "no-unknown", "the user names unknown sections"),
    EditOperation("add-thumbnail", "whole", add("edit-with-thumbnail", 0x04), "with-thumbnail",
        "an ancillary section is added"),
    EditOperation("cut", "whole", cut(2), "cut", "an editor that only cuts leaves the count", (47, 51)),
    EditOperation("cut-behind-unknown", "whole", cut(5), "cut-behind-unknown", "what is in front of the cut stays",
        (47, 51)),
    EditOperation("strip-after-cut", "cut", strip(0x01), "cut-completed", "of an incomplete file: a complete one",
        (47, 51)),
    EditOperation("strip-to-compact", "whole", strip(0x01, 0x02, 0x43, 0x55, 0x7E, 0x82), "compact",
        "0x15 goes without being named", (45, 51)),
    EditOperation("add-to-compact", "compact", add("edit-compact-with-title", 0x43), "compact-with-title",
        "a compact file becomes sectioned", (45, 51)),
    EditOperation("strip-to-compact-again", "compact-with-title", strip(0x43), "compact", "and compact again",
        (45, 51)),
    EditOperation("strip-caption-unchecked", "unchecked", strip(0x82), "unchecked-no-caption", "no check is made up"),
)  # fmt: skip

CASES: Final = (*VALID, *OPERATIONS)
