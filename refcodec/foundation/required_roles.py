# SPDX-License-Identifier: MIT
"""Check that the roles which a method needs together have models, before the first is loaded. Imports no torch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from refcodec.foundation.folder_kind import empty_folder_error, is_empty_folder
from refcodec.foundation.model_place import is_hub_id, not_a_folder_error
from refcodec.foundation.resolve import Models
from refcodec.foundation.roles import ModelSource


def require_roles(models: Models, roles: Iterable[str], recommended: Mapping[str, str]) -> None:
    """Raise Code.MODEL_UNAVAILABLE for the first role without a model, or whose folder is empty or absent.

    Loading a model imports torch and takes seconds; without this a role that is missing would be reported after the models
    of the roles before it were loaded. recommended: role -> hub id, for the remedy.
    """
    for role in roles:
        source = models.find(role)
        if source is None:
            raise models.missing_error(role, recommended)
        if not isinstance(source, ModelSource) or source.is_endpoint:
            continue
        folder = Path(source.place)
        if is_empty_folder(folder):
            raise empty_folder_error(role, folder, recommended)
        if not os.path.isdir(folder) and not is_hub_id(source.place):
            raise not_a_folder_error(role, source.place)
