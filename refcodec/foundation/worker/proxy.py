# SPDX-License-Identifier: MIT
"""Proxies of models: their methods run in the worker process. Imports no torch.

Values are copied between the processes (see `wire`); any other result stays in the worker, and the caller gets a proxy of
it. A proxy records how its object was made, so that the next call loads a model again after the worker has ended.
"""

from __future__ import annotations

import importlib
import os
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from refcodec.errors import SemError
from refcodec.foundation.worker import wire
from refcodec.foundation.worker.process import WORKERS, Ended, Generation
from refcodec.foundation.worker.watch import Label
from refcodec.foundation.worker.worker_limits import WorkerLimits

ATTEMPTS: Final = 3  # to start a worker that does not end before it is called
PACKAGE: Final = "refcodec.foundation."  # of names without a package


@dataclass(frozen=True)
class Settings:
    """The settings of `Models` that a loader reads."""

    device: str
    dtype: str


@dataclass
class Call:
    """A call in the worker. name: MODULE:NAME of a function, or the name of a method of `target` ("": itself).

    folder: of the model that is loaded, whose files have `weights` bytes; None: no model is loaded.
    """

    op: str
    name: str
    label: Label
    limits: WorkerLimits
    target: ModelProxy | None = None
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    folder: str | None = None
    weights: int = 0

    def run(self) -> Any:
        """Return the result. Raises the error of the call, or Code.MODEL_MALFORMED for one that breaks a limit."""
        return WORKERS.exclusively(self._run)

    def _run(self) -> Any:
        answer, arrays = self.answer()
        if answer["event"] == "method":
            return _method(self)
        special = {"handle": lambda handle: ModelProxy(self, int(handle), WORKERS.generation)}
        try:
            return wire.unpack(answer["value"], arrays, special)
        except wire.WireError as error:
            raise self.label.error(f"does not run ({error})") from error

    def answer(self) -> tuple[dict[str, Any], list[Any]]:
        """Return the answer of the worker, which is started if it does not run."""
        for _ in range(ATTEMPTS):
            try:
                worker, generation = WORKERS.current(), WORKERS.generation
                arrays: list[Any] = []
                callbacks: list[Callable[[float], None]] = []
                body = self._body(arrays, callbacks)
                if WORKERS.generation == generation:  # else a model was loaded again, in a new process
                    return worker.request(body, arrays, callbacks, self.label, self.limits)
            except Ended:
                continue
            except OSError as error:
                raise self.label.error(f"cannot be run: no process starts ({error.strerror})") from error
        raise self.label.error("cannot be run: its process ends before it is called")

    def _body(self, arrays: list[Any], callbacks: list[Callable[[float], None]]) -> dict[str, Any]:
        def special(value: Any) -> dict[str, Any] | None:
            if isinstance(value, ModelProxy):
                return {"handle": handle_of(value)}
            if isinstance(value, Settings):
                return {"models": {"device": value.device, "dtype": value.dtype}}
            if callable(value):
                callbacks.append(value)
                return {"progress": len(callbacks) - 1}
            return None

        return {
            "op": self.op,
            "name": self.name,
            "target": None if self.target is None else handle_of(self.target),
            "args": wire.pack(list(self.args), arrays, special),
            "kwargs": wire.pack(dict(self.kwargs), arrays, special),
            "folder": self.folder,
            "weights": self.weights,
            "limits": self.limits.to_dict(),
            "threads": _threads(),
            "release": WORKERS.taken_back(),
        }


class ModelProxy:
    """An object in the worker process, where its attributes are read and its methods run."""

    def __init__(self, made: Call, handle: int, generation: Generation) -> None:
        self._made, self._handle, self._generation = made, handle, generation
        self._finalizer = weakref.finalize(self, WORKERS.release, generation, handle)
        self._finalizer.atexit = False

    @property
    def made_by(self) -> str:
        """MODULE:NAME of the function here, or the name of the method there, that returned the object."""
        return self._made.name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Call("get", name, self._made.label, self._made.limits, self).run()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Call("call", "", self._made.label, self._made.limits, self, args, kwargs).run()

    def __repr__(self) -> str:
        return f"<{self._made.name} of {self._made.label.name}, in the process of the models>"


def limit(model: object, limits: WorkerLimits) -> None:
    """Apply `limits` to the following calls of a model; do nothing for one in this process."""
    if isinstance(model, ModelProxy):
        model._made.limits = limits


def handle_of(proxy: ModelProxy) -> int:
    """Return the handle of an object, made again if its worker has ended."""
    WORKERS.current()
    if proxy._generation != WORKERS.generation:
        answer, _ = proxy._made.answer()
        try:
            handle = int(answer["value"]["handle"])
        except (KeyError, TypeError, ValueError) as error:
            raise proxy._made.label.error("does not run as before") from error
        proxy._finalizer.detach()
        proxy._handle, proxy._generation = handle, WORKERS.generation
        proxy._finalizer = weakref.finalize(proxy, WORKERS.release, WORKERS.generation, handle)
        proxy._finalizer.atexit = False
    return proxy._handle


def _method(got: Call) -> Callable[..., Any]:
    def method(*args: Any, **kwargs: Any) -> Any:
        return Call("call", got.name, got.label, got.limits, got.target, args, kwargs).run()

    return method


def load(loader: str, label: Label, folder: Path, settings: Settings, limits: WorkerLimits, weights: int) -> ModelProxy:
    """Return a proxy of the model that `loader`, MODULE:NAME, makes from a folder and settings. Raises ModelError."""
    place = folder.absolute()
    asked = Call("call", full_name(loader), label, limits, None, [place, settings], {}, str(place), weights)
    try:
        made = asked.run()
    except SemError as error:
        raise _with_path_of(folder, error) from None
    if not isinstance(made, ModelProxy):
        raise label.error("does not load as an object")
    return made


def _with_path_of(folder: Path, error: SemError) -> SemError:
    """Return an error of a loader, which got an absolute path, with paths as the caller has written that of the folder."""
    if folder.is_absolute():
        return error
    here = f"{Path.cwd()}{os.sep}"
    what, hint = error.what.replace(here, ""), error.hint.replace(here, "")
    return SemError(error.code, what, offset=error.offset, path=error.path, hint=hint)


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """Call the function or class MODULE:NAME: in the worker if an argument is a proxy, else in this process."""
    there = next((value for value in (*args, *kwargs.values()) if isinstance(value, ModelProxy)), None)
    if there is None:
        return function_of(name)(*args, **kwargs)
    return Call("call", full_name(name), there._made.label, there._made.limits, None, args, kwargs).run()


def full_name(name: str) -> str:
    """Return MODULE:NAME with the package of a module of this one."""
    return name if name.startswith("refcodec.") else PACKAGE + name


def function_of(name: str) -> Any:
    """Import MODULE:NAME."""
    module, _, names = full_name(name).partition(":")
    found: Any = importlib.import_module(module)
    for part in names.split("."):
        found = getattr(found, part)
    return found


def name_of(loader: Any) -> str | None:
    """Return MODULE:NAME of a loader of this library, or None for another function."""
    owner = getattr(loader, "__self__", None)
    module = getattr(owner if isinstance(owner, type) else loader, "__module__", None) or ""
    name = f"{owner.__qualname__}.{loader.__name__}" if isinstance(owner, type) else getattr(loader, "__qualname__", "")
    return f"{module}:{name}" if module.startswith("refcodec.") and name and "<" not in name else None


def _threads() -> int | None:
    """Return the number of threads that the caller has set for torch; None if it does not use it."""
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch is not None and hasattr(torch, "get_num_threads") else None
