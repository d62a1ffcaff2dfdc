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
from refcodec.foundation.folder_kind import components, model_index, other_kind_error, remedy_for
from refcodec.foundation.required_files import check_pipeline_files
from refcodec.foundation.resolve import Models
from refcodec.foundation.roles import ROLES
from refcodec.foundation.tokenizer_probe import check_tokenizer
from refcodec.foundation.weight_files import weight_files

TOKENS_MAX = 4096  # of a text, if the encoder sets no limit
MESSAGE_MAX = 160  # characters of a library's own message
LISTED_MAX = 6  # classes listed in an error


@contextmanager
def quiet() -> Iterator[None]:
    """Silence messages and progress bars of the libraries; errors are reported once, as SemError."""
    import diffusers
    import transformers

    transformers.utils.logging.set_verbosity(logging.CRITICAL)
    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity(logging.CRITICAL)  # errors too: they are logged before they are raised
    diffusers.utils.logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def loading(role: str, folder: Path) -> Iterator[None]:
    """Convert exceptions of transformers, diffusers and safetensors to MODEL_MALFORMED or DEPENDENCY_MISSING."""
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
    """Convert exceptions of a model that does not run on its input to Code.MODEL_MALFORMED."""
    try:
        with quiet(), torch.inference_mode():
            yield
    except (SemError, SettingError, MemoryError):
        raise
    except Exception as error:  # untrusted configurations and chat templates raise errors of all kinds
        if is_out_of_memory(error):
            raise MemoryError(str(error)) from error
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


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error of torch, of any of several types, means that memory is exhausted."""
    return isinstance(error, torch.OutOfMemoryError) or "allocate" in str(error)


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
        raise other_kind_error(role, folder) or SemError(
            Code.MODEL_MALFORMED,
            f"{role}: {shown(folder.name)} has no {file} with a {member}",
            path=role,
            hint=f"name a folder of {ROLES[role]}",
        ) from error
    names = value if isinstance(value, list) else [value]
    if not any(name in allowed for name in names):
        actual = ", ".join(map(str, names)) or "nothing"
        few = len(allowed) <= LISTED_MAX
        expected = f"not {' or '.join(allowed)}" if few else "which does not fill this role"
        pipeline = " or ".join(allowed) if few else "text-to-image pipeline of diffusers"
        usual = f"name a folder of {f'a {pipeline}' if file == 'model_index.json' else ROLES[role]}"
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{role}: {shown(folder.name)} is {shown(actual)}, {expected}",
            path=role,
            hint=next(filter(None, (remedy_for(str(name), role, folder) for name in names)), usual),
        )
    return dict(config)


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
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
        variant=None if weights is None else weights.variant,
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


def load_pipeline(role: str, kind: Any, folder: Path, models: Models) -> Any:
    """Return the diffusion pipeline of a folder, from safetensors by `kind.from_pretrained`. Call inside `loading`.

    Raises Code.MODEL_MALFORMED for a part without its files, and for a tokenizer that does not tell texts apart.
    """
    check_pipeline_files(role, folder)
    _require_parts(role, folder)
    pipeline = kind.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        torch_dtype=dtype_of(models),
        **_networks(role, folder, dtype_of(models)),
    )
    pipeline.set_progress_bar_config(disable=True)
    for part, tokenizer in pipeline.components.items():
        if "tokenizer" in part and tokenizer is not None:
            limit_tokenizer(tokenizer, _encoder_of(pipeline, part))
    check_tokenizers(role, folder.name, pipeline)
    return pipeline.to(device_of(models))


def _networks(role: str, folder: Path, dtype: Any) -> dict[str, Any]:
    """Return the networks of a pipeline, loaded one by one: with all their weights, of a variant such as fp16 if need be."""
    from diffusers import ModelMixin
    from diffusers.pipelines.pipeline_loading_utils import simple_get_class_obj
    from transformers import PreTrainedModel

    networks = {}
    for name, (library, kind) in components(folder).items():
        if weight_files(folder / name) is not None:
            cls = simple_get_class_obj(library, kind)
            if isinstance(cls, type) and issubclass(cls, ModelMixin | PreTrainedModel):
                networks[name] = load_pretrained(role, folder / name, cls, dtype)
    return networks


def _require_parts(role: str, folder: Path) -> None:
    """Raise Code.MODEL_MALFORMED if model_index.json has no entry, or null, for a part that its pipeline requires."""
    import diffusers

    kind = getattr(diffusers, str((model_index(folder) or {}).get("_class_name")), None)
    if kind is None or not issubclass(kind, diffusers.DiffusionPipeline):
        return
    required, _ = kind._get_signature_keys(kind)
    named = components(folder)
    for part in sorted(required):
        if part not in named and part not in kind._optional_components:
            what = f"{role}: {shown(folder.name)} has no {part}, which {kind.__name__} needs"
            raise SemError(Code.MODEL_MALFORMED, what, path=role, hint="get the model again")


def check_tokenizers(role: str, name: str, pipeline: Any) -> None:
    """Raise Code.MODEL_MALFORMED for a tokenizer of a pipeline that does not tell texts apart."""
    for part, tokenizer in pipeline.components.items():
        if "tokenizer" in part and tokenizer is not None:
            check_tokenizer(role, name, tokenizer, _encoder_of(pipeline, part), padded=True)


def _encoder_of(pipeline: Any, tokenizer: str) -> Any:
    """Return the text encoder that belongs to a tokenizer of a pipeline, None if it has none of that name."""
    return getattr(pipeline, tokenizer.replace("tokenizer", "text_encoder"), None)


def limit_tokenizer(tokenizer: Any, encoder: Any) -> None:
    """Limit padding to the length that the text encoder reads, since the length in the folder is untrusted."""
    limit = getattr(getattr(encoder, "config", None), "max_position_embeddings", None)
    tokenizer.model_max_length = min(tokenizer.model_max_length, limit if isinstance(limit, int) else TOKENS_MAX)
