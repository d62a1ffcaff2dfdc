# SPDX-License-Identifier: MIT
"""Find the local folder of a model: download it if necessary, and check its weights and recorded digest.

A pickle is never opened (`semtool models import` converts those of weights).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.folder_digest import folder_sha256, model_files
from refcodec.foundation.folder_kind import components, no_weights_error, refuse_adapter
from refcodec.foundation.hub_errors import hub_error
from refcodec.foundation.library_messages import HUB_SILENCE
from refcodec.foundation.missing_packages import models_extra_error
from refcodec.foundation.model_place import is_hub_id, missing_hub_folder, not_a_folder_error, snapshot_of
from refcodec.foundation.models_json import LISTING
from refcodec.foundation.optional_files import check_optional_files
from refcodec.foundation.roles import ModelSource, missing_model_error
from refcodec.foundation.weight_files import CONVERTIBLE, check_pointers, check_weight_files, is_pickled, pickled_remedy
from refcodec.process_settings import quiet_warnings

WEIGHTS: Final = ".safetensors"
_HUB_FILES: Final = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
_HUB_EXCLUDED: Final = [
    "*.fp16.safetensors",
    "*non_ema*",
    "*-pruned.safetensors",
    "*flax*",
    "*openvino*",
    "*onnx*",
    "open_clip*",
]
_PICKLED_PATTERNS: Final = [f"*{suffix}" for suffix in CONVERTIBLE]  # downloaded only to be converted
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_ANSWER_S: Final = 10.0  # seconds until the hub has to answer
_REVISION: Final = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w-][\w.-]*)*")


def resolve_folder(source: ModelSource, *, fetch: bool = True) -> Path:
    """Return the folder of a source, downloaded if necessary, with safetensors weights and a verified digest.

    fetch: False uses only the cache of the hub. Raises Code.MODEL_UNAVAILABLE if there is no model,
    MODEL_DIGEST for another digest than recorded, MODEL_MALFORMED for pickled weights.
    """
    folder = Path(source.place)
    folder = snapshot_of(source.role, folder) if os.path.isdir(folder) else download(source, fetch=fetch)
    refuse_adapter(source.role, folder)
    _require_safetensors(source, folder)
    if source.sha256 is not None and source_sha256(source, folder) != source.sha256:
        hint = "get the listed one, or record this one with semtool models import"
        raise SemError(
            Code.MODEL_DIGEST,
            f"{source.role}: {shown(source.name)} has another digest than {LISTING} says",
            path=source.role,
            hint=hint,
        )
    check_weight_files(source.role, source.name, folder, components(folder))
    check_optional_files(source.role, source.name, folder, components(folder))
    return folder


def require_consent(source: ModelSource, *, allow_download: bool) -> None:
    """Raise Code.MODEL_UNAVAILABLE for a hub id that only a models.json names, without a digest to verify it by.

    Without a recorded digest or the caller's permission, a model that the caller has not named is neither fetched nor used
    from a cache.
    """
    if source.listed_in is None or os.path.isdir(source.place):
        return
    listing = shown(str(source.listed_in / LISTING))
    if os.path.lexists(source.listed_in / source.place):
        kind = "a broken link" if os.path.islink(source.listed_in / source.place) else "a file"
        what = f"{source.role}: {listing} names {shown(source.place)}, which is {kind} and no folder of the set"
        raise SemError(
            Code.MODEL_UNAVAILABLE, what, path=source.role, hint=f"name it with --model {source.role}=FOLDER"
        )
    if source.sha256 is None and not allow_download:
        what = f"{source.role}: {listing} names {shown(source.name)}, no folder of the set but a model of the hub, without a digest"
        hint = f"name it yourself with --model {source.role}={source.name}, or allow it with --allow-download"
        raise SemError(Code.MODEL_UNAVAILABLE, what, path=source.role, hint=hint)


def _require_safetensors(source: ModelSource, folder: Path) -> None:
    """Raise Code.MODEL_MALFORMED if all weights are pickled, Code.MODEL_UNAVAILABLE if there are none."""
    files = [path for _, path in model_files(folder)]
    if any(path.suffix == WEIGHTS for path in files):
        return
    check_pointers(source.role, source.name, folder)
    if pickled := sorted(path.name for path in files if is_pickled(path.name)):
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{source.role}: {shown(source.name)} has pickled weights only ({shown(pickled[0])}), which are never opened",
            path=source.role,
            hint=pickled_remedy(pickled[0]),
        )
    raise no_weights_error(source.role, folder, source.name)


def source_sha256(source: ModelSource, folder: Path) -> str:
    """Return the digest of a source whose files are in `folder`; in a cache of the hub, only downloaded names count."""
    return folder_sha256(folder, () if os.path.isdir(source.place) else _HUB_EXCLUDED)


def download(source: ModelSource, *, fetch: bool = True, pickled: bool = False) -> Path:
    """Return the folder of a model of the hub; with `pickled` also its pickled weights.

    Raises Code.MODEL_UNAVAILABLE, or DEPENDENCY_MISSING without the hub's client.
    """
    if os.path.lexists(source.place) or not is_hub_id(source.place):
        raise not_a_folder_error(source.role, source.place)
    if source.revision is None and source.listed_in is None and (first := missing_hub_folder(source.place)) is not None:
        what = f"{source.role}: there is no folder {shown(source.place)}, though there is {shown(first)}"
        hint = f"correct the path, or name the model of the hub with a revision, {source.place}@main"
        raise SemError(Code.MODEL_UNAVAILABLE, what, path=source.role, hint=hint)
    if source.revision is not None and _REVISION.fullmatch(source.revision) is None:
        raise missing_model_error(source.role, what=f"{source.role}: {shown(source.revision)} is not a revision")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError as error:
        raise models_extra_error() from error
    transport = HfHubHTTPError.__bases__[0]  # of the HTTP library's errors, which are not all OSError
    files = [*_HUB_FILES, *(_PICKLED_PATTERNS if pickled else ())]
    refusal = None
    try:
        with HUB_SILENCE.changed(), quiet_warnings():
            refusal = _refusal(source, (OSError, transport)) if fetch else None
            return Path(
                snapshot_download(
                    source.place,
                    revision=source.revision,
                    allow_patterns=files,
                    ignore_patterns=_HUB_EXCLUDED,
                    local_files_only=refusal is not None or not fetch,
                )
            )
    except (OSError, ValueError, RuntimeError, transport) as error:
        cause = refusal or error
        raise hub_error(source, cause, fetch=fetch) from cause


def _refusal(source: ModelSource, errors: tuple[type[BaseException], ...]) -> BaseException | None:
    """Return the error, one of `errors`, if the hub does not give a commit; None if it does, or for anything else.

    For a branch the client itself asks once; for a commit it would try for half a minute, even if the cache has it.
    """
    from huggingface_hub import model_info

    if source.revision is None or _COMMIT.fullmatch(source.revision) is None:
        return None
    try:
        model_info(source.place, revision=source.revision, timeout=_ANSWER_S)
    except errors as error:
        return error
    return None
