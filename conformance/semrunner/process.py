# SPDX-License-Identifier: MIT
"""An untrusted child process, limited in time, memory and output, and killed together with its descendants.

The process runs below a supervisor (supervisor.py), which finds its descendants also where they have left its session.
Linux only: peaks of memory are read from /proc, and descendants are found there.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from semrunner import supervisor
from semrunner.supervisor import ENDING_SECONDS, descendants

OUTPUT_MAX = 1 << 26  # bytes of standard output
STDERR_KEPT = 1 << 16  # bytes of standard error, the last ones
CHUNK = 1 << 16
SUPERVISOR = Path(supervisor.__file__).read_text(encoding="utf-8")  # run as text, so that its path leads nowhere
STARTING_SECONDS = 60.0  # of the supervisor, on a busy machine
MARK = "CONFORMANCE_PROCESS"  # variable of the environment by which descendants are found if the supervisor was killed


class ProtocolError(Exception):
    """The process violated the protocol or its limits instead of answering."""


class ChildProcess:
    """A started command.

    memory: limit in bytes, None for unlimited. environment: its variables, by default those of this process without
    SEM_…. It runs in `cwd`, or in a new folder in `scratch`, or where this process does. Raises OSError if it cannot be
    started.
    """

    def __init__(
        self,
        command: Sequence[str],
        memory: int | None,
        environment: Mapping[str, str] | None = None,
        scratch: Path | None = None,
        cwd: Path | None = None,
    ) -> None:
        if environment is None:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("SEM_")}
        self._mark = os.urandom(16).hex()
        self._folder = None if scratch is None or cwd is not None else tempfile.mkdtemp(dir=scratch)
        folder = str(cwd.absolute()) if cwd is not None else self._folder
        own = {} if folder is None else {"PWD": folder}
        self._supervisor, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", SUPERVISOR, str(theirs.fileno()), str(memory or 0), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**environment, **own, MARK: self._mark},
                cwd=folder,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.memory = memory
        self.stdout, self.stderr = bytearray(), bytearray()  # what was read of them
        self.status: int | None = None
        self._peak = 0
        self._selector = selectors.DefaultSelector()
        for stream, buffer in ((self.process.stdout, self.stdout), (self.process.stderr, self.stderr)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, buffer)
        assert self.process.stdin is not None
        os.set_blocking(self.process.stdin.fileno(), False)
        self._open_streams = 2
        self.stdout_closed = False
        self.pid = self._started(command[0])

    def _started(self, program: str) -> int:
        """Return the process id of the command. Raises OSError, which names the program, if it cannot be started."""
        word, _, rest = self._report(STARTING_SECONDS).partition(" ")
        if word == "pid":
            return int(rest)
        number, _, text = rest.partition(" ")
        self.pid = 0
        self.status = 0
        self.end()
        raise OSError(int(number), text, program) if number else OSError(0, "its supervisor does not start")

    def _report(self, seconds: float) -> str:
        """Return the next line of the supervisor; "" if it has ended or takes longer. The line is short, and sent at once."""
        self._supervisor.settimeout(max(seconds, 0.001))
        line = b""
        with contextlib.suppress(TimeoutError, OSError):
            while not line.endswith(b"\n"):
                more = self._supervisor.recv(1)
                if not more:
                    break
                line += more
        return line.decode("utf-8", "replace").rstrip("\n") if line.endswith(b"\n") else ""

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
        begin = time.monotonic()
        self._take_end(self._report(seconds))
        if self.status is None:
            if time.monotonic() - begin >= seconds:
                raise ProtocolError(f"closed its output but did not exit within {seconds:g} s")
            raise ProtocolError("its supervisor was killed")
        self._check_peak(self._peak)
        return self.status

    def _take_end(self, line: str) -> None:
        """Take status and peak of memory from the supervisor's last line."""
        word, *numbers = line.split()[:3] or [""]
        if word == "end":
            self.status, self._peak = map(int, numbers)

    def check_memory(self) -> None:
        """Check the peak memory of the running process. ProtocolError if it is above the limit."""
        with contextlib.suppress(OSError, ValueError, StopIteration):
            lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
            self._check_peak(1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1]))

    def _check_peak(self, peak: int) -> None:
        if self.memory is not None and peak > self.memory:
            raise ProtocolError(f"used {peak >> 20} MB of memory; the limit is {self.memory >> 20} MB")

    def last_stderr_line(self) -> str:
        """Return the last line of standard error, possibly without its beginning; empty if it is empty."""
        lines = self.stderr.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def end(self) -> None:
        """Kill the process and all its descendants, and remove the folder in which it ran."""
        if self.status is None:
            with contextlib.suppress(OSError):
                self._supervisor.shutdown(socket.SHUT_WR)
            self._take_end(self._report(ENDING_SECONDS + 1))
        if self.status is None:  # the supervisor was killed or stopped
            self._end_without_supervisor()
        self.process.wait()
        self._supervisor.close()
        self._selector.close()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                _close(stream)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _end_without_supervisor(self) -> None:
        """Kill the supervisor, and every process that descends from the command or has its mark."""
        self.status = -signal.SIGKILL
        for _ in range(9):
            found = descendants(self.process.pid) | descendants(self.pid) | {self.process.pid} | _marked(self._mark)
            for pid in found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if found == {self.process.pid}:
                return
            time.sleep(0.01)


def _marked(mark: str) -> set[int]:
    """Return the processes whose environment began with this mark."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            with contextlib.suppress(OSError):
                if f"{MARK}={mark}".encode() in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    found.add(int(name))
    return found


def _close(stream: object) -> None:
    with contextlib.suppress(OSError):  # unwritten data has no reader any more
        stream.close()  # type: ignore[attr-defined]
