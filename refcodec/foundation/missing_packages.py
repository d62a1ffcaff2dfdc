# SPDX-License-Identifier: MIT
"""Errors of packages that a model needs and that are not installed, or not in the version that it needs."""

from __future__ import annotations

import importlib.util
import sys
from typing import Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.python_errors import causes

LIBRARIES: Final = ("torch", "transformers", "diffusers")


def libraries_error() -> SemError | None:
    """Return the DEPENDENCY_MISSING error for a missing library that foundation models need, or None. Imports none of them."""
    return None if all(map(is_installed, LIBRARIES)) else models_extra_error()


def models_extra_error() -> SemError:
    """Return the DEPENDENCY_MISSING error for an installation without transformers and diffusers."""
    return SemError(
        Code.DEPENDENCY_MISSING,
        "foundation models need transformers and diffusers, which are not installed",
        hint="pip install 'refcodec[models]'",
    )


def import_error(role: str, name: str, error: ImportError, message: str) -> SemError:
    """Return the DEPENDENCY_MISSING error for a model that raised an ImportError.

    message: of the library, in one line. Libraries raise an ImportError without a name when a setting of the model, such as its attention, needs a package.
    """
    if (missing := libraries_error()) is not None:
        return missing
    if (module := _missing_module(error)) is not None:
        what, hint = f"needs {shown(module)}, which is not installed", f"pip install {shown(module)}"
    else:
        what = f"needs a package that is not installed, or another version of one ({message})"
        hint = "install it, or name another model for the role"
    return SemError(Code.DEPENDENCY_MISSING, f"{role}: {shown(name)} {what}", path=role, hint=hint)


def _missing_module(error: ImportError) -> str | None:
    """Return the name of the module whose absence led to the error, None if no module was missing."""
    names = (cause.name for cause in causes(error, contexts=True) if isinstance(cause, ModuleNotFoundError))
    return next((name for name in names if name and not is_installed(name.partition(".")[0])), None)


def is_installed(package: str) -> bool:
    """Return whether a package can be found; one that the program hides cannot. Imports only packages above it."""
    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:  # of a package above it
        return False
    except ValueError:  # hidden, or replaced by the program
        return sys.modules.get(package) is not None
