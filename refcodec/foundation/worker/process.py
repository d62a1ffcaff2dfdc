# SPDX-License-Identifier: MIT
"""Start the worker process when it is needed, watch it, end it, and start it again. Imports no torch."""

from __future__ import annotations

import atexit
import errno
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn

from refcodec.foundation.worker import phases, scratch, wire
from refcodec.foundation.worker.watch import MESSAGE_MAX, START, Label, Watch, raise_answer
from refcodec.foundation.worker.worker_limits import WorkerLimits
from refcodec.progress import Progress

POLL_S: Final = 0.25  # between two checks of time and memory
END_S: Final = 10.0  # for a killed process to end
READ_S: Final = 1.0  # for the thread that reads its answers; a descendant of it may hold the pipe open
_CODE: Final = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from refcodec.foundation.worker.serve import main; main(sys.argv[1:])"
_HOME: Final = os.path.join(os.path.dirname(__file__), *[os.pardir] * 3)  # the folder or archive that refcodec is in
# variables of the caller that numeric libraries and device drivers read; no secrets
_KEPT: Final = (
    "SYSTEMROOT", "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "TZ",
    # which instructions are used, and so how floats round: as in the process of the caller
    "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES",
)  # fmt: skip
_KEPT_PREFIXES: Final = ("OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "CUDA_", "CUBLAS_", "NVIDIA_", "HIP_", "ROCR_", "HSA_", "PYTORCH_", "TORCH_", "LC_")  # fmt: skip
_OFFLINE: Final = {
    "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "USE_HUB_KERNELS": "NO",
    "DIFFUSERS_DISABLE_REMOTE_CODE": "1", "TRANSFORMERS_VERBOSITY": "critical", "TOKENIZERS_PARALLELISM": "false",
}  # fmt: skip
_PASSIVE: Final = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "KMP_BLOCKTIME": "0",
}  # threads that wait leave the processor to others


Generation = tuple[int, int]  # of a worker: the process of its caller, and its number there


class Ended(Exception):
    """The process ended by itself, for lack of work, before it received a request."""


class Worker:
    """One process. Not for several threads at once."""

    def __init__(self) -> None:
        if not sys.executable:
            raise FileNotFoundError(errno.ENOENT, "there is no Python interpreter at sys.executable")
        self.scratch = scratch.make()
        self.messages = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        path = [entry for entry in sys.path if isinstance(entry, str) and os.path.isabs(entry)]
        path += [own for own in (os.path.abspath(_HOME),) if own not in path]
        own_thread = threading.current_thread() is threading.main_thread()
        more: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x08000200}
        command = [sys.executable, "-I", "-B", "-c", _CODE, json.dumps(path), self.scratch, str(int(own_thread))]
        streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.messages}
        try:
            self.process = subprocess.Popen(
                command, env=_environment(self.scratch), cwd=self.scratch, **streams, **more
            )
        except BaseException:
            self.messages.close()
            scratch.remove(self.scratch)
            raise
        self.answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.ready = False  # whether it has imported the libraries
        self.answered = True  # whether the last request has a result or an error
        self.reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    def _read(self, stream: Any) -> None:
        try:
            while (answer := wire.receive(stream)) is not None:
                self.answers.put(answer)
        except (wire.WireError, OSError, ValueError):  # cut short, or no message
            with suppress(OSError):
                self.process.kill()
        with suppress(OSError):
            stream.close()
        self.answers.put(None)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def send(self, body: dict[str, Any], arrays: list[Any]) -> None:
        """Raise Ended if the process has ended by itself."""
        assert self.process.stdin is not None
        try:
            wire.send(self.process.stdin, body, arrays)  # type: ignore[arg-type]
        except (OSError, ValueError) as error:
            self.end()
            raise Ended from error

    def request(
        self,
        body: dict[str, Any],
        arrays: list[Any],
        callbacks: Sequence[Progress],
        label: Label,
        limits: WorkerLimits,
    ) -> tuple[dict[str, Any], list[Any]]:
        """Return the answer to a request. Raises its error; ends the process for one that breaks a limit, and on Ctrl-C."""
        self.answered = False
        self.send(body, arrays)
        watch = Watch(limits, body["weights"], _first_phase(body) if self.ready else START, self.process.pid)
        try:
            while True:
                answer = self._next(watch, label)
                event, number = answer[0].get("event"), answer[0].get("callback")
                if event in ("result", "method"):
                    return answer
                if event == "error":
                    raise_answer(answer[0], label, watch)
                if event == "ready":
                    self.ready = True
                    watch.enter(_first_phase(body), self.process.pid)
                else:
                    watch.enter(str(answer[0].get("phase", phases.RUN)), self.process.pid)
                if event == "progress" and isinstance(number, int) and 0 <= number < len(callbacks):
                    callbacks[number](_share(answer[0].get("share")))
        except BaseException:  # also Ctrl-C, and an error of a callback: the result is not wanted any more
            if not self.answered:
                self.end()
            raise

    def _next(self, watch: Watch, label: Label) -> tuple[dict[str, Any], list[Any]]:
        while True:
            with suppress(queue.Empty):
                answer = self.answers.get(timeout=POLL_S)
                if isinstance(answer, tuple):
                    self.answered = answer[0].get("event") in ("error", "result", "method")
                    return answer
                self._died(watch, label)
            if (excess := watch.excess(self.process.pid, label)) is not None:
                self.end()
                raise excess

    def _died(self, watch: Watch, label: Label) -> NoReturn:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_S)
        status, line = self.process.returncode, self._last_line()
        self.end()
        if "allocat" in line.lower():
            raise label.error(watch.too_much())
        printable = "".join(c for c in line if c.isprintable())[:MESSAGE_MAX]
        reason = printable if status and status > 0 and printable else f"status {status}"
        if status is not None and status < 0:
            with suppress(ValueError):
                reason = signal.Signals(-status).name
            if reason == "SIGKILL":
                reason = "killed by the system, which may be short of memory"
        raise label.error(f"ended the process that ran it ({reason})")

    def _last_line(self) -> str:
        """Return the last line that a library has left on standard error."""
        with suppress(OSError, ValueError):
            self.messages.seek(0, os.SEEK_END)
            self.messages.seek(max(0, self.messages.tell() - 4096))
            lines = self.messages.read().decode("utf-8", "replace").strip().splitlines()
            return next((line for line in reversed(lines) if "allocat" in line.lower()), lines[-1] if lines else "")
        return ""

    def end(self) -> None:
        """Kill the process; return when it and the thread that reads its answers have ended."""
        with suppress(OSError):
            self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_S)
        self.reader.join(READ_S)
        self.close()

    def close(self) -> None:
        for stream in (self.process.stdin, self.messages):
            with suppress(OSError):
                if stream is not None:
                    stream.close()
        scratch.remove(self.scratch)


