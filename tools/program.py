# SPDX-License-Identifier: MIT
"""Run the main function of a tool as a program that ends on a signal in one line, whenever the signal comes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from refcodec.cli.main import PASSIVE
from refcodec.cli.signals import ENDING, Terminated, raising

INTERRUPTED = 130


def begin() -> None:
    """Prepare the process if a tool of the package that calls this is started as a program: signals and OpenMP.

    It ends on a signal from now on, and threads of torch sleep while they wait: beside other programs those that spin
    took twenty times as long. Call it in `__init__.py` of a package all of whose tools are started by `run`: `python -m`
    imports that before the tool, which may import torch for seconds.
    """
    if sys.argv[:1] != ["-m"]:  # what it is while `python -m` looks for the module
        return
    for name, value in PASSIVE.items():
        os.environ.setdefault(name, value)
    with suppress(ValueError):  # not the main thread
        for number in (signal.SIGINT, *ENDING):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    """End the process at once: nothing has been begun, or everything is done."""
    with suppress(OSError, ValueError, RuntimeError):
        sys.stdout.flush()
    with suppress(OSError):
        os.write(2, b"interrupted\n" if number == signal.SIGINT else b"terminated\n")
    os._exit(128 + number)


def run(main: Callable[[], int | None]) -> int:
    """Return the exit status of `main`; 130 for Ctrl-C, and 143 and 129 for SIGTERM and SIGHUP, after one line."""
    try:
        with raising(instead_of=(_end,)) as raised:
            try:
                return main() or 0
            except Exception:
                if raised:
                    raise raised[0] from None
                raise
    except KeyboardInterrupt:
        status, word = INTERRUPTED, "interrupted"
    except Terminated as ended:
        status, word = int(str(ended.code)), "terminated"
    except BrokenPipeError:
        with suppress(OSError):
            sys.stdout.close()
        return 7
    with suppress(OSError):
        print(word, file=sys.stderr)
    return status
