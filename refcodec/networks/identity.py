# SPDX-License-Identifier: MIT
"""SPEC §12: the identity of a symbol model or a registry row, which names the models that give symbols their meaning.

An identity drives no coder. Its members are roles, such as `image_embedder`, with the digest of the model that fills each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from refcodec.errors import Code, SemError
from refcodec.networks.manifest_values import is_digest, malformed, require_members

KIND: Final = 0  # of `symbols` that hold nothing but an identity: no payload has this kind
MEMBER: Final = "identity"
ROLES_MAX: Final = 16
_ROLE: Final = re.compile("[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True)
class IdentityModel:
    """A symbol model of an identity alone, which no payload can use. digest: of its package."""

    kind: int
    digest: str
    identity: dict[str, str]  # role -> digest
    numbers: dict[str, int]  # none: it has no shapes


def well_formed(value: Any) -> bool:
    """Return whether a JSON value is an identity (SEM-R-125)."""
    return (
        isinstance(value, dict)
        and 1 <= len(value) <= ROLES_MAX
        and all(_ROLE.fullmatch(role) for role in value)
        and all(map(is_digest, value.values()))
    )


def check_version(symbols: Any, version: int) -> None:
    """Check the identity of a manifest's `symbols`, if it has one, and that a package of its version may.

    Raise Code.UNSUPPORTED_MODEL (SEM-E-705) for version 2 without an identity, MODEL_MALFORMED (803) for an identity in
    version 1 or of an invalid form.
    """
    if not isinstance(symbols, dict) or MEMBER not in symbols:
        if version > 1:
            raise SemError(
                Code.UNSUPPORTED_MODEL, f"model format version {version} without an identity", path="format_version"
            )
        return
    if version == 1:
        raise malformed("an identity in a package of format version 1", MEMBER)
    if not well_formed(symbols[MEMBER]):
        raise malformed(f"not an object of 1 to {ROLES_MAX} roles with a SHA-256 each", MEMBER)


def build(symbols: dict[str, Any], digest: str) -> IdentityModel:
    """Return the model of `symbols` of kind 0. Raise Code.MODEL_MALFORMED for other members (SEM-R-126)."""
    members = require_members(symbols, {"kind", MEMBER}, "symbols")
    return IdentityModel(KIND, digest, dict(members[MEMBER]), {})
