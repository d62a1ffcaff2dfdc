# SPDX-License-Identifier: MIT
"""Convert pickled checkpoints, and archives of numpy (.npz), to safetensors in a separate process, the only place where a
pickle is read.

    python -m refcodec.convert.unpickle IN OUT.safetensors

The process has an empty environment, no network, limits on memory and file size, and an audit hook that raises at the
first attempt to start a program, open a connection or write a file. torch reads with weights_only=True, which refuses
pickles of more than tensors and plain values before any of it runs, and numpy with allow_pickle=False; the other measures
guard against bugs in both, and against archives that expand without bound.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.sandbox import audit, resources
from refcodec.sandbox.audit import CHANGES, OBJECTS, PROGRAMS

TIMEOUT_S: Final = 1800
GROWTH: Final = 4  # tensors that share memory are written separately; growth beyond this is an attack
MEMORY_MARGIN: Final = 1 << 31  # bytes of memory in addition to the tensors
WRAPPERS: Final = ("state_dict", "model_state_dict", "model", "params_ema", "params", "ema")
DEPTH: Final = 8
MORE_THAN_TENSORS, NOT_A_CHECKPOINT, NO_TORCH = 3, 4, 5  # exit statuses of the process
MESSAGE_MAX: Final = 200
_FORBIDDEN: Final = (*PROGRAMS, *CHANGES, *OBJECTS, "socket.", "urllib.", "ctypes.")
_STARTS: Final = (b"PK\3\4", pickle.PROTO)  # first bytes of checkpoints: a zip archive, before torch 1.6 a pickle
_START: Final = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from refcodec.convert.unpickle import main; sys.exit(main(sys.argv[1:]))"


def to_safetensors(source: Path, target: Path) -> None:
    """Write the tensors of a pickled checkpoint or a .npz to the safetensors file `target`, completely or not at all.

    Raises Code.MODEL_MALFORMED for a pickle that holds more than tensors, is not a checkpoint, or ends the process;
    DEPENDENCY_MISSING without torch; CANNOT_READ.
    """
    name = shown(source.name)
    try:
        with source.open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise SemError(Code.CANNOT_READ, f"{shown(str(source))}: {error.strerror}") from error
    if not start.startswith(_STARTS):
        raise _refusal(name, "is not a checkpoint of tensors (it does not begin as torch writes them)")
    part = target.with_name(f".{os.urandom(8).hex()}.tmp")
    path = [entry for entry in sys.path if os.path.isabs(entry)]
    command = [sys.executable, "-I", "-c", _START, json.dumps(path), str(source.absolute()), str(part.absolute())]
    kept = {
        key: os.environ[key] for key in ("SYSTEMROOT",) if key in os.environ
    }  # without it no process starts on Windows
    try:
        try:
            done = subprocess.run(
                command,
                env=kept | {"OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _refusal(name, "takes too long to open") from error
        messages = done.stderr.decode("utf-8", "replace").strip().splitlines()
        if done.returncode == NO_TORCH:
            raise SemError(
                Code.DEPENDENCY_MISSING, "pickled checkpoints are converted with torch, which is not installed"
            )
        if done.returncode == MORE_THAN_TENSORS:
            raise _refusal(name, "is a pickle that holds more than tensors; it was not opened")
        if done.returncode == NOT_A_CHECKPOINT and messages:
            raise _refusal(name, f"is not a checkpoint of tensors ({messages[-1][:MESSAGE_MAX]})")
        if done.returncode != 0 or not part.is_file():
            raise _refusal(name, f"ended the process that opened it (status {done.returncode})")
        os.replace(part, target)
    finally:
        with suppress(OSError):
            part.unlink()


def _refusal(name: str, what: str) -> SemError:
    return SemError(Code.MODEL_MALFORMED, f"{name} {what}", hint="get the model's safetensors files")


def main(arguments: list[str]) -> int:
    """Run the separate process. Return its exit status; on failure print one line to standard error."""
    if len(arguments) != 2:
        print("usage: python -m refcodec.convert.unpickle IN OUT.safetensors", file=sys.stderr)
        return 2
    source, target = arguments
    try:
        import torch  # noqa: F401
        from safetensors import torch as _  # noqa: F401
    except ImportError as error:
        print(error, file=sys.stderr)
        return NO_TORCH
    warnings.simplefilter("ignore")
    size = os.path.getsize(source)
    _limit_resources(size)
    _install_audit_hook()
    try:
        checkpoint = _read(source)
        audit.allow_in_process()
        _write(_state(checkpoint), target, size)
    except Exception as error:  # noqa: BLE001 - every error of a checkpoint is reported in one line
        audit.allow_in_process()
        print(" ".join(str(error).split()) or type(error).__name__, file=sys.stderr)
        return MORE_THAN_TENSORS if isinstance(error, pickle.UnpicklingError | PermissionError) else NOT_A_CHECKPOINT
    return 0


def _limit_resources(size: int) -> None:
    """Limit memory and file size, if the system supports it."""
    resources.limit_files(GROWTH * size + (1 << 24))
    resources.limit_address_space((2 * GROWTH) * size + MEMORY_MARGIN, final=True)


def _install_audit_hook() -> None:
    """Refuse actions not needed to read tensors."""
    audit.refuse_in_process(audit.Policy(_FORBIDDEN, writable=(), during="while a checkpoint is read"))


def _read(source: str) -> Any:
    """Return the contents of the file, read by torch with weights_only, memory-mapped if its format allows, or by numpy."""
    import torch

    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
        if members and all(member.filename.endswith(".npy") for member in members):
            return _read_npz(source, members)
    return torch.load(source, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(source))


def _read_npz(source: str, members: list[zipfile.ZipInfo]) -> dict[str, Any]:
    """Return name -> tensor of a .npz. Raises UnpicklingError for arrays of objects, ValueError for other arrays."""
    import numpy as np
    import torch

    if sum(member.file_size for member in members) > GROWTH * os.path.getsize(source) + (1 << 20):
        raise ValueError("its tensors hold more than the file")
    if len({member.filename for member in members}) < len(members):
        raise ValueError("it holds an array twice")
    tensors = {}
    with np.load(source, allow_pickle=False) as arrays:
        for name in arrays.files:
            try:
                tensors[name] = torch.from_numpy(arrays[name])
            except ValueError as error:
                if "allow_pickle" in str(error):
                    raise pickle.UnpicklingError(str(error)) from error
                raise
    return tensors


def _state(checkpoint: Any) -> dict[str, Any]:
    """Return name -> tensor of a checkpoint, without wrappers and the prefix of parallel training.

    Raises ValueError if there are no tensors.
    """
    for _ in range(DEPTH):
        inner = (
            next((checkpoint[key] for key in WRAPPERS if isinstance(checkpoint.get(key), Mapping)), None)
            if isinstance(checkpoint, Mapping)
            else None
        )
        if inner is None:
            break
        checkpoint = inner
    tensors: dict[str, Any] = {}
    for name, tensor in _tensors(checkpoint, ""):
        if name in tensors:
            raise ValueError(f"it holds {name} twice")
        tensors[name] = tensor
    if not tensors:
        raise ValueError("it holds no tensors by name")
    rest = {name for name in tensors if not name.startswith("module.")}
    if rest <= {"n_averaged"}:
        tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items() if name not in rest}
    return tensors


def _tensors(value: Any, prefix: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    import torch

    if not isinstance(value, Mapping) or depth > DEPTH:
        return
    for key, member in value.items():
        if isinstance(key, str):
            if isinstance(member, torch.Tensor):
                yield prefix + key, member.detach()
            else:
                yield from _tensors(member, f"{prefix}{key}.", depth + 1)


def _write(tensors: dict[str, Any], target: str, size: int) -> None:
    import torch
    from safetensors.torch import save_file

    total, seen, dense = 0, set(), {}
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
            raise ValueError(f"{name} is not a dense tensor")
        total += tensor.numel() * tensor.element_size()
        if total > GROWTH * size + (1 << 20):
            raise ValueError("its tensors hold more than the file")
        memory = tensor.untyped_storage()
        own = tensor.numel() * tensor.element_size() == memory.nbytes() and memory.data_ptr() not in seen
        seen.add(memory.data_ptr())
        dense[name] = tensor.contiguous() if own else tensor.clone(memory_format=torch.contiguous_format)
    save_file(dense, target, metadata={"format": "pt"})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
