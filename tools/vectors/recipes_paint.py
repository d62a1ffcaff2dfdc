# SPDX-License-Identifier: MIT
"""SPEC §13.6, §14: files whose pictures are to be painted, and packages whose painters must be refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.vectors import mini, paint, tiny
from tools.vectors.build import MODELS, OUT
from tools.vectors.nonconforming import recoded
from tools.vectors.recipes_sections import GREASE, TITLE, flip
from tools.vectors.vector import Fault, Valid, becomes, digests, error_entry, shared

ELIC: Final = {"profile": 206, "model": "elic-paint", "hash_bytes": 8, "tier": "P"}  # on the base row of these shapes
SKETCH: Final = {"profile": 205, "model": "sketch-paint", "hash_bytes": 8, "tier": "P"}
MEASURED: Final = Path(__file__).with_name("pixels.json")  # shape, limits and spread, by id; written by spread.py


def _elic(name: str, rules: tuple[int, ...], note: str, **more: Any) -> Valid:
    named: dict[str, Any] = ELIC | {"check": 16} | more
    return Valid(f"paint-{name}", rules, note, **named)


def _sketch(name: str, rules: tuple[int, ...], note: str, **more: Any) -> Valid:
    named: dict[str, Any] = SKETCH | {"check": 16} | more
    return Valid(f"paint-sketch-{name}", rules, note, **named)


VALID: Final = (
    _elic("64x64", (130,), "a picture of the coded size"),
    _elic("rate-2", (130,), "at another rate: another inverse gain", rate=2, check=0),
    _elic("70x20", (130,), "the first 20 rows and 70 columns of 64 × 128", size=(70, 20), rate=1),
    _elic("20x70", (130,), "the first 70 rows and 20 columns", size=(20, 70), rate=1),
    _elic("3x1540", (130,), "so high that painters work strip by strip: no seam is seen", size=(3, 1540), rate=2),
    _elic("1x1", (130,), "one pixel", size=(1, 1), check=32),
    _elic("sections", (130,), "beside sections that nobody knows", size=(50, 33), y="sparse", sections=(*GREASE, TITLE)),
    _elic("bounds", (130,), "samples beyond 0 and 255 are clamped", y="bounds"),
    _sketch("64x64", (130, 213), "a map of the coded size"),
    _sketch("rate-1", (130, 213), "at the other rate", rate=1, size=(33, 64)),
    _sketch("70x20", (130, 213), "the first 20 rows and 70 columns", size=(70, 20), rate=1, check=0),
    _sketch("1540x3", (130, 213), "so wide that painters work tile by tile", size=(1540, 3), rate=1),
    _sketch("1x1", (130, 213), "one pixel", size=(1, 1)),
    _sketch("noise", (213, 215), "noise, which no detector of lines would find", y="escapes", z="escapes", size=(64, 50), rate=1),
    _sketch("grey", (213, 215), "all residuals 0: a pattern without lines", y="zero", z="zero", size=(48, 48)),
)  # fmt: skip

FAULTS: Final = (
    Fault("paint-check-bit", "paint-64x64", 501, (131,), "one bit of the check is wrong: no picture is shown",
          flip("check", 0, 1), "P"),
    Fault("paint-residual", "paint-70x20", 501, (131,), "one residual is higher by one: it could be painted, too",
          becomes(recoded(s_first=lambda _, s: s + 1)), "P"),
    Fault("paint-sections-check", "paint-sections", 501, (131,), "the check of a section is wrong that no painter looks at",
          flip("sections[3].check", 0, 1), "P"),
    Fault("paint-sketch-check-bit", "paint-sketch-64x64", 501, (131,), "one bit of the check of a sketch is wrong",
          flip("check", 1, 8), "P"),
)  # fmt: skip


def pixels(name: str) -> dict[str, Any]:
    """The member `pixels` of a vector."""
    measured = json.loads(MEASURED.read_bytes())[name]
    path = picture_path(name)
    return {"file": path, "sha256": hashlib.sha256((OUT / path).read_bytes()).hexdigest(), **measured}


def picture_path(name: str) -> str:
    return f"paint/{name}.bin"


PROBES: Final = {"elic-paint": "paint-rate-2", "sketch-paint": "paint-sketch-70x20"}  # files without a check


@dataclass(frozen=True)
class BadPainter:
    """A package of `tiny.py` whose painter alone has a defect. `change`: of the manifest's entry and the file, None: no file."""

    id: str
    base: str
    error: int
    rules: tuple[int, ...]
    note: str
    change: Callable[[dict[str, Any], bytes], tuple[dict[str, Any] | None, bytes | None]]

    @property
    def folder(self) -> str:
        return f"models-bad/{self.id}"

    def files(self, file: bytes) -> dict[str, bytes]:
        """The package and a file that names it, by path; `file`: of a valid vector of the package."""
        manifest = json.loads((MODELS / self.base / "manifest.json").read_bytes())
        entry, blob = self.change(manifest.pop("painter"), (MODELS / self.base / "painter.safetensors").read_bytes())
        outer = {"painter": entry} if entry is not None else {}
        text = mini.manifest(self.id, manifest["symbols"], f"A fault: {self.note}.")
        if outer:
            text = text.replace(b' "symbols": {\n', f' "painter": {json.dumps(entry)},\n "symbols": {{\n'.encode(), 1)
        made = {
            "manifest.json": text,
            "symbols.safetensors": (MODELS / self.base / "symbols.safetensors").read_bytes(),
            "probe.sem": file,
        }
        return {f"{self.folder}/{name}": data for name, data in made.items()} | (
            {} if blob is None else {f"{self.folder}/painter.safetensors": blob}
        )

    def to_dict(self, file: bytes) -> dict[str, Any]:
        """The entry of the manifest."""
        return {
            "id": self.id,
            "folder": self.folder,
            "file": f"{self.folder}/probe.sem",
            **digests(file),
            **shared(self.rules, self.note),
            **error_entry(self.error),
            "stage": "model",
            "repaired": f"models/{self.base}",
        }


