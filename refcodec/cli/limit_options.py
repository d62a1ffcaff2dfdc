# SPDX-License-Identifier: MIT
"""The options --max-pixels, --max-memory and --timeout, and the timer that ends work after its time."""

from __future__ import annotations

import functools
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import click
from click.core import ParameterSource

from refcodec.limits import Limits, TimeLimitError, parse_bytes, parse_count, parse_seconds

AGAIN_S: Final = 5.0  # the timer repeats, since a library may swallow the first error


def _parsed(parse: Callable[[str], Any]) -> Callable[..., Any]:
    def callback(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            by_variable = context.get_parameter_source(parameter.name or "") == ParameterSource.ENVIRONMENT
            raise click.BadParameter(f"{parameter.envvar}: {error}" if by_variable else str(error)) from error

    return callback


OPTIONS: Final = (
    click.option(
        "--max-pixels",
        metavar="N",
        envvar="SEM_MAX_PIXELS",
        callback=_parsed(parse_count),
        help="Refuse pictures of more than N pixels.  [default: those of the level]",
    ),
    click.option(
        "--max-memory",
        metavar="BYTES",
        envvar="SEM_MAX_MEMORY",
        callback=_parsed(parse_bytes),
        help="Refuse work that is predicted to take more memory, such as 500M or 2G.  [default: the machine's]",
    ),
    click.option(
        "--timeout",
        metavar="SECONDS",
        envvar="SEM_TIMEOUT",
        callback=_parsed(parse_seconds),
        help="End with status 6 after this time; no file is left half written.  [default: none]",
    ),
)


def limits_options(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the caller's bounds; the command gets them as `limits`, whose time runs from here."""

    @functools.wraps(f)
    def command(*args: Any, max_pixels: int | None, max_memory: int | None, timeout: float | None, **more: Any) -> Any:
        limits = Limits(max_pixels, max_memory, timeout).start()
        expired = _start_timer(limits)
        try:
            return f(*args, limits=limits, **more)
        except TimeLimitError:
            raise
        except Exception as error:
            if not expired:
                raise
            raise limits.late() from error  # a library has turned the error of the timer into one of its own

    decorated: Callable[..., Any] = command
    for option in reversed(OPTIONS):
        decorated = option(decorated)
    return decorated


def _start_timer(limits: Limits) -> list[float]:
    """Raise `TimeLimitError` at the deadline, wherever the program is, until the command ends.

    Return a list that is empty until then. Most work checks the time itself (`Limits.checked`); this also ends work that
    does not, such as loading a library. It needs a timer of the system (not on Windows), and works in the main thread only.
    """
    expired: list[float] = []
    if limits.until is None or not hasattr(signal, "setitimer"):
        return expired
    if threading.current_thread() is not threading.main_thread():
        return expired

    def late(_signal: int, _frame: Any) -> None:
        expired.append(time.monotonic())
        raise limits.late()

    before = signal.signal(signal.SIGALRM, late)

    def stop() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    click.get_current_context().call_on_close(stop)
    signal.setitimer(signal.ITIMER_REAL, max(0.001, limits.left(limits.timeout or 0)), AGAIN_S)
    return expired
