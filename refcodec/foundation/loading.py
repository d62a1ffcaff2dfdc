# SPDX-License-Identifier: MIT
"""Load and run the model of any role: quietly, offline, from safetensors, with library errors as SemError."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # read when diffusers is imported

import torch

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.device import SettingError, device_of, dtype_of
from refcodec.foundation.download import PICKLED, models_extra_error
from refcodec.foundation.resolve import Models
from refcodec.foundation.roles import ROLES

TOKENS_MAX = 4096  # of a text, if an encoder has no bound of its own
MESSAGE_MAX = 160  # characters of a library's own message
NAMED_MAX = 6  # classes that an error names


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the libraries: no messages, no progress bars; what is wrong is reported once, by our errors."""
    import diffusers
    import transformers

    transformers.utils.logging.set_verbosity(logging.CRITICAL)
    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity(logging.CRITICAL)  # errors too: it says one before it raises it
    diffusers.utils.logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def loading(role: str, folder: Path) -> Iterator[None]:
    """Raise what transformers, diffusers and safetensors raise for a folder as MODEL_MALFORMED or DEPENDENCY_MISSING."""
    try:
        with quiet():
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
    except Exception as error:  # tokenizers raise Exception itself, and each library has errors of its own
        if no_memory(error):
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
    """Raise what a library raises for a model that does not run on its input as Code.MODEL_MALFORMED."""
    try:
        with quiet(), torch.inference_mode():
            yield
    except (SemError, SettingError, MemoryError):
        raise
    except Exception as error:  # configurations and chat templates of strangers run into errors of all kinds
        if no_memory(error):
            raise MemoryError(str(error)) from error
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: the model {shown(name)} does not run ({first_line(error)})",
            path=role,
            hint="name another model for the role",
        ) from error


def require_finite(role: str, name: str, finite: bool) -> None:
    """Raise Code.MODEL_MALFORMED unless `finite`: NaN or infinity would pass for a black picture or a wrong vector."""
    if not finite:
        hint = "run it with --dtype float32, or name another model for the role"
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: what the model {shown(name)} gave are no finite numbers",
            path=role,
            hint=hint,
        )


def no_memory(error: Exception) -> bool:
    """Whether torch means that there is too little memory, which it says in several ways."""
    return isinstance(error, torch.OutOfMemoryError) or "allocate" in str(error)


def first_line(error: BaseException) -> str:
    """Return the first line of a library's message, shortened."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    text = f"{type(error).__name__}: {line}" if line else type(error).__name__
    return text if len(text) <= MESSAGE_MAX else text[: MESSAGE_MAX - 1] + "…"


def require_config(role: str, folder: Path, file: str, member: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    """Return the configuration `file` of a folder; raise Code.MODEL_MALFORMED unless its `member` is, or holds, one of `allowed`."""
    try:
        if not (folder / file).is_file():  # nor a pipe, which would be waited for
            raise FileNotFoundError
        config = json.loads((folder / file).read_bytes())
        found = config[member]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: {shown(folder.name)} has no {file} that says its {member}",
            path=role,
            hint=f"name a folder of {ROLES[role]}",
        ) from error
    names = found if isinstance(found, list) else [found]
    if not any(name in allowed for name in names):
        actual = ", ".join(map(str, names)) or "nothing"
        wanted = f"not {' or '.join(allowed)}" if len(allowed) <= NAMED_MAX else "which does not fill this role"
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: {shown(folder.name)} is {shown(actual)}, {wanted}",
            path=role,
            hint=f"name a folder of {ROLES[role]}",
        )
    return dict(config)


def pretrained(role: str, folder: Path, kind: Any, dtype: Any = "float32") -> Any:
    """The network of a folder by `kind.from_pretrained`, offline, of safetensors, ready to run; inside `loading`.

    SEM-E-803 where weights are missing or of another shape, which the libraries would fill with noise.
    """
    library = kind.__module__.partition(".")[0]
    named = {
        "torch_dtype" if library == "diffusers" else "dtype": getattr(torch, dtype) if isinstance(dtype, str) else dtype
    }
    model, info = kind.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **named
    )
    faults = [
        *info.get("missing_keys", ()),
        *(entry[0] if isinstance(entry, tuple) else entry for entry in info.get("mismatched_keys", ())),
    ]
    if faults:
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: {shown(folder.name)} lacks the weights {shown(str(sorted(faults)[0]))}",
            path=role,
            hint="get the model again",
        )
    return model.eval().requires_grad_(False)


def pipeline_of(kind: Any, folder: Path, models: Models) -> Any:
    """The diffusion pipeline of a folder by `kind.from_pretrained`, offline, of safetensors, without a bar; inside `loading`."""
    pipeline = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True, torch_dtype=dtype_of(models))
    pipeline.set_progress_bar_config(disable=True)
    for name in ("tokenizer", "tokenizer_2", "tokenizer_3"):
        if (tokenizer := getattr(pipeline, name, None)) is not None:
            bound_tokenizer(tokenizer, getattr(pipeline, name.replace("tokenizer", "text_encoder"), None))
    return pipeline.to(device_of(models))


def bound_tokenizer(tokenizer: Any, encoder: Any) -> None:
    """It pads no further than its text encoder reads: a length in a folder is a stranger's number."""
    most = getattr(getattr(encoder, "config", None), "max_position_embeddings", None)
    tokenizer.model_max_length = min(tokenizer.model_max_length, most if isinstance(most, int) else TOKENS_MAX)
