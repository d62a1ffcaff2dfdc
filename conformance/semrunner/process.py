# SPDX-License-Identifier: MIT
"""A process that is not trusted: bounded in time, memory and output, and gone with all its children afterwards.

This is for Linux: it bounds the memory of another process, and reads its peak from /proc.
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

OUTPUT = 1 << 26  # bytes of standard output
NOTES = 1 << 16  # bytes of standard error that are kept: the last ones
CHUNK = 1 << 16


class Misbehaviour(Exception):
    """What the process did instead of answering."""


class Child:
    """A command, started. `memory`: bytes, None for no bound."""

    def __init__(self, command: Sequence[str], memory: int | None) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SEM_")}
        self._own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
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
            with contextlib.suppress(ProcessLookupError, ValueError):  # it has ended; the system allows less anyway
                # The data segment rather than the address space, of which node reserves more than there is memory.
                resource.prlimit(self.process.pid, resource.RLIMIT_DATA, (memory, memory))
        self.out, self.notes = bytearray(), bytearray()
        self.status: int | None = None
        self._selector = selectors.DefaultSelector()
        for stream, buffer in ((self.process.stdout, self.out), (self.process.stderr, self.notes)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, buffer)
        assert self.process.stdin is not None
        os.set_blocking(self.process.stdin.fileno(), False)
        self._open = 2  # streams that have not ended
        self.mute = False  # whether standard output has ended

    def talk(self, data: bytes, seconds: float, enough: Callable[[], bool], *, close: bool = False) -> None:
        """Write `data`, and read until that is `enough` or both streams end. Misbehaviour where it takes too long."""
        left, end = memoryview(data), time.monotonic() + seconds
        stdin = self.process.stdin
        assert stdin is not None
        writing = not stdin.closed
        if writing:
            self._selector.register(stdin, selectors.EVENT_WRITE)
        while self._open and not enough():
            wait = end - time.monotonic()
            if wait <= 0:
                raise Misbehaviour(f"timed out after {seconds:g} s")
            for key, _ in self._selector.select(wait):
                if key.fileobj is not stdin:
                    self._read(key)
                    continue
                left = self._write(left)
                if not left:
                    self._selector.unregister(stdin)
                    writing = False
                    if close:
                        _close(stdin)
        if writing:
            self._selector.unregister(stdin)

    def _write(self, left: memoryview) -> memoryview:
        """What is still to be written; nothing where the process does not read on, which is its own affair."""
        assert self.process.stdin is not None
        try:
            return left[os.write(self.process.stdin.fileno(), left[:CHUNK]) :]
        except BlockingIOError:
            return left
        except OSError:
            return left[:0]

    def _read(self, key: selectors.SelectorKey) -> None:
        data = os.read(key.fd, CHUNK)
        key.data.extend(data)
        if not data:
            self._selector.unregister(key.fileobj)
            self._open -= 1
            self.mute = self.mute or key.data is self.out
        if len(self.out) > OUTPUT:
            raise Misbehaviour(f"more than {OUTPUT} bytes of output")
        del self.notes[:-NOTES]

    def wait(self, seconds: float) -> int:
        """The exit status, negative for a signal, with the peak of memory judged. Misbehaviour where it does not end."""
        end = time.monotonic() + seconds
        pause = 0.0005
        while os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > end:
                raise Misbehaviour(f"its output ended, and it did not, for {seconds:g} s")
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        peak = self._reap()
        self._judge(peak)
        assert self.status is not None
        return self.status

    def _reap(self) -> int:
        """Kill what is left of the group, while its number is still its own. Gives the peak of memory in bytes."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.status = self.process.returncode = os.waitstatus_to_exitcode(status)
        peak = usage.ru_maxrss * 1024
        return peak if peak > self._own else 0  # at its start a process has the memory of the one that starts it

    def judge_memory(self) -> None:
        """Of a process that goes on."""
        with contextlib.suppress(OSError, ValueError, StopIteration):
            lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
            self._judge(1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1]))

    def _judge(self, peak: int) -> None:
        if self.memory is not None and peak > self.memory:
            raise Misbehaviour(f"{peak >> 20} MB of memory, and {self.memory >> 20} MB are allowed")

    def last_note(self) -> str:
        """The last line of standard error, or what is left of it."""
        lines = self.notes.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def end(self) -> None:
        """Kill it and all that it has started."""
        if self.status is None:
            self._reap()
        self._selector.close()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                _close(stream)


def _close(stream: object) -> None:
    with contextlib.suppress(OSError):  # what was not written yet finds nobody
        stream.close()  # type: ignore[attr-defined]
