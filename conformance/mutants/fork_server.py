# SPDX-License-Identifier: MIT
"""Run mutants as forks of one process that has imported torch, since the import takes longer than their answers.

    python run_mutant.py --fork-server ADDRESS   serve on this socket until standard input ends
    python fork_server.py ADDRESS NAME …         run `run_mutant.py NAME …` in a fork of that process

The memory of forks is not limited.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeAlias

Run: TypeAlias = Callable[[str, Sequence[str]], int]  # (name of a mutant, arguments) -> exit status
STREAMS = (0, 1, 2)
SCRIPT = Path(__file__).resolve().parents[1] / "run_mutant.py"


@contextmanager
def fork_server(address: Path) -> Iterator[tuple[str, ...]]:
    """Start a server; yield the command whose further arguments are those of run_mutant.py."""
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), "--fork-server", str(address)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as serving:
        assert serving.stdout is not None
        serving.stdout.readline()  # wait until it is ready, or has ended
        yield sys.executable, "-I", "-S", __file__, str(address)


def request(address: str, arguments: list[str]) -> int:
    """Pass on the standard streams and wait; return the fork's exit status.

    If this process is killed, its fork ends with the end of its input.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [json.dumps(arguments).encode()], STREAMS)
        return (connection.recv(1) or b"\1")[0]


def serve(address: str, run: Run) -> None:
    """Fork a child for each request, until standard input ends."""
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped automatically
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in readable:
                return
            connection, _ = listener.accept()
            with connection:
                arguments, streams, _, _ = socket.recv_fds(connection, 1 << 16, len(STREAMS))
                if arguments and os.fork() == 0:  # else the client disconnected
                    child_main(connection, streams, run, *json.loads(arguments))
                for stream in streams:
                    os.close(stream)


def child_main(connection: socket.socket, streams: Sequence[int], run: Run, name: str, *arguments: str) -> NoReturn:
    """Run one mutant on the client's streams, and end the process."""
    status = 1
    try:
        for own, stream in zip(STREAMS, streams, strict=True):
            os.dup2(stream, own)
            os.close(stream)
        status = run(name, arguments)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stderr.flush()
        connection.send(bytes([status]))
        os._exit(status)


if __name__ == "__main__":
    sys.exit(request(sys.argv[1], sys.argv[2:]))
