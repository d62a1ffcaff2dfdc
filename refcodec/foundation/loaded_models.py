# SPDX-License-Identifier: MIT
"""Accept loaded models in place of folders: those of this library, and pipelines and networks of diffusers and transformers."""

from __future__ import annotations

import copy
import inspect
from typing import Any, Final

from refcodec.foundation.roles import ROLES
from refcodec.foundation.worker.proxy import ModelProxy
from refcodec.foundation.worker.proxy import name_of as name_of_loader

FOREIGN: Final = ("builtins", "torch", "numpy", "PIL", "diffusers", "transformers", "huggingface_hub")
PLAIN: Final = (bytes, bytearray, bool, int, float, list, tuple, set, dict)  # never a loaded model


def require_object(role: str, model: Any) -> None:
    """Raise TypeError for a value that is neither a place nor a loaded model, such as None or a class."""
    if model is None or isinstance(model, (type, *PLAIN)):
        what = (
            f"the class {model.__name__}"
            if isinstance(model, type)
            else "None"
            if model is None
            else repr(type(model).__name__)
        )
        raise TypeError(f"{role}: pass a path, a hub id, an endpoint URL or a loaded model ({ROLES[role]}), not {what}")


def adopted(role: str, model: Any, loader: Any, remote: Any = None) -> Any:
    """Return a loaded model with the interface of the class whose `load` is `loader`, made from the model if necessary.

    A class may have `adopt`, which returns an instance for an object of diffusers or transformers, or None. remote: the
    class of endpoints that a method accepts for the role. Raises TypeError for any other object.
    """
    kind = getattr(loader, "__self__", None)
    if (
        not isinstance(kind, type)
        or isinstance(model, kind)
        or (isinstance(remote, type) and isinstance(model, remote))
    ):
        return model
    if isinstance(model, ModelProxy):
        if model.made_by == name_of_loader(loader):
            return model
        raise _other_object(role, kind, model.made_by.removesuffix(".load").replace(":", "."))
    adopt = getattr(kind, "adopt", None)
    made = None if adopt is None else adopt(model)
    if made is not None:
        return made
    if _stands_in(model, _interface(kind)):
        return model
    raise _other_object(role, kind, f"{type(model).__module__}.{type(model).__qualname__}")


def _other_object(role: str, kind: type, what: str) -> TypeError:
    accepted = getattr(kind, "ADOPTS", "")
    also = f", {accepted}" if accepted else ""
    return TypeError(
        f"{role}: pass a path or hub id of {ROLES[role]}{also} or a {kind.__module__}.{kind.__qualname__}, "
        f"not an object of the class {what}"
    )


def name_of(model: Any) -> str:
    """Return the name of a loaded model of diffusers or transformers, without local folders above it."""
    path = getattr(model, "name_or_path", None) or getattr(getattr(model, "config", None), "_name_or_path", None)
    if not isinstance(path, str) or not path:
        return type(model).__name__
    parts = path.replace("\\", "/").rstrip("/").split("/")
    return path if len(parts) == 2 and all(parts) else parts[-1]


def quiet_copy(pipeline: Any) -> Any:
    """Return a copy of a pipeline with the same parts and no progress bar, so that the caller's own stays as it is."""
    made = copy.copy(pipeline)
    made.set_progress_bar_config(disable=True)
    return made


def _interface(kind: type) -> list[str]:
    """Return the public methods and properties that callers of a class use."""
    unused = ("load", "adopt", "save", "fill")
    return [
        name
        for name, value in inspect.getmembers_static(kind)
        if (not name.startswith("_") or name == "__call__")
        and name not in unused
        and (inspect.isfunction(value) or isinstance(value, property))
        and (value.fget if isinstance(value, property) else value).__module__.startswith("refcodec.")
    ]


def _stands_in(model: Any, interface: list[str]) -> bool:
    """Return whether an object has the methods of a role, a caller's own class needs only those that are used."""
    names = [name for name in interface if not name.startswith("_")]
    if any(kind.__module__.partition(".")[0] in FOREIGN for kind in type(model).__mro__ if kind is not object):
        return bool(names) and all(_has(model, name) for name in names)
    own = type(model).__module__.startswith("refcodec.")  # the class of another role
    return not own and any(_has(model, name) for name in interface)


def _has(model: Any, name: str) -> bool:
    """Return whether an object has a member, without running a property."""
    return name in getattr(model, "__dict__", {}) or any(name in vars(kind) for kind in type(model).__mro__)
