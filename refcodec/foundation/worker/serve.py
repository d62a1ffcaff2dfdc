# SPDX-License-Identifier: MIT
"""The worker process: load models and call them, for one caller, until it closes the pipe.

Requests come on standard input, answers go to standard output; both are moved away at the start, so that no library
reads or prints there. The process starts no program, opens no connection, writes only into its scratch folder, and runs
no code but that of installed packages: an audit hook enforces this, on Linux also the kernel.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, Final

from refcodec import memory
from refcodec.errors import SemError
from refcodec.foundation.worker import phases, wire
from refcodec.foundation.worker.worker_limits import WorkerLimits
from refcodec.sandbox import audit, landlock, resources

CALLABLE: Final = ("refcodec.foundation.", "refcodec.cli.bench.metric_networks.")  # modules whose functions are called
FILE_BYTES_MAX: Final = 1 << 24  # of a file in the scratch folder, and of standard error
IDLE_S: Final = 60.0  # after which a process without models ends
BEAT_S: Final = 1.0  # between two reports of progress
GRACE_S: Final = 60.0  # after a limit of time, before the process ends itself if its caller has not ended it
Request = tuple[dict[str, Any], list[Any]]


def main(arguments: list[str]) -> None:
    """Serve until the caller ends or nothing is left to do. arguments: the scratch folder; 1 to end with the calling thread."""
    scratch, with_thread = arguments
    requests, replies = _own_streams()
    if with_thread == "1":
        resources.end_with_parent()
    with suppress(ValueError, OSError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller decides
    resources.end_first()
    resources.limit_files(FILE_BYTES_MAX)
    landlock.restrict(scratch)
    with suppress(ImportError):  # reported when a model is loaded
        import diffusers  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    Server(replies, scratch).run(_reader(requests))
    os._exit(0)


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return streams of standard input and output; libraries that use those afterwards reach the null device."""
    streams = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    return streams


def _reader(stream: BinaryIO) -> queue.SimpleQueue[Request]:
    """Read requests in a thread, which ends the process with its caller, whatever a library does then."""
    arrived: queue.SimpleQueue[Request] = queue.SimpleQueue()

    def read() -> None:
        with suppress(wire.WireError, OSError):
            while (request := wire.receive(stream)) is not None:
                arrived.put(request)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return arrived


