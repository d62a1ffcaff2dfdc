# SPDX-License-Identifier: MIT
"""An untrusted child process, limited in time, memory and output, and killed together with its descendants.

Linux only: the memory of another process is limited with prlimit, and its peak is read from /proc.
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

OUTPUT_MAX = 1 << 26  # bytes of standard output
STDERR_KEPT = 1 << 16  # bytes of standard error, the last ones
CHUNK = 1 << 16
COUNTING_SLACK = 4 << 20  # bytes by which the kernel's count of memory lags behind


class ProtocolError(Exception):
    """The process violated the protocol or its limits instead of answering."""


class ChildProcess:
    """A started command. `memory`: limit in bytes, None for unlimited."""

    def __init__(self, command: Sequence[str], memory: int | None) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SEM_")}
        self._parent_peak = _own_peak()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self.memory = memory
        if memory is not None:
            with contextlib.suppress(ProcessLookupError, ValueError):  # already ended; the system's limit is lower
                # The data segment, not the address space: node reserves more address space than there is memory.
                resource.prlimit(self.process.pid, resource.RLIMIT_DATA, (memory, memory))
        self.stdout, self.stderr = bytearray(), bytearray()  # what was read of them
        self.status: int | None = None
        self._selector = selectors.DefaultSelector()
        for stream, buffer in ((self.process.stdout, self.stdout), (self.process.stderr, self.stderr)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, buffer)
        assert self.process.stdin is not None
        os.set_blocking(self.process.stdin.fileno(), False)
        self._open_streams = 2
        self.stdout_closed = False

    def exchange(self, data: bytes, seconds: float, done: Callable[[], bool], *, close: bool = False) -> None:
        """Write `data`, and read until `done()` or until both streams end. ProtocolError after `seconds`.

        close: whether to close standard input after the data.
        """
        unsent, end = memoryview(data), time.monotonic() + seconds
        stdin = self.process.stdin
        assert stdin is not None
        writing = not stdin.closed
        if writing:
            self._selector.register(stdin, selectors.EVENT_WRITE)
        while self._open_streams and not done():
            wait = end - time.monotonic()
            if wait <= 0:
                raise ProtocolError(f"timed out after {seconds:g} s")
            for key, _ in self._selector.select(wait):
                if key.fileobj is not stdin:
                    self._read(key)
                    continue
                unsent = self._write(unsent)
                if not unsent:
                    self._selector.unregister(stdin)
                    writing = False
                    if close:
                        _close(stdin)
        if writing:
            self._selector.unregister(stdin)

    def _write(self, unsent: memoryview) -> memoryview:
        """Write a chunk and return the rest; nothing if the process has closed its input, which it may."""
        assert self.process.stdin is not None
        try:
            return unsent[os.write(self.process.stdin.fileno(), unsent[:CHUNK]) :]
        except BlockingIOError:
            return unsent
        except OSError:
            return unsent[:0]

    def _read(self, key: selectors.SelectorKey) -> None:
        data = os.read(key.fd, CHUNK)
        key.data.extend(data)
        if not data:
            self._selector.unregister(key.fileobj)
            self._open_streams -= 1
            self.stdout_closed = self.stdout_closed or key.data is self.stdout
        if len(self.stdout) > OUTPUT_MAX:
            raise ProtocolError(f"more than {OUTPUT_MAX} bytes of output")
        del self.stderr[:-STDERR_KEPT]

    def wait(self, seconds: float) -> int:
        """Return the exit status, negative for a signal. ProtocolError if the process does not end or used too much memory."""
        end = time.monotonic() + seconds
        pause = 0.0005
        while os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > end:
                raise ProtocolError(f"closed its output but did not exit within {seconds:g} s")
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        peak = self._reap()
        self._check_peak(peak)
        assert self.status is not None
        return self.status

    def _reap(self) -> int:
        """Kill the process group before its id can be reused, and return the peak memory in bytes."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.status = self.process.returncode = os.waitstatus_to_exitcode(status)
        peak = usage.ru_maxrss * 1024
        # A new process starts with the peak of its parent, which the kernel counts with some delay.
        inherited = max(self._parent_peak, _own_peak()) + COUNTING_SLACK
        return peak if peak > inherited else 0

    def check_memory(self) -> None:
        """Check the peak memory of the running process. ProtocolError if it is above the limit."""
        with contextlib.suppress(OSError, ValueError, StopIteration):
            lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
            self._check_peak(1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1]))

    def _check_peak(self, peak: int) -> None:
        if self.memory is not None and peak > self.memory:
            raise ProtocolError(f"used {peak >> 20} MB of memory; the limit is {self.memory >> 20} MB")

    def last_stderr_line(self) -> str:
        """Return the last line of standard error, possibly without its beginning; empty if it is empty."""
        lines = self.stderr.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def end(self) -> None:
        """Kill the process and all its descendants in its process group."""
        if self.status is None:
            self._reap()
        self._selector.close()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                _close(stream)


def _own_peak() -> int:
    """Return the peak memory of this process in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _close(stream: object) -> None:
    with contextlib.suppress(OSError):  # unwritten data has no reader any more
        stream.close()  # type: ignore[attr-defined]
