# SPDX-License-Identifier: MIT
"""Run a command, and end it together with every process that it has started, wherever that has gone.

    python -I -S -c TEXT_OF_THIS_FILE SOCKET MEMORY COMMAND...

A process that leaves its process group or session (setsid, a double fork, a daemon) gets the nearest ancestor that is a
"child subreaper" as its parent, which this process is: so it finds all of them, and no others. Into the socket it writes
`pid N`, or `error N TEXT` if the command cannot be started, and after the end `end STATUS PEAK_BYTES`. It ends the command
when the other side of the socket is closed. Linux only; standard library only; a process of its own, with one thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import socket
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ENDING_SECONDS = 10.0  # within which all descendants must be gone
QUICK_ROUNDS = 500  # of killing children, before all processes of the system are looked through
COUNTING_SLACK = 4 << 10  # kilobytes by which the kernel's count of memory lags behind


def main(arguments: list[str]) -> int:
    """Run the command of the arguments until it ends; return 0."""
    memory, command = int(arguments[1]), arguments[2:]
    with socket.socket(fileno=int(arguments[0])) as runner:
        runner.set_inheritable(False)
        if _prctl(PR_SET_CHILD_SUBREAPER, 1):
            _send(runner, "error 38 this system has no child subreapers")
            return 0
        signal.signal(signal.SIGCHLD, lambda *_: None)
        pid = _start(runner, memory, command)
        if pid is None:
            return 0
        with open(os.devnull, "r+b", buffering=0) as null:  # so that pipes end when the command does
            for descriptor in range(3):
                os.dup2(null.fileno(), descriptor)
        _send(runner, f"pid {pid}")
        ended = _wait(pid, runner)
        if ended is None:
            _kill(pid, signal.SIGKILL)
            _, code, usage = os.wait4(pid, 0)
            ended = code, usage.ru_maxrss
        end_descendants()
        peak = ended[1] if ended[1] > _own_peak() + COUNTING_SLACK else 0  # a process starts with that of its parent
        _send(runner, f"end {os.waitstatus_to_exitcode(ended[0])} {peak * 1024}")
    return 0


def _own_peak() -> int:
    """Return the peak memory of this program in kilobytes, without that of the one that started it."""
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/status", encoding="ascii") as stream:
        for line in stream:
            if line.startswith("VmHWM"):
                return int(line.split()[1])
    return 0


def _send(runner: socket.socket, line: str) -> None:
    with contextlib.suppress(OSError):  # the runner is gone
        runner.sendall(f"{line}\n".encode())


def _start(runner: socket.socket, memory: int, command: list[str]) -> int | None:
    """Start the command in a session of its own; return its process id, None if it cannot be run."""
    report, failed = os.pipe()  # closed by the start of the command
    pid = os.fork()
    if not pid:
        try:
            os.setsid()
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            if memory:
                with contextlib.suppress(ValueError, OSError):  # the system's limit is lower
                    # The data segment, not the address space: node reserves more of that than there is memory.
                    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
            os.execvp(command[0], command)
        except OSError as error:
            os.write(failed, f"error {error.errno} {error.strerror}".encode())
        finally:
            os._exit(127)
    os.close(failed)
    with open(report, "rb") as stream:
        text = stream.read().decode()
    if text:
        os.waitpid(pid, 0)
        _send(runner, text)
        return None
    return pid


def _wait(pid: int, runner: socket.socket) -> tuple[int, int] | None:
    """Wait for the command; return its wait status and peak in kilobytes, None if the runner ends it.

    Reaps orphans, too.
    """
    woken, wake = os.pipe()
    for descriptor in (woken, wake):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    while True:
        with contextlib.suppress(ChildProcessError):
            while True:
                found, code, usage = os.wait4(-1, os.WNOHANG)
                if found == pid:
                    return code, usage.ru_maxrss
                if not found:
                    break
        ready, _, _ = select.select([runner.fileno(), woken], [], [])
        if runner.fileno() in ready:  # closed: the runner sends nothing
            return None
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 1 << 12)


def end_descendants() -> None:
    """Kill every descendant of this process. Stops them first, so that none forks away while others are killed."""
    deadline = time.monotonic() + ENDING_SECONDS
    pause = 0.0005
    while True:
        _kill_children()
        found = descendants(os.getpid())
        if not found or time.monotonic() > deadline:
            return
        stopped: set[int] = set()
        while not found <= stopped and time.monotonic() < deadline:
            for pid in found - stopped:
                _kill(pid, signal.SIGSTOP)
            stopped |= found
            found = descendants(os.getpid())
        for pid in found | stopped:
            _kill(pid, signal.SIGKILL)
        time.sleep(pause)
        pause = min(2 * pause, 0.05)


def _kill_children() -> None:
    """Kill the children of this process, which orphans join, many times in quick succession.

    Where the kernel lists children, this takes microseconds: less than a process needs that forks and exits to get away.
    """
    for _ in range(QUICK_ROUNDS):
        _reap()
        try:
            with open(f"/proc/self/task/{os.getpid()}/children", "rb") as stream:
                children = [int(word) for word in stream.read().split()]
        except OSError:
            return
        if not children:
            return
        for pid in children:
            _kill(pid, signal.SIGKILL)


def descendants(root: int) -> set[int]:
    """Return the processes below `root` that have not ended, without it."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as stream:
                    state, parent = stream.read().rpartition(b")")[2].split()[:2]
                if state not in (b"Z", b"X"):
                    children.setdefault(int(parent), []).append(int(name))
    found: set[int] = set()
    left = [root]
    while left:
        new = [pid for pid in children.get(left.pop(), ()) if pid not in found]
        found.update(new)
        left += new
    return found


def _kill(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _prctl(option: int, value: int) -> int:
    result: int = ctypes.CDLL(None, use_errno=True).prctl(option, int(value), 0, 0, 0)
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