def _with(blob: bytes) -> Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]:
    """Another file, of which the manifest gives the digest."""
    return lambda entry, _: (entry | {"sha256": hashlib.sha256(blob).hexdigest()}, blob)


def _channels(base: str, count: int) -> Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]:
    """A painter of another number of channels, whole and sound in itself."""

    def change(_: dict[str, Any], __: bytes) -> tuple[dict[str, Any], bytes]:
        symbols, _ = tiny.MODELS[base]()
        blob, entry = paint.painter(base, symbols, count)
        return entry, blob

    return change


def _flipped(entry: dict[str, Any], blob: bytes) -> tuple[dict[str, Any], bytes]:
    return entry, blob[:-1] + bytes([blob[-1] ^ 1])


def _renamed(entry: dict[str, Any], blob: bytes) -> tuple[dict[str, Any], bytes]:
    return entry | {"file": "../../models/sketch-paint/painter.safetensors"}, blob


BAD: Final = (
    BadPainter("painter-three-channels", "sketch-paint", 803, (214,), "a painter of three channels for sketches",
               _channels("sketch-paint", 3)),
    BadPainter("painter-missing", "elic-paint", 801, (114,), "the file of the painter is not there", lambda entry, _: (entry, None)),
    BadPainter("painter-nowhere", "elic-paint", 801, (114,), "a package without a painter", lambda _e, _b: (None, None)),
    BadPainter("painter-digest", "elic-paint", 802, (110,), "one bit of the file differs from what the digest says", _flipped),
    BadPainter("painter-pickled", "elic-paint", 803, (113,), "a pickle in place of safetensors", _with(tiny.PICKLE)),
    BadPainter("painter-elsewhere", "sketch-paint", 803, (111,), "a path in place of a name", _renamed),
)  # fmt: skip
