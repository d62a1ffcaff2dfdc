# SPDX-License-Identifier: MIT
"""What an encoder must refuse: symbols and maps of which no file can be made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tools.vectors.recipes_caption import CAT, PROMPT
from tools.vectors.recipes_codes import drawn
from tools.vectors.recipes_sections import text
from tools.vectors.symbols import Sha256Stream
from tools.vectors.vector import digests, shared

CAPTION, CLIP, PQ, VQ, SKETCH, METADATA, HINTS = 0x82, 0x83, 0x84, 0x85, 0x86, 0x43, 0x02
INDICES: Final = [[0, 2, 0, 3], [1, 0, 4, 2], [5, 0, 0, 2]]


@dataclass(frozen=True)
class Refused:
    id: str
    rules: tuple[int, ...]
    note: str
    profile: int
    sections: tuple[dict[str, Any], ...]
    size: tuple[int, int] = (64, 48)

    def to_json(self) -> dict[str, Any]:
        frame = {
            "profile": self.profile,
            "model_hash": None,
            "width": self.size[0],
            "height": self.size[1],
            "check_bits": 16,
        }
        return frame | {"sections": list(self.sections)}

    def to_dict(self, data: bytes) -> dict[str, Any]:
        """The entry of the manifest; `data` is the input."""
        return {"id": f"refuse-{self.id}", "input": self.path, **digests(data), **shared(self.rules, self.note)}

    @property
    def path(self) -> str:
        return f"refuse/{self.id}.json"


def _map(name: str, note: str, width: int, height: int) -> Refused:
    """A sketch of another size than the picture's 64 × 48."""
    stream = Sha256Stream(name)
    samples = bytes(stream.below(256) for _ in range(width * height)).hex()
    return Refused(
        name, (212,), note, 205, ({"type": SKETCH, "map": {"width": width, "height": height, "samples": samples}},)
    )


def _one(name: str, rule: int, note: str, profile: int, section_type: int, value: Any, **more: Any) -> Refused:
    return Refused(name, (rule,), note, profile, ({"type": section_type, "value": value, **more},))


def _text(name: str, rule: int, note: str, section_type: int, *entries: tuple[bytes, bytes]) -> Refused:
    metadata = {"type": section_type, "body": text(*entries).hex()}
    return Refused(name, (rule,), note, 204, (metadata, {"type": VQ, "value": INDICES}))


ALL: Final = (
    _map("map-narrower", "a map that is a column narrower than the picture", 63, 48),
    _map("map-higher", "a map that is a row higher", 64, 49),
    _map("map-turned", "a map of the picture on its side", 48, 64),
    _map("map-of-coded-size", "a map of the size to which the picture is extended", 64, 64),
    _one("clip-few", 190, "a sign less than the row has dimensions", 4, CLIP, list(drawn("few", 767, 2))),
    _one("clip-more", 190, "one more", 4, CLIP, list(drawn("more", 769, 2))),
    _one("clip-code-2", 190, "a code of two bits where there is one", 4, CLIP, [2] * 768),
    _one("pq-code-4", 200, "a code that is none of four", 203, PQ, [1, 4]),
    _one("pq-three", 200, "three codes for two parts", 203, PQ, [1, 2, 3]),
    _one("vq-index-6", 206, "an index that is none of six", 204, VQ, [[0, 2, 0, 3], [1, 0, 6, 2], [5, 0, 0, 2]]),
    _one("vq-row-missing", 205, "a row less than the picture has", 204, VQ, INDICES[:2]),
    _one("vq-more", 205, "an index more", 204, VQ, [*INDICES, [0]]),
    _one("ids-76", 175, "76 ids", 9, CAPTION, [320] * 76, mode="tokens"),
    _one("ids-beyond", 175, "an id beyond the vocabulary", 9, CAPTION, [*PROMPT[:15], 49_408], mode="tokens"),
    _one("mode-of-other-row", 171, "a mode that the row does not allow", 204, CAPTION, CAT, mode="zlib"),
    _one("surrogate", 173, "half of a surrogate pair, which is no text", 9, CAPTION, "a \ud83d cat", mode="raw"),
    _text("key-empty", 49, "a key of no bytes", METADATA, (b"", b"one")),
    _text("hint-seed", 54, "a hint that is no number", HINTS, (b"seed", b"poppy")),
    Refused("kind-of-other-row", (42,), "a kind that the row does not have", 204,
            ({"type": PQ, "body": "60"}, {"type": VQ, "value": INDICES})),
    Refused("type-twice", (41,), "two sections of one type", 204,
            ({"type": 0x2A, "body": "00"}, {"type": 0x2A, "body": "01"}, {"type": VQ, "value": INDICES})),
)  # fmt: skip
