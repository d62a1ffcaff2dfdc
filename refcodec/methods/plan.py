# SPDX-License-Identifier: MIT
"""Plan a file: the settings that are known before its symbols. With symbols a plan becomes a `PackJob`, then a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from refcodec.assemble import EncodedFile, FileTemplate, ancillary, header_of, provenance_entries
from refcodec.encode_settings import EncodeSettings
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.foundation.resolve import Models
from refcodec.methods import candidates, identity_check
from refcodec.methods.inputs import Description, Packed, PackJob
from refcodec.networks import package_cache
from refcodec.registry import Profile

if TYPE_CHECKING:
    from refcodec.networks.context_model import Trace


def withdrawn(profile: Profile) -> tuple[str, ...]:
    """Return the notice for a file of a withdrawn row, which the user has named (SEM-R-037)."""
    if profile.status != "withdrawn":
        return ()
    why = f" ({profile.notes})" if profile.notes else ""
    return (f"profile {profile.name} is withdrawn{why}: its files stay readable, but new files should name another",)


def needs_model(profile: Profile, names: set[str]) -> bool:
    """Return whether coding these inputs needs the model of the row."""
    used = (kind for kind in map(profile.kind, profile.kinds) if kind.model_inputs & names)
    return any(kind.uses_model(profile.parameters(kind.id)) for kind in used)


@dataclass(frozen=True)
class FilePlan:
    """A file of one registry row with the settings of the user. models: those of the analysis, for the provenance."""

    profile: Profile
    settings: EncodeSettings
    environment: Environment
    models: Models | None = None
    trace: Trace | None = None

    def model(self) -> tuple[Path, str]:
        """Return folder and digest of the symbol model, named by the user or by the row.

        Raises Code.MODEL_UNAVAILABLE if it is not found, LIMIT_MODEL if it asks for more than the level allows.
        """
        folder, digest = self.settings.model, self.profile.model or ""
        if folder is not None:
            digest = package_cache.model_digest(folder)
        else:
            folder = self.environment.locate_package(digest)
        package_cache.check_work(folder, level=self.settings.level)
        return folder, digest

    def job(self, description: Description) -> PackJob:
        """Return the job that codes the symbols of a description."""
        settings, used = self.settings, needs_model(self.profile, description.symbols.names())
        model = description.model or (self.model() if used or settings.model is not None else None)
        folder, digest = model or (None, None)
        if folder is not None and used:
            package_cache.check_work(folder, description.size, settings.level)
        quality, bpp = settings.rate
        return PackJob(
            symbols=description.symbols,
            profile=self.profile,
            size=description.size,
            environment=self.environment,
            mode=settings.mode,
            strict=settings.strict,
            folder=folder,
            digest=digest,
            quality=quality,
            bpp=bpp,
            strict_bpp=settings.strict_bpp,
            effort=settings.options.effort,
            file=self._template(description, folder, digest, used),
            trace=self.trace,
            candidate=self._candidate(description),
        )

    def _hints(self, description: Description) -> dict[str, str]:
        return {**self.settings.hints, **description.hints}

    def _candidate(self, description: Description) -> int | None:
        return candidates.number_in_caption(self.profile, description.symbols.names(), self._hints(description))

    def _template(self, description: Description, folder: Path | None, digest: str | None, used: bool) -> FileTemplate:
        """Return the file without its payloads. folder, digest: of the model that codes the symbols."""
        row, settings, names = self.profile, self.settings, description.symbols.names()
        model_digest = digest if settings.model is not None else row.model
        # codebooks define what codes stand for
        codebooks = any(kind.decodes_without_model and kind.inputs & names for kind in map(row.kind, row.kinds))
        stated = {} if folder is None else package_cache.identity_of(folder)
        if self.models is not None:
            identity_check.check_encoder(row, stated, folder, self.models)
        bears = row.base or codebooks or used or stated
        if settings.file.hash_bytes is None and settings.model is not None and not bears:
            raise ValueError("these symbols use no model: leave it out, or ask for an explicit model")
        hash_bytes, notices = settings.file.model_hash_for(row, model_digest)
        if hash_bytes is not None and model_digest is None:
            raise ValueError(
                f"profile {row.name} names no model that could stand in the file: name one with its folder"
            )
        header = header_of(
            row,
            description.size,
            settings.file.check,
            bytes.fromhex(model_digest or "")[:hash_bytes] if hash_bytes else None,
        )
        note = self._provenance(description) if settings.provenance else None
        hints = self._hints(description)
        if self._candidate(description) is not None:  # the caption holds it
            hints.pop(candidates.HINT, None)
        others = ancillary(note, hints, settings.metadata)
        return FileTemplate(header, model_digest, others, settings.level, (*notices, *withdrawn(row)))

    def _provenance(self, description: Description) -> Mapping[str, str]:
        if description.provenance is not None:
            return description.provenance
        used = "" if self.models is None else identity_check.provenance_of(self.models)
        model = {"model": used} if used else {}
        return provenance_entries(method=self.profile.method_name, **model, **description.sources)

    def file(self, pack: Callable[[PackJob], Packed], description: Description) -> EncodedFile:
        """Return the file of a description, whose symbols `pack` codes."""
        job = self.job(description)
        payloads, notices = pack(job)
        assert job.file is not None
        return EncodedFile(
            job.file.write(payloads),
            *job.size,
            self.profile.method_name,
            self.profile,
            tuple(payloads),
            (*job.file.notices, *notices),
        )


def pack_symbols(pack: Callable[[PackJob], Packed], description: Description, plans: Sequence[FilePlan]) -> EncodedFile:
    """Return the smallest file of a description over several plans.

    Raises Code.LIMIT_TEXT if its text is too long for all of them, ValueError for symbols that do not fit the profile.
    """
    files: list[EncodedFile] = []
    for plan in plans:
        try:
            files.append(plan.file(pack, description))
        except SemError as error:
            # too long in one code, perhaps not in the other
            if error.code != Code.LIMIT_TEXT or (plan is plans[-1] and not files):
                raise
    return min(files, key=lambda encoded: len(encoded.data))


def plans_of(
    profiles: Iterable[Profile],
    settings: EncodeSettings,
    environment: Environment,
    models: Models | None,
    trace: Trace | None = None,
) -> tuple[FilePlan, ...]:
    """Return one plan per profile."""
    return tuple(FilePlan(profile, settings, environment, models, trace) for profile in profiles)
