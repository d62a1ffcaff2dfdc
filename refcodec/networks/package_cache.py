# SPDX-License-Identifier: MIT
"""Cache the last loaded model packages by folder and digest, and choose the backend that runs them."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.networks import identity, package, package_search, work
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.payloads.base import Kind, Model
from refcodec.payloads.kinds import KINDS, Kinds

if TYPE_CHECKING:
    from refcodec.networks.context_model import Backend
    from refcodec.payloads.coding import CodingContext

EMBEDDED: Final = ("elic", "perco")  # methods whose synthesis network the package ships


def model_digest(folder: Path) -> str:
    """Return the digest of the symbol model in a package.

    Raises Code.MODEL_UNAVAILABLE for a folder without a package, Code.MODEL_MALFORMED for a malformed one.
    """
    if not os.path.isfile(folder / package_search.MANIFEST):
        raise SemError(
            Code.MODEL_UNAVAILABLE,
            f"{shown(str(folder))} is not a model package: it has no {package_search.MANIFEST}",
            path="model",
        )
    return package_search.folder_digest(folder) or package.symbol_digest(package.read_manifest(folder)["symbols"])


def manifest(folder: Path) -> Mapping[str, Any]:
    """Return the manifest of a package, which is read again once the file has changed. Raises as `package.read_manifest`."""
    return _manifest(folder, package_search.state_of(folder))


@lru_cache(maxsize=16)
def _manifest(folder: Path, _state: tuple[int, int]) -> Mapping[str, Any]:
    return package.read_manifest(folder)


def identity_of(folder: Path) -> Mapping[str, str]:
    """Return the identity of a package, role -> digest; {} if it has none. Raises as `package.read_manifest` does."""
    return dict(manifest(folder)["symbols"].get(identity.MEMBER, {}))


def check_work(folder: Path, size: tuple[int, int] | None = None, level: int = 1) -> None:
    """Check what the model of a package asks for against a level, before its tensors are opened (SPEC §15).

    size: (width, height) of the picture, if there is one. Raises Code.LIMIT_MODEL (SEM-E-607), and as
    `package.read_manifest` does.
    """
    work.check(work.work_of(manifest(folder)["symbols"]), size, level)


def symbol_model(folder: Path, digest: str | None = None) -> package.SymbolModel:
    """Return the symbol model of a package of kind 6 or 7, by default that which is there. Raises as `package.load`."""
    return _symbol_model(folder, digest or model_digest(folder))


@lru_cache(maxsize=4)
def _symbol_model(folder: Path, digest: str) -> package.SymbolModel:
    return package.load(folder, digest)


def table_model(folder: Path, digest: str | None = None, kinds: Kinds = KINDS) -> package.TableModel:
    """Return the symbol model of a package that is one tensor, by default that which is there.

    Raises `ModelError` for a model of networks.
    """
    return _table_model(folder, digest or model_digest(folder), kinds)


@lru_cache(maxsize=4)
def _table_model(folder: Path, digest: str, kinds: Kinds) -> package.TableModel:
    model = package.load_any(folder, digest, kinds)
    if not isinstance(model, package.TableModel):
        raise SemError(Code.MODEL_MALFORMED, f"a model of kind {model.kind}, which is no table", path="symbols.kind")
    return model


@lru_cache(maxsize=4)
def _model_of_own_form(folder: Path, digest: str, kinds: Kinds) -> Model:
    return package.load_any(folder, digest, kinds)


def payload_model(kind: Kind, folder: Path, digest: str, kinds: Kinds = KINDS) -> Model:
    """Return the symbol model that codes the payloads of a kind; raise `ModelError` for a model of another form."""
    if kind.build is not None:
        return _model_of_own_form(folder, digest, kinds)
    return symbol_model(folder, digest) if kind.networks else table_model(folder, digest, kinds)


def with_model(
    context: CodingContext,
    kind: Kind,
    model: tuple[Path, str],
    kinds: Kinds = KINDS,
    tick: Callable[[], None] | None = None,
) -> CodingContext:
    """Return a context with the symbol model of a payload, and a backend that runs it unless the context has one.

    model: folder and digest. tick: as for `backend`. Raises `ModelError` for a model that is not that of the row.
    """
    loaded = payload_model(kind, *model, kinds)
    kind.check_model(loaded, context.parameters)
    return replace(context, model=loaded, backend=context.backend or backend(tick=tick))


def has_torch() -> bool:
    """Return whether torch is installed."""
    try:
        return importlib.util.find_spec("torch") is not None
    except ValueError:  # the program has put an object without a specification in its place
        return False


def need_torch(what: str, method: str = "elic") -> None:
    """Raise Code.DEPENDENCY_MISSING (SEM-E-805) if torch is not installed; the remedy names the extra for a method."""
    try:
        if has_torch():
            return
    except ImportError:  # an import hook that hides it
        pass
    extra = "codec" if method in EMBEDDED else "models"
    raise SemError(
        Code.DEPENDENCY_MISSING, f"{what} needs torch, which is not installed", hint=f"pip install 'refcodec[{extra}]'"
    )


@contextmanager
def neutral_torch() -> Iterator[None]:
    """Run the block in `torch_guard.neutral` if torch is imported; a program without it can have set nothing."""
    if sys.modules.get("torch") is None:
        yield
        return
    from refcodec.networks.torch_guard import neutral

    with neutral():
        yield


@contextmanager
def torch_errors(folder: Path, part: str, device: object = None) -> Iterator[None]:
    """Turn errors of torch in a float network into a SemError.

    Also runs it in `torch_guard.neutral`. The package has been checked by then, so it is not blamed for an error of running.
    device: on which it runs, if that is known; the CPU is not recommended in its own place.

    Raises Code.DEPENDENCY_MISSING (SEM-E-805) if torch cannot be imported or cannot run the network here, MemoryError if
    memory is exhausted.
    """
    try:
        from refcodec.networks.torch_guard import neutral

        with neutral():
            yield
    except (ImportError, OSError) as error:
        raise SemError(
            Code.DEPENDENCY_MISSING, f"torch is installed and cannot be imported ({type(error).__name__})"
        ) from error
    except (RuntimeError, IndexError) as error:
        line = next(iter(str(error).splitlines()), "")[:120]
        raise SemError(
            Code.DEPENDENCY_MISSING,
            f"torch cannot run the {part} of model {folder.name} here ({type(error).__name__}: {line})",
            path=part,
            hint=f"run it with {'' if str(device) == 'cpu' else '--device cpu, or with '}another version of torch",
        ) from error


def backend(name: str = "auto", tick: Callable[[], None] | None = None) -> Backend:
    """Return a backend: `numpy`, `torch`, or `auto`. tick: called before each layer and between parts of large ones.

    `auto` is numpy, which is the faster of the two (decision 0033); torch is another way to the same integers, for tests.
    """
    if name not in ("auto", "numpy", "torch"):
        raise ValueError(f"unknown backend {name!r}")
    if name == "torch":
        need_torch("the torch backend")
        from refcodec.networks.torch_backend import TorchBackend

        return TorchBackend(tick=tick)
    return NumpyBackend(tick=tick)
