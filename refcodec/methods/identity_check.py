# SPDX-License-Identifier: MIT
"""Compare the models that give symbols their meaning with those that a row, an explicit model or a provenance states.

SPEC §7 and §12 (SEM-R-063 to 065). A picture decoder compares what it is going to use, after loading and before painting.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from refcodec import spec
from refcodec.container import Container
from refcodec.container.key_value import decode as text_decode
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.foundation import identity
from refcodec.foundation.resolve import Models
from refcodec.foundation.worker.proxy import call
from refcodec.networks import package_cache
from refcodec.registry import Profile

ROW, MODEL, PROVENANCE = "registry row", "model", "provenance"
MISMATCH: Final = "prompt_tokens:tokenizer_mismatch"  # runs where the model does
INSIST: Final = "name the model that the file was made with, or decode it all the same with --any-model"


@dataclass(frozen=True)
class StatedIdentity:
    """What a file states about the models that give its symbols their meaning.

    by: source -> role -> digest, or its beginning. absent: hash of an explicit model that is not installed, and that no
    payload uses. codebooks: folder of the codebooks that the file names. tokenizer_file: SHA-256 of the tokenizer's file,
    by the parameters of kind 2 of the row.
    """

    by: Mapping[str, Mapping[str, str]]
    absent: str | None = None
    codebooks: Path | None = None
    tokenizer_file: str | None = None

    def of(self, role: str) -> dict[str, str]:
        """Return source -> digest, for each source that states one for a role."""
        return {source: digests[role] for source, digests in self.by.items() if role in digests}

    def names(self, role: str) -> bool:
        """Return whether anything is stated for a role."""
        return bool(self.of(role)) or (role == "tokenizer" and self.tokenizer_file is not None)


def stated_by(container: Container, environment: Environment, used: Path | None = None) -> StatedIdentity:
    """Return what a file states: by its row, by its model, by its provenance. used: folder of the model of a payload.

    Raise Code.MODEL_MALFORMED or UNSUPPORTED_MODEL for an explicit model whose manifest is invalid.
    """
    header = container.header
    wanted = header.named_digest
    folder = used or (None if wanted is None else _find(wanted, environment))
    by_model, codebooks = {}, None
    if folder is not None:
        by_model = dict(package_cache.identity_of(folder))
        own = identity.digest_of("codebooks", folder)
        if own is not None:
            by_model, codebooks = {"codebooks": own} | by_model, folder
    by = {ROW: header.profile.identity, MODEL: by_model, PROVENANCE: _provenance(container)}
    absent = wanted if folder is None and header.model_hash is not None else None
    stated = {source: digests for source, digests in by.items() if digests}
    return StatedIdentity(stated, absent, codebooks, tokenizer_file(header.profile))


def tokenizer_file(row: Profile) -> str | None:
    """Return the SHA-256 of the tokenizer's file that a row names for token ids, None if it names none."""
    sha256: str | None = row.parameters(spec.CAPTION).get("tokenizer")
    return sha256


def _find(wanted: str, environment: Environment) -> Path | None:
    try:
        return environment.find_package(wanted)
    except SemError:  # several models begin with it
        return None


def _provenance(container: Container) -> Mapping[str, str]:
    bodies = [section.body for section in container.sections if section.type == spec.PROVENANCE]
    return identity.stated_in(text_decode(bodies[0])) if bodies else {}


@dataclass(frozen=True)
class Filled:
    """The model of a role that a picture is made with. why: for a model without a local folder, why it has none."""

    role: str
    folder: Path | None
    why: str = ""

    @classmethod
    def by(cls, role: str, models: Models, filled_by: str | None = None) -> Filled:
        """Return the model of a role of an identity, found in the folder of the model that fills `filled_by`."""
        name = filled_by or role
        folder = models.resolved.get(name)
        if folder is not None:
            return cls(role, folder)
        source = models.find(name)
        why = "a model that the caller has loaded" if source is not None else f"nothing fills the role {name}"
        return cls(role, None, "an endpoint" if getattr(source, "is_endpoint", False) else why)


