# SPDX-License-Identifier: MIT
"""What a reconstruction lacks in an installation without torch: models of roles first, as torch alone would not help."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from refcodec.errors import SemError
from refcodec.foundation.required_roles import require_roles
from refcodec.foundation.roles import ModelSource
from refcodec.networks import package_cache

if TYPE_CHECKING:
    from refcodec.container import Container
    from refcodec.foundation.resolve import Models
    from refcodec.methods.base import Method


def require_generator(method: Method, container: Container, models: Models, what: str) -> None:
    """Raise ModelError if torch is not installed and the reconstruction of a file needs it; see `require_with_torch`.

    Endpoints need no torch, and no model makes a picture of a file without payloads. Where torch is installed, models are
    looked for once the file is decoded, so that an error of the file comes first.
    """
    if method.name in package_cache.EMBEDDED:
        return  # some packages and devices need torch, which is checked where they run
    present = frozenset(section.number for section in container.sections if section.critical)
    roles = method.generator_roles(present)
    if present and not all(_is_endpoint(models.find(role)) for role in roles):
        require_with_torch(models, roles, container.profile.recommended.models, what, method.name)


def require_with_torch(
    models: Models, roles: Iterable[str], recommended: Mapping[str, str], what: str, extra: str
) -> None:
    """Raise ModelError if torch is not installed: for the first role without a model, with both in the remedy, else for torch.

    what: the work that needs torch. extra: a method or what else it is for, as in `package_cache.need_torch`.
    """
    try:
        package_cache.need_torch(what, extra)
    except SemError as torch:
        try:
            require_roles(models, roles, recommended)
        except SemError as error:
            hint = f"{error.hint}, and install torch: {torch.hint}"
            raise SemError(error.code, error.what, path=error.path, hint=hint) from error
        raise


def _is_endpoint(source: object) -> bool:
    return isinstance(source, ModelSource) and source.is_endpoint
