# SPDX-License-Identifier: MIT
"""Case n of a seed: always the same file, with the same models beside it."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from diff_fuzz import damage, packages, texts
from diff_fuzz.bodies import Tables, body, noise
from diff_fuzz.coder import Captions
from diff_fuzz.files import Parts, Section, canonical, pixels, taken_apart
from semrunner.suite import Suite

LATENT_PIXELS = 1 << 14  # beyond, files with networks are put at tier H alone: some decoders are slow
PIXELS = 1 << 20
ROW_VALUES = (
    "fixed", "coded", [1], [2], [1, 2], [2, 1], [7, 7], [3], [2, 5], ["static"], ["raw", "static"], ["static", "raw"], ["zstd"], ["raw", "raw"],
    "pad", "none", {"rule": "none"}, {"rule": "pad", "multiple": 16, "extend": "edge"}, {"code": "fixed"}, "srgb8", "0" * 64, "0" * 63, "A" * 64, 65537,
)  # fmt: skip
COMPACT = {1: 0x81, 2: 0x82, 3: 0x83, 4: 0x84, 5: 0x85, 6: 0x86, 7: 0x87}


@dataclass(frozen=True)
class Trial:
    """A file to be read. `sound`: the package that it names, if it brings one, of which `wrong` is what is wrong with it."""

    name: str
    file: bytes
    tier: str = "L"
    asked: str = "symbols"
    sound: packages.Package | None = field(default=None, repr=False)
    wrong: tuple[packages.Damage, ...] = field(default=(), repr=False)
    whole: bool = False  # whether decoders are told the package's own folder, not the one that holds it
    registry: bytes | None = field(default=None, repr=False)  # in place of the usual one
    remake: Callable[[bytes], bytes] | None = field(
        default=None, repr=False
    )  # the file, for another digest of the model


class Cases:
    def __init__(self, suite: Suite, registry: Path, data: Path, seed: int) -> None:
        self.seed = seed
        self.registry: Any = json.loads(registry.read_bytes())
        self.rows: dict[int, Any] = {row["id"]: row["binding"] for row in self.registry["profiles"]}
        self.files = sorted({case.file for case in suite.cases if len(case.file) <= 4096 and case.registry is None})
        apart = [(file, taken_apart(file, self.rows)) for file in self.files]
        self.apart = [file for file, parts in apart if parts is not None]
        self.sections = [part for _, parts in apart if parts is not None for part in parts.sections]
        self.models = {folder.name: packages.read(folder) for folder in sorted((suite.folder / "models").iterdir())}
        self.dims = {
            int(case.file[3 + 1]): (case.expected["width"], case.expected["height"])
            for case in suite.cases
            if case.expected is not None and len(case.file) > 4 and case.file[3] < 254 and case.file[4]
        }
        captions = [part.body for part in self.sections if part.type == 0x82]
        frames = [text for text in captions if text[:1] == b"\xfa" and len(text) < 2000]
        self.tables = Tables(
            (data / "consonant.bin").read_bytes(), Captions((data / "caption.bin").read_bytes()), frames
        )

    def case(self, number: int) -> Trial:
        rng = Random(f"{self.seed}:{number}")
        kinds = (self._bytes, self._parts, self._body, self._latents, self._texts, self._package, self._row)
        made = rng.choices(kinds, (20, 20, 36, 8, 6, 12, 1))[
            0
        ]  # decoders are started anew for a row, which takes its time
        trial = made(rng)
        size = pixels(trial.file, self.dims)
        large = size > PIXELS or (size > LATENT_PIXELS and self._latent(trial.file))
        if trial.tier == "L" and (large or rng.random() < 0.04):
            return replace(trial, tier="H")
        return trial

    def _latent(self, file: bytes) -> bool:
        parts = taken_apart(file, self.rows)
        return parts is None or any(part.type in (0x86, 0x87) for part in parts.sections)

    def _taken(self, rng: Random) -> Parts:
        parts = taken_apart(rng.choice(self.apart), self.rows)
        assert parts is not None
        return parts

    def _bytes(self, rng: Random) -> Trial:
        file = rng.choice(self.files)
        if rng.random() < 0.4 and (parts := taken_apart(file, self.rows)) is not None:
            parts.check_code = 0
            file = parts.data()
        for _ in range(rng.choice((1, 1, 2, 3))):
            file = damage.in_bytes(rng, file, self.files)
        return Trial("bytes", file)

    def _parts(self, rng: Random) -> Trial:
        parts, others = self._taken(rng), [self._taken(rng) for _ in range(2)]
        if rng.random() < 0.5:
            parts.check_code = 0
        for _ in range(rng.choice((1, 1, 2, 3))):
            damage.in_parts(rng, parts, others, [part.body or b"\0" for part in self.sections])
        return Trial("parts", parts.data(), asked=rng.choice(("symbols",) * 5 + ("embedding",)))

    def _named(self, rng: Random, row: int) -> tuple[bytes, bytes]:
        """The bytes that name a row, or a model on it, and K."""
        binding = self.rows[row]
        if rng.random() < 0.8:
            return bytes([row]), hashlib.sha256(canonical(binding)).digest()
        digest, code = rng.choice(list(self.models.values())).digest(), rng.randrange(4)
        if binding["model"] is not None and rng.random() < 0.7:
            digest = bytes.fromhex(binding["model"])
        elif rng.random() < 0.2:
            digest = rng.randbytes(32)
        key = hashlib.sha256(canonical(binding | {"model": digest.hex()})).digest()
        return bytes([255, row, code]) + digest[: 4 << code], key

    def _body(self, rng: Random) -> Trial:
        """A sound header and any body behind it, compact or in a section."""
        usable = [id_ for id_, row in self.rows.items() if id_ < 254 and row["compact"] not in (6, 7)]
        row = rng.choice(usable + [2, 3, 3, 202, 203, 204] * 2 + [9] * 30)  # 9: captions without a section around them
        binding = self.rows[row]
        kind = rng.choice([kind for kind in binding["kinds"] if kind < 6] * 2 + [2] * (2 in binding["kinds"]))
        naming, key = self._named(rng, row)
        size, sides = damage.size(rng, rng.random() < 0.8)
        data, symbols = body(rng, kind, binding["parameters"][str(kind)], sides, self.tables)
        if rng.random() < 0.3:
            data, symbols = damage.in_bytes(rng, data, [noise(rng) or b"\0"]), None
        parts = Parts(
            naming, size, [Section(COMPACT[kind], data, symbols=symbols)], rng.choice((0, 0, 0, 0, 3, 5)), key=key
        )
        if symbols is None and rng.random() < 0.9:
            parts.check_code = 0
        if kind != binding["compact"] or rng.random() < 0.2:
            parts.sectioned = True
            self._beside(rng, parts, binding, sides)
        return Trial(
            f"body of kind {kind}", parts.data(), asked="embedding" if kind == 4 and rng.random() < 0.3 else "symbols"
        )

    def _beside(self, rng: Random, parts: Parts, binding: dict[str, Any], sides: tuple[int, int]) -> None:
        """Other sections, mostly in their order."""
        for _ in range(rng.choice((0, 1, 1, 2))):
            type_ = rng.choice((1, 2, 4, 0x43, 3, 0x40, 0x7F))
            text = texts.text(rng)
            parts.sections.append(Section(type_, text, symbols=text))
        for kind in binding["kinds"]:
            if kind < 6 and rng.random() < 0.3:
                data, symbols = body(rng, kind, binding["parameters"][str(kind)], sides, self.tables)
                parts.sections.append(Section(COMPACT[kind], data, symbols=symbols))
        if rng.random() < 0.95:
            found = {part.type: part for part in parts.sections}
            parts.sections = sorted(found.values(), key=lambda part: (part.type != 1, part.type < 0x80, part.type))
        if rng.random() < 0.1:
            parts.count = len(parts.sections) + rng.choice((1, 2, 20))

    def _latents(self, rng: Random) -> Trial:
        row = rng.choice((200, 201, 205, 206))
        naming = bytes([row])
        if row == 206 or rng.random() < 0.4:
            wanted = [name for name, model in self.models.items() if model.symbols["kind"] == (6 if row == 205 else 7)]
            code = rng.randrange(4)
            naming = bytes([255, row, code]) + self.models[rng.choice(wanted)].digest()[: 4 << code]
        size, _ = damage.size(rng, small=True)
        parts = Parts(naming, size, [Section(0x86 if row == 205 else 0x87, noise(rng, 60))])
        if row == 205:
            parts.sectioned = rng.random() < 0.2
        if rng.random() < 0.1:
            parts.sectioned = True
            text = texts.text(rng)
            parts.sections.append(Section(0x43, text))
        return Trial("latents", parts.data())

    def _texts(self, rng: Random) -> Trial:
        """Ancillary sections alone, their checks right."""
        row = rng.choice((2, 4, 200, 204, 205))
        naming, key = self._named(rng, row)
        parts = Parts(naming, b"\x01", [], rng.choice((0, 3, 5)), True, key=key)
        for type_ in sorted(
            set(rng.choices((1, 2, 2, 0x43, 4, 3, 0x7F, 0x40), k=rng.choice((1, 1, 2, 3)))), key=lambda t: (t != 1, t)
        ):
            text = texts.text(rng)
            parts.sections.append(Section(type_, text, symbols=text))
        return Trial("texts", parts.data())

    def _row(self, rng: Random) -> Trial:
        """A row's binding that says something else, and a file of that row."""
        document = copy.deepcopy(self.registry)
        row = rng.choice(
            [
                row
                for row in document["profiles"]
                if row["id"] in (1, 2, 3, 4, 9, 10, 14, 18, 200, 202, 203, 204, 205, 206)
            ]
        )
        binding, usual = row["binding"], self.rows[row["id"]]
        for _ in range(rng.choice((1, 1, 1, 2))):
            all_ = packages.places(binding)
            path = rng.choice(all_)
            holder, name = packages.within(binding, path[:-1]), path[-1]
            match rng.randrange(6):
                case 0 | 1 if type(holder[name]) is int:
                    holder[name] += rng.choice((-1, 1, 1, 7))
                case 0 | 1 | 2:
                    holder[name] = copy.deepcopy(rng.choice((*packages.ODD, *ROW_VALUES)))
                case 3:
                    del holder[name]
                case 4:
                    holder[name] = copy.deepcopy(packages.within(binding, rng.choice(all_)))
                case 5 if isinstance(holder, dict):
                    holder[
                        rng.choice(("x", "rule", "table", "prior", "usage", "codebooks", "1", "3", "é", "method"))
                    ] = copy.deepcopy(rng.choice(packages.ODD))
        size, sides = damage.size(rng, small=True)
        kind = usual["compact"]
        data, symbols = (
            (noise(rng, 20), None) if kind > 5 else body(rng, kind, usual["parameters"][str(kind)], sides, self.tables)
        )
        try:
            key = hashlib.sha256(canonical(binding)).digest()
        except ValueError:
            key = b""
        if rng.random() < 0.2:
            row["id"] = binding["id"] = rng.choice((256, 300, 65791, 65792, 254, 255, 253, 0))
            try:
                key = hashlib.sha256(canonical(binding)).digest()
            except ValueError:
                key = b""
            parts = Parts(
                b"\xfe" + max(row["id"] - 256, 0).to_bytes(2, "big")
                if 253 < row["id"] < 65792
                else bytes([row["id"] % 256]),
                size,
                [Section(COMPACT[kind], data, symbols=symbols)],
                3 if symbols and rng.random() < 0.5 else 0,
                key=key,
            )
            return Trial("row", parts.data(), registry=json.dumps(document).encode())
        naming = (
            bytes([row["id"]])
            if usual["model"] or kind < 6
            else bytes([255, row["id"], 0]) + self.models["elic-mini"].digest()[:4]
        )
        parts = Parts(
            naming,
            size,
            [Section(COMPACT[kind], data, symbols=symbols)],
            3 if symbols and rng.random() < 0.5 else 0,
            key=key,
        )
        if rng.random() < 0.2:
            parts.sectioned = True
            parts.sections.append(Section(0x43, b"\1a\1b", symbols=b"\1a\1b"))
        return Trial("row", parts.data(), registry=json.dumps(document).encode())

    def _package(self, rng: Random) -> Trial:
        """A package of a kind's model with something wrong, on a row that its shapes fit."""
        name, row, type_ = rng.choice(
            (
                ("elic-mini", 206, 0x87),
                ("elic-mini", 200, 0x87),
                ("elic-tiny", 206, 0x87),
                ("elic-square", 200, 0x87),
                ("elic-tiny-2", 201, 0x87),
                ("sketch-tiny", 205, 0x86),
                ("clip-tiny", 202, 0x83),
                ("clip-tiny", 202, 0x83),
                ("pq-tiny", 203, 0x84),
                ("vq-tiny", 204, 0x85),
                ("vq-tiny", 204, 0x85),
            )
        )
        sound, wrong = self.models[name], tuple(packages.damages(rng))
        code, check, data = rng.choice((0, 1, 2, 3, 3)), rng.choice((0, 0, 0, 3)), noise(rng, 12)
        note = [Section(0x43, b"\1a\1b")]
        only_text = rng.random() < 0.1

        def file(digest: bytes) -> bytes:
            sections = note if only_text else [Section(type_, data)]
            return Parts(bytes([255, row, code]) + digest[: 4 << code], b"\x01", sections, check, only_text).data()

        made = packages.damaged(sound, list(wrong))
        asked = "embedding" if name == "pq-tiny" else "symbols"
        return Trial(
            f"package of {name}", file(made.digest()), "L", asked, sound, wrong, rng.random() < 0.3, remake=file
        )
