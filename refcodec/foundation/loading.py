# SPDX-License-Identifier: MIT
"""Load and run the model of any role: quietly, offline, from safetensors, with library errors as SemError."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.device import SettingError, device_of, dtype_of
from refcodec.foundation.download import PICKLED, models_extra_error
from refcodec.foundation.library_messages import SILENCE
from refcodec.foundation.resolve import Models
from refcodec.foundation.roles import ROLES
from refcodec.networks.torch_guard import (
    is_failure_of_device,
    is_out_of_memory,
    loading_weights,
    neutral_for_libraries,
)
from refcodec.process_settings import quiet_warnings

TOKENS_MAX = 4096  # of a text, if the encoder sets no limit
MESSAGE_MAX = 160  # characters of a library's own message
LISTED_MAX = 6  # classes listed in an error


@contextmanager
def quiet() -> Iterator[None]:
    """Silence messages and progress bars of the libraries; errors are reported once, as SemError."""
    with SILENCE.changed(), quiet_warnings():
        yield


@contextmanager
def loading(role: str, folder: Path) -> Iterator[None]:
    """Convert exceptions of transformers, diffusers and safetensors to MODEL_MALFORMED or DEPENDENCY_MISSING."""
    try:
        with quiet(), loading_weights():
            yield
    except (SemError, SettingError, MemoryError):
        raise
    except ImportError as error:
        if error.name in ("transformers", "diffusers", None):
            raise models_extra_error() from error
        raise SemError(
            Code.DEPENDENCY_MISSING,
            f"{role}: {folder.name} needs {error.name}, which is not installed",
            path=role,
            hint=f"pip install {error.name}",
        ) from error
    except Exception as error:  # tokenizers raises Exception itself; each library has its own errors
        if is_out_of_memory(error):
            raise MemoryError(str(error)) from error
        pickled = sorted(path.name for path in folder.rglob("*") if path.suffix in PICKLED)
        if pickled and isinstance(error, OSError):
            what, hint = (
                f"has pickled weights ({shown(pickled[0])}), which are never opened",
                "convert them with semtool models import",
            )
        else:
            what, hint = (
                f"cannot be loaded as {ROLES[role]} ({first_line(error)})",
                "name another folder, or get the model again",
            )
        raise SemError(Code.MODEL_MALFORMED, f"{role}: {shown(folder.name)} {what}", path=role, hint=hint) from error


@contextmanager
def running(role: str, name: str) -> Iterator[None]:
    """Convert exceptions of a model that does not run on its input to Code.MODEL_MALFORMED.

    An error of the device or of the installation becomes Code.DEPENDENCY_MISSING, exhausted memory MemoryError.
    """
    try:
        with quiet(), neutral_for_libraries():
            yield
    except (SemError, SettingError, MemoryError):
        raise
    except Exception as error:  # untrusted configurations and chat templates raise errors of all kinds
        if is_out_of_memory(error):
            raise MemoryError(str(error)) from error
        if is_failure_of_device(error):
            raise SemError(
                Code.DEPENDENCY_MISSING,
                f"{role}: torch cannot run the model {shown(name)} here ({first_line(error)})",
                path=role,
                hint="run it with --device cpu or --dtype float32, or with another version of torch",
            ) from error
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: the model {shown(name)} does not run ({first_line(error)})",
            path=role,
            hint="name another model for the role",
        ) from error


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


def first_line(error: BaseException) -> str:
    """Return the type and the first line of a library's error, shortened."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    text = f"{type(error).__name__}: {line}" if line else type(error).__name__
    return text if len(text) <= MESSAGE_MAX else text[: MESSAGE_MAX - 1] + "…"


def require_config(role: str, folder: Path, file: str, member: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    """Return the configuration `file` of a folder.

    Raises Code.MODEL_MALFORMED unless its `member` is, or contains, one of `allowed`.
    """
    try:
        if not (folder / file).is_file():  # reading a pipe would block
            raise FileNotFoundError
        config = json.loads((folder / file).read_bytes())
        value = config[member]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: {shown(folder.name)} has no {file} with a {member}",
            path=role,
            hint=f"name a folder of {ROLES[role]}",
        ) from error
    names = value if isinstance(value, list) else [value]
    if not any(name in allowed for name in names):
        actual = ", ".join(map(str, names)) or "nothing"
        expected = f"not {' or '.join(allowed)}" if len(allowed) <= LISTED_MAX else "which does not fill this role"
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: {shown(folder.name)} is {shown(actual)}, {expected}",
            path=role,
            hint=f"name a folder of {ROLES[role]}",
        )
    return dict(config)


def load_pretrained(role: str, folder: Path, kind: Any, dtype: Any = "float32") -> Any:
    """Return the network of a folder, from safetensors by `kind.from_pretrained`, ready to run. Call inside `loading`.

    Raises Code.MODEL_MALFORMED for missing or misshapen weights, which the libraries would initialise at random.
    """
    library = kind.__module__.partition(".")[0]
    dtype_argument = {
        "torch_dtype" if library == "diffusers" else "dtype": getattr(torch, dtype) if isinstance(dtype, str) else dtype
    }
    model, info = kind.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **dtype_argument
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


def load_pipeline(kind: Any, folder: Path, models: Models) -> Any:
    """Return the diffusion pipeline of a folder, from safetensors by `kind.from_pretrained`. Call inside `loading`."""
    pipeline = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True, torch_dtype=dtype_of(models))
    pipeline.set_progress_bar_config(disable=True)
    for name in ("tokenizer", "tokenizer_2", "tokenizer_3"):
        if (tokenizer := getattr(pipeline, name, None)) is not None:
            limit_tokenizer(tokenizer, getattr(pipeline, name.replace("tokenizer", "text_encoder"), None))
    return pipeline.to(device_of(models))


def limit_tokenizer(tokenizer: Any, encoder: Any) -> None:
    """Limit padding to the length that the text encoder reads, since the length in the folder is untrusted."""
    limit = getattr(getattr(encoder, "config", None), "max_position_embeddings", None)
    tokenizer.model_max_length = min(tokenizer.model_max_length, limit if isinstance(limit, int) else TOKENS_MAX)
