# SPDX-License-Identifier: MIT
"""Hypothesis strategies for valid containers, and the private registry rows that they use."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from default_environment import default_rows
from hypothesis import strategies as st

from refcodec import spec
from refcodec.container import Container, Header, Section, assemble, section_check
from refcodec.container.key_value import encode
from refcodec.registry.dim_classes import sizes

ALL_KINDS, TEXT, HUGE, DIGEST = 240, 241, 242, "3c" * 32
TINY = {"groups": [2, 2, 4], "hyper": 4, "m": 8, "parity": 0, "rates": 3}
CAPTION = {
    "modes": ["static", "tokens", "raw", "zlib", "zstd"],
    "static": DIGEST,
    "dictionary": DIGEST,
    "vocabulary": 49408,
    "tokenizer": None,
}
PARAMETERS = {
    "1": {"code": "fixed"}, "2": CAPTION, "3": {"d": 16, "b": 1, "prior": False}, "4": {"m": 16, "v": 1024, "codebooks": False},
    "5": {"v": 256, "stride": 64, "usage": False}, "6": TINY, "7": TINY,
}  # fmt: skip
WIDE = {"groups": [1024], "hyper": 1024, "m": 1024, "parity": 0, "rates": 1}


def private_row(profile_id: int, **binding: Any) -> dict[str, Any]:
    """A row of registry.json; members of its binding as given, or those of the tiny ELIC."""
    whole = {
        "id": profile_id,
        "method": 1,
        "compact": 7,
        "kinds": [7],
        "fit": {"rule": "pad", "multiple": 64, "extend": "edge"},
        "colour": "srgb8",
        "parameters": {"7": TINY},
        "model": DIGEST,
    }
    row = {"id": profile_id, "name": f"private-{profile_id}", "status": "draft", "binding": whole | binding}
    return row | {"recommended": None, "notes": ""}


def registry_file(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "registry.json"
    path.write_text(json.dumps({"version": 1, "profiles": rows}))
    return path


def private_registry(folder: Path) -> Path:
    """Write a registry with rows of every kind, of compact text, and of more symbols than any level has."""
    rows = (
        private_row(ALL_KINDS, kinds=[1, 2, 3, 4, 5, 7], parameters={k: v for k, v in PARAMETERS.items() if k != "6"}),
        private_row(TEXT, method=2, compact=2, kinds=[1, 2], parameters={k: PARAMETERS[k] for k in "12"}, model=None),
        private_row(HUGE, kinds=[2, 7], parameters={"2": CAPTION, "7": WIDE}),
    )
    return registry_file(folder, *rows)


sides = st.one_of(st.integers(1, 600), st.sampled_from([1, 128, 129, 16_383, 16_384]))
small_sizes = st.tuples(sides, st.integers(1, 600))
class_sizes = st.sampled_from([size for size in sizes().values() if size[0] * size[1] <= 1 << 25])
texts = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), st.text(st.characters(codec="utf-8"), max_size=12)
)
bodies = st.binary(max_size=40)
unknown_types = st.integers(0, 0x7F).filter(lambda section_type: section_type not in spec.ANCILLARY)


@st.composite
def headers(draw: st.DrawFn) -> Header:
    """A compact header without its check, of any profile, explicit models included."""
    width, height = draw(st.one_of(small_sizes, class_sizes))
    profile_id = draw(st.sampled_from([1, 200, ALL_KINDS, TEXT]))
    explicit = draw(st.booleans())
    model_hash = draw(st.sampled_from([4, 8, 16, 32]).map(lambda n: bytes.fromhex(DIGEST)[:n])) if explicit else None
    return Header(
        version=spec.VERSION,
        check_bits=draw(st.sampled_from([0, 16, 32])),
        sectioned=False,
        profile_id=spec.PROFILE_EXPLICIT if explicit else profile_id,
        base_profile_id=profile_id if explicit else None,
        model_hash=model_hash,
        width=width,
        height=height,
        check=None,
        count=None,
        row=default_rows().get(profile_id),
    )


@st.composite
def containers(draw: st.DrawFn) -> Container:
    """A valid container: compact, sectioned, or cut at the end of a section. Checks of payloads are arbitrary bytes,
    those of ancillary sections right."""
    header = draw(headers())
    profile = default_rows().get(header.row_id)
    kinds = draw(st.sets(st.sampled_from(profile.kinds), max_size=3))
    contents = {spec.CRITICAL | kind: draw(bodies) for kind in kinds}
    contents |= {
        known: b"" if known == spec.HINTS else encode(draw(texts))
        for known in draw(st.sets(st.sampled_from(list(spec.ANCILLARY))))
    }
    contents |= {unknown: draw(bodies) for unknown in draw(st.sets(unknown_types, max_size=2))}
    if not contents:
        contents = {spec.CRITICAL | profile.compact: draw(bodies)}
    container = assemble(header, [section(header, *item) for item in contents.items()])
    keep = draw(st.integers(1, len(container.sections)))
    return replace(container, sections=container.sections[:keep])


def section(header: Header, section_type: int, body: bytes, symbols: bytes | None = None) -> Section:
    """A section whose check is that of `symbols`, of the body where there are none."""
    symbols = body if symbols is None else symbols
    check = section_check(header.profile, DIGEST, header, section_type, symbols, header.check_bits)
    return Section(section_type, body, check)