def _share(value: Any) -> float:
    return min(1.0, max(0.0, float(value))) if isinstance(value, int | float) else 0.0


def _first_phase(body: dict[str, Any]) -> str:
    return phases.LOAD if body["folder"] is not None else phases.RUN


def _environment(folder: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    folders = dict.fromkeys(("TMPDIR", "TEMP", "TMP", "HOME", "XDG_CACHE_HOME", "HF_HOME"), folder)
    return _PASSIVE | kept | _OFFLINE | folders


class Workers:
    """The worker of this Python process, and the lock for it."""

    def __init__(self) -> None:
        self._forget()
        atexit.register(self.end)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """Start without a worker: a fork cannot use the worker of its parent."""
        self.lock = threading.Lock()
        self.owner: int | None = None
        self.worker: Worker | None = None
        self.generation = (os.getpid(), 0)
        self.released: deque[tuple[Generation, int]] = deque()

    def end(self) -> None:
        """End the worker, if it runs; models are loaded again when they are called."""
        if self.worker is not None:
            self.worker.end()
            self.worker = None

    def exclusively(self, work: Callable[[], Any]) -> Any:
        """Call `work` while no other thread uses the worker. Raises RuntimeError inside a callback of a call."""
        if self.owner == threading.get_ident():
            raise RuntimeError("a callback of a model cannot call a model")
        with self.lock:
            self.owner = threading.get_ident()
            try:
                return work()
            finally:
                self.owner = None

    def current(self) -> Worker:
        """Return the worker, started if it does not run. Call inside `exclusively`."""
        if self.worker is not None and not self.worker.alive:
            self.worker.close()
            self.worker = None
        if self.worker is None:
            self.worker = Worker()
            self.generation = (os.getpid(), self.generation[1] + 1)
        return self.worker

    def taken_back(self) -> list[int]:
        """Return the handles whose proxies have been collected."""
        pairs = [self.released.popleft() for _ in range(len(self.released))]
        return [handle for generation, handle in pairs if generation == self.generation]

    def release(self, generation: Generation, handle: int) -> None:
        """Let the worker forget an object: now if it is idle, else with the next call. Runs whenever objects are collected."""
        self.released.append((generation, handle))
        if self.owner is not None or not self.lock.acquire(blocking=False):
            return
        try:
            if self.worker is not None and self.worker.alive and generation == self.generation:
                with suppress(Ended):
                    self.worker.send({"op": "release", "release": self.taken_back()}, [])
        finally:
            self.lock.release()


WORKERS: Final = Workers()