class Server:
    """Serves requests: keeps the objects of this process and calls them."""

    def __init__(self, replies: BinaryIO, scratch: str) -> None:
        self.replies, self.scratch = replies, scratch
        self.objects: dict[int, Any] = {}
        self.folders: tuple[str, ...] = ()
        self.limits = WorkerLimits()
        self.bounded = True  # whether the address space can be limited: a GPU maps more than any limit
        self.weights = 0  # bytes of the model that is loaded
        self.running_most: int | None = None
        self.phase, self.reported = phases.LOAD, 0.0
        self._refuse()

    def run(self, requests: queue.SimpleQueue[Request]) -> None:
        """Answer requests until none arrives for IDLE_S and no object is left."""
        phases.listener.set(self._phase)
        self._reply({"event": "ready"}, [])
        while True:
            try:
                body, arrays = requests.get(timeout=IDLE_S)
            except queue.Empty:
                if not self.objects:
                    return
                continue
            for handle in body.get("release", ()):
                self.objects.pop(handle, None)
            if body["op"] != "release":
                self._answer(body, arrays)
                faulthandler.cancel_dump_traceback_later()

    def _answer(self, body: dict[str, Any], arrays: list[Any]) -> None:
        self.limits = WorkerLimits(**body["limits"])
        try:
            reply = self._result(body, arrays)
        except BaseException as error:  # noqa: BLE001 - the caller reports it in one line
            reply = {"event": "error", **_described(error)}, []
        finally:
            if self.bounded:
                resources.limit_address_space(None)
        try:
            self._reply(*reply)
        except wire.WireError as error:
            self._reply({"event": "error", "kind": "model", "what": str(error)}, [])

    def _result(self, body: dict[str, Any], arrays: list[Any]) -> tuple[dict[str, Any], list[Any]]:
        out: list[Any] = []
        special: dict[str, Callable[[Any], Any]] = {
            "handle": self.objects.__getitem__,
            "models": self._models,
            "progress": self._progress,
        }
        args, kwargs = (wire.unpack(body[name], arrays, special) for name in ("args", "kwargs"))
        self._adopt(body)
        if body["op"] == "get":
            value = getattr(self.objects[body["target"]], body["name"])
            if callable(value) and not isinstance(value, type) and getattr(value, "__self__", None) is not None:
                return {"event": "method"}, []
        else:
            value = self._function(body)(*args, **kwargs)
        return {"event": "result", "value": wire.pack(value, out, self._kept)}, out

    def _function(self, body: dict[str, Any]) -> Callable[..., Any]:
        """Return the method of an object here, or a function or class of the library by MODULE:NAME."""
        if body["target"] is not None:
            target = self.objects[body["target"]]
            method: Callable[..., Any] = getattr(target, body["name"]) if body["name"] else target
            return method
        module, _, names = body["name"].partition(":")
        if not module.startswith(CALLABLE):
            raise ValueError(f"{module} has no functions of models")
        function: Any = importlib.import_module(module)
        for name in names.split("."):
            function = getattr(function, name)
        return function  # type: ignore[no-any-return]

    def _adopt(self, body: dict[str, Any]) -> None:
        """Take the caller's number of threads and the limits for a call, and for a model that is loaded its folder."""
        torch = sys.modules.get("torch")
        if torch is not None and body["threads"] and torch.get_num_threads() != body["threads"]:
            torch.set_num_threads(body["threads"])
        folder = body["folder"]
        if folder is None:
            self._phase(phases.RUN, first=True)
            return
        if (folder := os.path.realpath(folder)) not in self.folders:
            self.folders += (folder,)
            self._refuse()
        self.weights = body["weights"]
        self._phase(phases.LOAD, first=True)

    def _refuse(self) -> None:
        audit.allow_in_process()
        audit.refuse_in_process(
            audit.Policy(
                (*audit.PROGRAMS, *audit.NETWORK, *audit.CHANGES, *audit.OBJECTS, *audit.QUESTIONS),
                writable=(self.scratch,),
                installed_code=True,
                untrusted=self.folders,
                during="in the process of the models",
            )
        )

    def _phase(self, phase: str, *, first: bool = False) -> None:
        """Apply the limits of a phase, and report it to the caller, who watches the time; progress once in BEAT_S."""
        now = time.monotonic()
        if phase == self.phase == phases.RUN and not first and now < self.reported + BEAT_S:
            return
        self.phase, self.reported = phase, now
        limits, used = self.limits, memory.address_space()
        if phase == phases.LOAD:
            growth, seconds = limits.loading_bytes(self.weights), limits.start_s + limits.loading_s(self.weights)
        elif phase == phases.PREPARE:
            growth, seconds = limits.prepare_bytes, limits.prepare_s
        else:
            growth, seconds = limits.run_bytes, limits.run_s
            if first:
                self.running_most = used + growth
            growth = max(0, (self.running_most or used + growth) - used)
        if self.bounded:
            resources.limit_address_space(growth)
        with suppress(ValueError, RuntimeError, OSError):  # ends the process even if native code never returns
            faulthandler.dump_traceback_later(seconds + GRACE_S, exit=True)
        if not first:
            self._reply({"event": "phase", "phase": phase}, [])

    def _models(self, settings: dict[str, str]) -> Any:
        """Return the settings for a loader: device and dtype. A GPU lifts the limit of the address space."""
        from refcodec.environment import Environment
        from refcodec.foundation.device import device_of
        from refcodec.foundation.resolve import Models

        models = Models(device=settings["device"], dtype=settings["dtype"], environment=Environment())
        with suppress(ValueError):  # no such device here: the loader reports it
            if device_of(models).type != "cpu":
                self.bounded = False
                resources.limit_address_space(None)
        return models

    def _progress(self, number: int) -> Callable[[float], None]:
        def progress(share: float) -> None:
            self._reply({"event": "progress", "callback": number, "share": float(share)}, [])

        return progress

    def _kept(self, value: Any) -> dict[str, Any]:
        """Keep an object that is not a value, and return its handle."""
        handle = max(self.objects, default=0) + 1
        self.objects[handle] = value
        return {"handle": handle}

    def _reply(self, body: dict[str, Any], arrays: list[Any]) -> None:
        wire.send(self.replies, body, arrays)


def _described(error: BaseException) -> dict[str, Any]:
    """Return an error as the caller raises it again."""
    from refcodec.foundation.device import SettingError
    from refcodec.foundation.loading import first_line
    from refcodec.foundation.schedulers import SchedulerError

    if isinstance(error, SemError):
        return {
            "kind": "sem",
            "code": int(error.code),
            "what": error.what,
            "offset": error.offset,
            "path": error.path,
            "hint": error.hint,
        }
    if isinstance(error, MemoryError):
        return {"kind": "memory"}
    text = str(error)[:1000]
    if isinstance(error, SchedulerError):
        return {"kind": "scheduler", "what": text}
    if isinstance(error, SettingError):
        return {"kind": "setting", "what": text}
    if type(error) in (ValueError, TypeError):
        return {"kind": type(error).__name__, "what": text}
    return {"kind": "model", "what": f"does not run ({first_line(error)})"}