def compare(stated: StatedIdentity, models: Iterable[Filled], *, any_model: bool = False) -> list[str]:
    """Compare models with everything that a file states for their roles; return notices for the user.

    Raise Code.MODEL_DIGEST (SEM-E-802) for another model, MODEL_UNAVAILABLE (SEM-E-801) where the file names an explicit
    model that is not installed; with `any_model` both are notices.
    """
    models = tuple(models)
    if models and stated.absent is not None:
        error = _absent(stated.absent, models)
        if not any_model:
            raise error
        return [f"{error.what}: nothing was compared"]
    silent = [model.role for model in models if not stated.names(model.role)]
    notices = [f"the file does not state its {_names(silent)}: nothing could be compared"] if silent else []
    for model in models:
        notices += _compare(model, stated.of(model.role), any_model=any_model)
    return notices


def _compare(model: Filled, stated: Mapping[str, str], *, any_model: bool) -> Iterator[str]:
    """Yield the notices about one model. stated: source -> digest, or its beginning."""
    if not stated:
        return
    found = None if model.folder is None else identity.digest_of(model.role, model.folder)
    if found is None:
        reason = model.why or "the model that is used has none of its own"
        yield f"the {_names([model.role])} of the file could not be compared: {reason}"
        return
    for source, digest in stated.items():
        if not found.startswith(digest):
            what = f"{model.role}: it has the digest {found[:16]}, the {source} of the file states {digest[:16]}"
            yield refused_or_noticed(what, model.role, any_model=any_model)


def refused_or_noticed(what: str, path: str, *, any_model: bool) -> str:
    """Return the notice that a picture is made with another model than stated, if the user takes any model.

    Raise Code.MODEL_DIGEST (SEM-E-802), with a remedy that names the option to insist, if not.
    """
    if not any_model:
        raise SemError(Code.MODEL_DIGEST, what, path=path, hint=INSIST)
    return f"{what}: decoded all the same"


def compare_tokenizer(
    tokenizer: Any, sha256: str | None, role: str, name: str, *, any_model: bool = False
) -> list[str]:
    """Compare the tokenizer of a loaded model, of this role and name, with its file that a row names; return notices.

    sha256 None: the row names none. Raise Code.MODEL_DIGEST (SEM-E-802) for another tokenizer, unless `any_model`.
    """
    what = None if sha256 is None else call(MISMATCH, tokenizer, sha256, role, name)
    return [] if what is None else [refused_or_noticed(what, role, any_model=any_model)]


def _absent(hash_: str, models: Iterable[Filled]) -> SemError:
    names = _names([model.role for model in models])
    what = f"the model {hash_[:16]}, by which the file names its {names}, is not installed"
    hint = "install it, or name its folder with --model DIR, or decode without it with --any-model"
    return SemError(Code.MODEL_UNAVAILABLE, what, path="model_hash", hint=hint)


def _names(roles: list[str]) -> str:
    """Return "tokenizer, text encoder" for roles of an identity."""
    return ", ".join(identity.ROLES[role] for role in roles)


# --- encoding --------------------------------------------------------------------------------------------------------


def check_encoder(row: Profile, stated: Mapping[str, str], folder: Path | None, models: Models) -> None:
    """Raise Code.MODEL_DIGEST (SEM-E-802) if symbols were made by another model than the row or its model states.

    stated: identity of the model, whose folder is `folder`.
    """
    for source, digests in ((ROW, row.identity), (MODEL, stated)):
        for role in digests:
            at = folder if role == "codebooks" else models.meaning.get(role)
            found = None if at is None or role not in identity.ROLES else identity.digest_of(role, at)
            if found is not None and found != digests[role]:
                what = f"{role}: it has the digest {found[:16]}, the {source} states {digests[role][:16]}"
                hint = "name the model that is stated, or another profile or model"
                raise SemError(Code.MODEL_DIGEST, what, path=role, hint=hint)


def check_encoding_tokenizer(tokenizer: Any, row: Profile, role: str, name: str) -> None:
    """Raise Code.MODEL_DIGEST (SEM-E-802) unless token ids are found with the tokenizer that the row names, if any."""
    sha256 = tokenizer_file(row)
    if sha256 is not None and (what := call(MISMATCH, tokenizer, sha256, role, name)) is not None:
        hint = "name a model with that tokenizer, or give a caption in words"
        raise SemError(Code.MODEL_DIGEST, what, path=role, hint=hint)


def provenance_of(models: Models) -> str:
    """Return the models of an encoding as its provenance states them, "" if there are none."""
    return identity.describe_used(models)
