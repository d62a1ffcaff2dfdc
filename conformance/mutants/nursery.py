# SPDX-License-Identifier: MIT
"""Wrong painters as forks of one process that has torch, whose import takes longer than all that they are asked.

    python nursery.py ADDRESS                    serves at this socket until its standard input ends
    python nursery.py ADDRESS NAME --persistent  what `decoder.py NAME --persistent` is, by a fork of the first

Their memory is not bounded.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

STREAMS = (0, 1, 2)


@contextmanager
def nursery(address: Path) -> Iterator[tuple[str, ...]]:
    """The command whose further arguments are those of decoder.py."""
    with subprocess.Popen(
        [sys.executable, __file__, str(address)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as serving:
        assert serving.stdout is not None
        serving.stdout.readline()  # it is ready, or has ended
        yield sys.executable, "-I", "-S", __file__, str(address)


def ask(address: str, arguments: list[str]) -> int:
    """Hand over the standard streams, and end as the fork does. The fork of one that is killed ends with its input."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        socket.send_fds(line, [json.dumps(arguments).encode()], STREAMS)
        return (line.recv(1) or b"\1")[0]


def serve(address: str) -> None:
    import decoder  # noqa: F401 - every fork has it
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for forks
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([door, 0], [], [])
            if 0 in ready:
                return
            line, _ = door.accept()
            with line:
                arguments, streams, _, _ = socket.recv_fds(line, 1 << 16, len(STREAMS))
                if arguments and os.fork() == 0:  # else its asker is gone
                    live(line, streams, *json.loads(arguments))
                for given in streams:
                    os.close(given)


def live(line: socket.socket, streams: Sequence[int], name: str, *arguments: str) -> NoReturn:
    """A fork, from its first moment to its last."""
    import decoder

    status = 1
    try:
        for own, given in zip(STREAMS, streams, strict=True):
            os.dup2(given, own)
            os.close(given)
        status = decoder.main(decoder.MUTANTS[name], list(arguments))
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stderr.flush()
        line.send(bytes([status]))
        os._exit(status)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(ask(sys.argv[1], sys.argv[2:]))
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    serve(sys.argv[1])
