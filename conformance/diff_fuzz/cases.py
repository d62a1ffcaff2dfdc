# SPDX-License-Identifier: MIT
"""Generate the cases of a seed; case n is always the same file with the same model package."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from diff_fuzz import damage, deflate, json_text, packages, texts, zstd_frames
from diff_fuzz.bodies import Tables, body
from diff_fuzz.coder import CaptionTables
from diff_fuzz.files import FileParts, Section, canonical, parse_parts, pixels
from diff_fuzz.noise import noise
from diff_fuzz.package_damage import Damage, apply_damage, random_damage
from diff_fuzz.row_damage import change_member
from semrunner.suite import Suite

LATENT_PIXELS = 1 << 14  # larger files with networks are tested at tier H only: some decoders are slow
PIXELS = 1 << 20  # larger files are tested at tier H only
SECTION_TYPE = {kind: 0x80 + kind for kind in range(1, 8)}
COMMON_ROWS = (1, 2, 3, 4, 9, 10, 14, 18, 21, 200, 202, 203, 204, 205, 206)


@dataclass(frozen=True)
class FuzzCase:
    """A file to decode. If it comes with a model package, that is `base_package` with `damage`."""

    name: str
    file: bytes
    tier: str = "L"
    asked: str = "symbols"
    base_package: packages.Package | None = field(default=None, repr=False)
    damage: tuple[Damage, ...] = field(default=(), repr=False)
    exact_folder: bool = False  # whether --models is the package itself, not the folder that contains it
    registry: bytes | None = field(default=None, repr=False)  # in place of the usual registry
    refusable: bool = False  # whether a row that the file does not name may be wrong, for which decoders may refuse all
    strict: bool = False  # whether SEM-R-168 excuses no difference: of frames that are valid by construction
    file_for_digest: Callable[[bytes], bytes] | None = field(default=None, repr=False)  # of the model package


class Cases:
    """The cases of a seed, made from the files, models and registry of a suite."""

    def __init__(self, suite: Suite, registry: Path, data: Path, seed: int) -> None:
        self.seed = seed
        self.registry: Any = json.loads(registry.read_bytes())
        self.rows: dict[int, Any] = {row["id"]: row["binding"] for row in self.registry["profiles"]}
        self.files = sorted({case.file for case in suite.cases if len(case.file) <= 4096 and case.registry is None})
        parsed = [(file, parse_parts(file, self.rows)) for file in self.files]
        self.well_formed = [file for file, parts in parsed if parts is not None]
        self.checked = [file for file, parts in parsed if parts is not None and parts.check_code and file[3] < 254]
        self.sections = [part for _, parts in parsed if parts is not None for part in parts.sections]
        self.models = {folder.name: packages.read(folder) for folder in packages.with_tensors(suite.folder / "models")}
        self.dims = {
            int(case.file[3 + 1]): (case.expected["width"], case.expected["height"])
            for case in suite.cases
            if case.expected is not None and len(case.file) > 4 and case.file[3] < 254 and case.file[4]
        }
        captions = [part.body for part in self.sections if part.type == 0x82]
        frames = [text for text in captions if text[:1] == b"\xfa" and len(text) < 2000]
        self.tables = Tables(
            (data / "consonant.bin").read_bytes(), CaptionTables((data / "caption.bin").read_bytes()), frames
        )

    def case(self, number: int) -> FuzzCase:
        """Return case `number`."""
        rng = Random(f"{self.seed}:{number}")
        makers = (
            self._bytes, self._parts, self._body, self._compressed, self._latents, self._texts, self._package, self._row,
            self._registry_text,
        )  # fmt: skip
        maker = rng.choices(makers, (20, 20, 36, 36, 8, 6, 24, 1, 1))[0]  # few registries: decoders restart for each
        case = maker(rng)
        size = pixels(case.file, self.dims)
        large = size > PIXELS or (size > LATENT_PIXELS and self._may_have_latents(case.file))
        if case.tier == "L" and (large or rng.random() < 0.04):
            return replace(case, tier="H")
        return case

    def _may_have_latents(self, file: bytes) -> bool:
        parts = parse_parts(file, self.rows)
        return parts is None or any(part.type in (0x86, 0x87) for part in parts.sections)

    def _random_parts(self, rng: Random) -> FileParts:
        parts = parse_parts(rng.choice(self.well_formed), self.rows)
        assert parts is not None
        return parts

    def _bytes(self, rng: Random) -> FuzzCase:
        """Change bytes of a file of the suite."""
        file = rng.choice(self.files)
        if rng.random() < 0.4 and (parts := parse_parts(file, self.rows)) is not None:
            parts.check_code = 0
            file = parts.data()
        for _ in range(rng.choice((1, 1, 2, 3))):
            file = damage.damage_bytes(rng, file, self.files)
        return FuzzCase("bytes", file)

    def _parts(self, rng: Random) -> FuzzCase:
        """Change parts of a file of the suite."""
        parts, others = self._random_parts(rng), [self._random_parts(rng) for _ in range(2)]
        if rng.random() < 0.5:
            parts.check_code = 0
        for _ in range(rng.choice((1, 1, 2, 3))):
            damage.damage_parts(rng, parts, others, [part.body or b"\0" for part in self.sections])
        return FuzzCase("parts", parts.data(), asked=rng.choice(("symbols",) * 5 + ("embedding",)))

    def _named(self, rng: Random, row: int) -> tuple[bytes, bytes]:
        """Return the bytes that name a row, or a model on it, and K."""
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

    def _body(self, rng: Random) -> FuzzCase:
        """Return a valid header with a random body, compact or in a section."""
        usable = [id_ for id_, row in self.rows.items() if id_ < 254 and row["compact"] not in (6, 7)]
        row = rng.choice(usable + [2, 3, 3, 202, 203, 204] * 2 + [9] * 24 + [21] * 6)  # rows 9 and 21: compact captions
        binding = self.rows[row]
        kind = rng.choice([kind for kind in binding["kinds"] if kind < 6] * 2 + [2] * (2 in binding["kinds"]))
        naming, key = self._named(rng, row)
        size, sides = damage.size(rng, rng.random() < 0.8)
        data, symbols = body(rng, kind, binding["parameters"][str(kind)], sides, self.tables)
        if rng.random() < 0.3:
            data, symbols = damage.damage_bytes(rng, data, [noise(rng) or b"\0"]), None
        parts = FileParts(
            naming, size, [Section(SECTION_TYPE[kind], data, symbols=symbols)], rng.choice((0, 0, 0, 0, 3, 5)), key=key
        )
        if symbols is None and rng.random() < 0.9:
            parts.check_code = 0
        if kind != binding["compact"] or rng.random() < 0.2:
            parts.sectioned = True
            self._add_sections(rng, parts, binding, sides)
        return FuzzCase(
            f"body of kind {kind}", parts.data(), asked="embedding" if kind == 4 and rng.random() < 0.3 else "symbols"
        )

    def _add_sections(self, rng: Random, parts: FileParts, binding: dict[str, Any], sides: tuple[int, int]) -> None:
        """Add other sections, mostly in the required order."""
        for _ in range(rng.choice((0, 1, 1, 2))):
            type_ = rng.choice((1, 2, 4, 0x43, 3, 0x40, 0x7F))
            text = texts.text(rng)
            parts.sections.append(Section(type_, text, symbols=text))
        for kind in binding["kinds"]:
            if kind < 6 and rng.random() < 0.3:
                data, symbols = body(rng, kind, binding["parameters"][str(kind)], sides, self.tables)
                parts.sections.append(Section(SECTION_TYPE[kind], data, symbols=symbols))
        if rng.random() < 0.95:
            by_type = {part.type: part for part in parts.sections}
            parts.sections = sorted(by_type.values(), key=lambda part: (part.type != 1, part.type < 0x80, part.type))
        if rng.random() < 0.1:
            parts.count = len(parts.sections) + rng.choice((1, 2, 20))

    def _compressed(self, rng: Random) -> FuzzCase:
        """Return a caption that is a zlib stream or a zstd frame, valid but for at most one field."""
        if rng.random() < 0.4:
            stream = Section(0x82, b"\xf9" + deflate.stream(rng))
            return FuzzCase("zlib stream", FileParts(b"\x09", b"\x01", [stream]).data())
        frame, strict = zstd_frames.frame(rng)
        parts = FileParts(b"\x09", b"\x01", [Section(0x82, b"\xfa" + frame)])
        return FuzzCase("zstd frame", parts.data(), strict=strict)

    def _latents(self, rng: Random) -> FuzzCase:
        """Return a file of kind 6 or 7 with random bytes as its body."""
        row = rng.choice((200, 201, 205, 206))
        naming = bytes([row])
        if row == 206 or rng.random() < 0.4:
            names = [name for name, model in self.models.items() if model.symbols["kind"] == (6 if row == 205 else 7)]
            code = rng.randrange(4)
            naming = bytes([255, row, code]) + self.models[rng.choice(names)].digest()[: 4 << code]
        size, _ = damage.size(rng, small=True)
        parts = FileParts(naming, size, [Section(0x86 if row == 205 else 0x87, noise(rng, 60))])
        if row == 205:
            parts.sectioned = rng.random() < 0.2
        if rng.random() < 0.1:
            parts.sectioned = True
            text = texts.text(rng)
            parts.sections.append(Section(0x43, text))
        return FuzzCase("latents", parts.data())

    def _texts(self, rng: Random) -> FuzzCase:
        """Return a file of ancillary sections only, with correct checks."""
        row = rng.choice((2, 4, 200, 204, 205))
        naming, key = self._named(rng, row)
        parts = FileParts(naming, b"\x01", [], rng.choice((0, 3, 5)), True, key=key)
        for type_ in sorted(
            set(rng.choices((1, 2, 2, 0x43, 4, 3, 0x7F, 0x40), k=rng.choice((1, 1, 2, 3)))), key=lambda t: (t != 1, t)
        ):
            text = texts.text(rng)
            parts.sections.append(Section(type_, text, symbols=text))
        return FuzzCase("texts", parts.data())

    def _row(self, rng: Random) -> FuzzCase:
        """Return a file of a row whose binding has been changed, with its registry."""
        document = copy.deepcopy(self.registry)
        row = rng.choice([row for row in document["profiles"] if row["id"] in COMMON_ROWS])
        binding, original = row["binding"], self.rows[row["id"]]
        for _ in range(rng.choice((1, 1, 1, 2))):
            change_member(rng, binding)
        size, sides = damage.size(rng, small=True)
        kind = original["compact"]
        symbols: bytes | None = None
        if kind > 5:
            data = noise(rng, 20)
        else:
            data, symbols = body(rng, kind, original["parameters"][str(kind)], sides, self.tables)
        renumbered = rng.random() < 0.2
        if renumbered:
            row["id"] = binding["id"] = rng.choice((256, 300, 65791, 65792, 254, 255, 253, 0))
            naming = bytes([row["id"] % 256])
            if 253 < row["id"] < 65792:
                naming = b"\xfe" + max(row["id"] - 256, 0).to_bytes(2, "big")
        elif original["model"] or kind < 6:
            naming = bytes([row["id"]])
        else:
            naming = bytes([255, row["id"], 0]) + self.models["elic-mini"].digest()[:4]
        try:
            key = hashlib.sha256(canonical(binding)).digest()
        except ValueError:
            key = b""
        check_code = 3 if symbols and rng.random() < 0.5 else 0
        parts = FileParts(naming, size, [Section(SECTION_TYPE[kind], data, symbols=symbols)], check_code, key=key)
        if not renumbered and rng.random() < 0.2:
            parts.sectioned = True
            parts.sections.append(Section(0x43, b"\1a\1b", symbols=b"\1a\1b"))
        return FuzzCase("row", parts.data(), registry=json.dumps(document).encode())

    def _registry_text(self, rng: Random) -> FuzzCase:
        """Return a file with a registry that is spelt otherwise."""
        file = rng.choice(self.checked)
        if rng.random() < 0.4:
            return FuzzCase("registry malformed", file, registry=json_text.malformed(rng, self.registry))
        registry, changed = json_text.respelled(rng, self.registry)
        return FuzzCase("registry text", file, registry=registry, refusable=changed)

    def _package(self, rng: Random) -> FuzzCase:
        """Return a file with a damaged model package, on a row that the original package fits."""
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
        base, changes = self.models[name], tuple(random_damage(rng))
        code, check, data = rng.choice((0, 1, 2, 3, 3)), rng.choice((0, 0, 0, 3)), noise(rng, 12)
        note = [Section(0x43, b"\1a\1b")]
        text_only = rng.random() < 0.1

        def file(digest: bytes) -> bytes:
            sections = note if text_only else [Section(type_, data)]
            return FileParts(bytes([255, row, code]) + digest[: 4 << code], b"\x01", sections, check, text_only).data()

        damaged = apply_damage(base, changes)
        asked = "embedding" if name == "pq-tiny" else "symbols"
        return FuzzCase(
            f"package of {name}",
            file(damaged.digest()),
            "L",
            asked,
            base,
            changes,
            rng.random() < 0.3,
            file_for_digest=file,
        )
