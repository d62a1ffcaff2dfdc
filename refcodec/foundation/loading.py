# SPDX-License-Identifier: MIT
"""Load and run the model of any role: quietly, offline, from safetensors, with library errors as SemError."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.config_files import read_object
from refcodec.foundation.device import SettingError
from refcodec.foundation.device_remedy import remedy
from refcodec.foundation.folder_code import NAME_MAX, refuse_code
from refcodec.foundation.folder_kind import other_kind_error, remedy_for
from refcodec.foundation.library_messages import SILENCE
from refcodec.foundation.missing_packages import import_error
from refcodec.foundation.roles import ROLES
from refcodec.foundation.weight_files import is_pickled, pickled_remedy, weight_files
from refcodec.foundation.worker.phases import RUN, report
from refcodec.networks.torch_guard import (
    is_failure_of_device,
    is_out_of_memory,
    loading_weights,
    neutral_for_libraries,
)
from refcodec.process_settings import quiet_warnings
from refcodec.sandbox import audit

MESSAGE_MAX = 160  # characters of a library's own message
LISTED_MAX = 6  # classes listed in an error
# arguments of every from_pretrained: nothing is fetched, and no code of a folder runs
OWN_FILES: Final = {"local_files_only": True, "trust_remote_code": False}


@contextmanager
def quiet() -> Iterator[None]:
    """Silence messages and progress bars of the libraries; errors are reported once, as SemError."""
    with SILENCE.changed(), quiet_warnings():
        yield


@contextmanager
def loading(role: str, folder: Path) -> Iterator[None]:
    """Convert exceptions of transformers, diffusers and safetensors to MODEL_MALFORMED or DEPENDENCY_MISSING.

    Raises Code.MODEL_MALFORMED for a folder that names code. Inside the block, this thread runs no code but that of
    installed packages, starts no program, opens no connection and asks no question.
    """
    refuse_code(role, folder)
    with library_errors(role, folder), audit.refusing(_policy(folder)):
        yield


def _policy(folder: Path) -> audit.Policy:
    return audit.Policy(
        (*audit.PROGRAMS, *audit.NETWORK, *audit.OBJECTS, *audit.QUESTIONS),
        installed_code=True,
        untrusted=(os.path.realpath(folder),),
        during="while a model is loaded",
    )


@contextmanager
def library_errors(role: str, folder: Path) -> Iterator[None]:
    """Convert exceptions of transformers, diffusers and safetensors to MODEL_MALFORMED or DEPENDENCY_MISSING."""
    try:
        with quiet(), loading_weights():
            yield
    except (SemError, SettingError, MemoryError):
        raise
    except ImportError as error:
        raise import_error(role, folder.name, error, first_line(error)) from error
    except BaseException as error:  # tokenizers raises Exception itself, and panics; each library has its own errors
        if not is_library_error(error):
            raise
        if is_out_of_memory(error):
            raise MemoryError(str(error)) from error
        pickled = sorted(path.name for path in folder.rglob("*") if is_pickled(path.name))
        if pickled and isinstance(error, OSError):
            what, hint = (
                f"has pickled weights ({shown(pickled[0])}), which are never opened",
                pickled_remedy(pickled[0]),
            )
        else:
            what, hint = (
                f"cannot be loaded as {ROLES[role]} ({first_line(error)})",
                "name another folder, or get the model again",
            )
        raise SemError(Code.MODEL_MALFORMED, f"{role}: {shown(folder.name)} {what}", path=role, hint=hint) from error


@contextmanager
def running(role: str, name: str, network: Any = None) -> Iterator[None]:
    """Convert exceptions of a model that does not run on its input to Code.MODEL_MALFORMED.

    An error of the device or the installation, or a missing package, becomes Code.DEPENDENCY_MISSING, and exhausted
    memory MemoryError. network: the network or pipeline that runs, whose device the remedy takes into account.
    """
    try:
        with quiet(), neutral_for_libraries():
            yield
    except (SemError, SettingError, MemoryError):
        raise
    except ImportError as error:
        raise import_error(role, name, error, first_line(error)) from error
    except BaseException as error:  # untrusted configurations and chat templates raise errors of all kinds
        if not is_library_error(error):
            raise
        if is_out_of_memory(error):
            raise MemoryError(str(error)) from error
        if is_failure_of_device(error):
            raise SemError(
                Code.DEPENDENCY_MISSING,
                f"{role}: torch cannot run the model {shown(name)} here ({first_line(error)})",
                path=role,
                hint=remedy(network),
            ) from error
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: the model {shown(name)} does not run ({first_line(error)})",
            path=role,
            hint="name another model for the role",
        ) from error


def reports_tokens(ids: Any, _: Any, **__: Any) -> torch.Tensor:
    """Report that a text grows by a token, as a criterion of `generate` that never stops it."""
    report(RUN)
    return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)


def require_finite(role: str, name: str, finite: bool) -> None:
    """Raise Code.MODEL_MALFORMED unless `finite`: NaN or infinity would become a black picture or a wrong vector."""
    if not finite:
        hint = "run it with --dtype float32, or name another model for the role"
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: the output of the model {shown(name)} is not finite",
            path=role,
            hint=hint,
        )


def is_library_error(error: BaseException) -> bool:
    """Return whether an exception is an error of a library: not Ctrl-C or an exit, but also a panic of one written in Rust."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def first_line(error: BaseException) -> str:
    """Return the type and the first line of a library's error, shortened."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    text = f"{type(error).__name__}: {line}" if line else type(error).__name__
    return text if len(text) <= MESSAGE_MAX else text[: MESSAGE_MAX - 1] + "…"


def require_config(role: str, folder: Path, file: str, member: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    """Return the configuration `file` of a folder.

    Raises Code.MODEL_MALFORMED unless its `member` is one of `allowed`.
    """
    config = read_object(folder / file)
    if config is None or member not in config:
        raise other_kind_error(role, folder) or SemError(
            Code.MODEL_MALFORMED,
            f"{role}: {shown(folder.name)} has no {file} with a {member}",
            path=role,
            hint=f"name a folder of {ROLES[role]}",
        )
    value = config[member]
    names = value if isinstance(value, list) else [value]
    if not isinstance(value, str) or value not in allowed:
        actual = ", ".join(map(str, names)) or "nothing"
        few = len(allowed) <= LISTED_MAX
        expected = f"not {' or '.join(allowed)}" if few else "which does not fill this role"
        pipeline = " or ".join(allowed) if few else "text-to-image pipeline of diffusers"
        usual = f"name a folder of {f'a {pipeline}' if file == 'model_index.json' else ROLES[role]}"
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: {shown(folder.name)} is {shown(actual[:NAME_MAX])}, {expected}",
            path=role,
            hint=next(filter(None, (remedy_for(str(name), role, folder) for name in names)), usual),
        )
    return config


def own_files(kind: Any) -> dict[str, bool]:
    """Return `OWN_FILES` for a network; those of diffusers never take code, and have no argument for it."""
    return {"local_files_only": True} if kind.__module__.startswith("diffusers.") else OWN_FILES


def load_pretrained(role: str, folder: Path, kind: Any, dtype: Any = "float32") -> Any:
    """Return the network of a folder, from safetensors by `kind.from_pretrained`, ready to run. Call inside `loading`.

    Raises Code.MODEL_MALFORMED for missing or misshapen weights, which the libraries would initialise at random.
    """
    library, weights = kind.__module__.partition(".")[0], weight_files(folder)
    dtype_argument = {
        "torch_dtype" if library == "diffusers" else "dtype": getattr(torch, dtype) if isinstance(dtype, str) else dtype
    }
    model, info = kind.from_pretrained(
        folder,
        use_safetensors=True,
        output_loading_info=True,
        variant=None if weights is None else weights.variant,
        **own_files(kind),
        **dtype_argument,
    )
    missing = [
        *info.get("missing_keys", ()),
        *(entry[0] if isinstance(entry, tuple) else entry for entry in info.get("mismatched_keys", ())),
    ]
    if missing:
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: {shown(folder.name)} lacks the weights {shown(str(sorted(missing)[0]))}",
            path=role,
            hint="get the model again",
        )
    return model.eval().requires_grad_(False)
