# SPDX-License-Identifier: MIT
"""Run the main function of a tool as a program that ends on a signal in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

from refcodec.cli.signals import Terminated, raising

INTERRUPTED = 130


def run(main: Callable[[], int | None]) -> int:
    """Return the exit status of `main`; 130 for Ctrl-C, and 143 and 129 for SIGTERM and SIGHUP, after one line."""
    try:
        with raising() as raised:
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
