# SPDX-License-Identifier: MIT
"""Process states that a caller can be in: each a context manager, entered around the operations in one thread."""

from __future__ import annotations

import decimal
import gc
import io
import locale
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any, Final

import numpy as np

State = Callable[[], AbstractContextManager[Any]]


@contextmanager
def changed(getter: Callable[[], Any], setter: Callable[[Any], Any], value: Any) -> Iterator[None]:
    """Set a value for a block."""
    before = getter()
    setter(value)
    try:
        yield
    finally:
        setter(before)


@contextmanager
def attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute for a block."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _plain() -> AbstractContextManager[Any]:
    return ExitStack()


def _numpy_raises() -> AbstractContextManager[Any]:
    return np.errstate(all="raise")


def _numpy_warnings_as_errors() -> AbstractContextManager[Any]:
    stack = ExitStack()
    stack.enter_context(np.errstate(all="warn"))
    stack.enter_context(_warnings_as_errors())
    return stack


def _numpy_printing() -> AbstractContextManager[Any]:
    return np.printoptions(precision=1, threshold=3, legacy="1.13", sign="+")


@contextmanager
def _decimal_traps() -> Iterator[None]:
    with decimal.localcontext() as context:
        context.prec = 1
        for trap in context.traps:
            context.traps[trap] = True
        yield


@contextmanager
def _recursion() -> Iterator[None]:
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]
    with changed(sys.getrecursionlimit, sys.setrecursionlimit, depth + 120):
        yield


@contextmanager
def _no_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _warnings_as_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@contextmanager
def _alarms() -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, lambda *_: time.sleep(0))
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _closed_stdout() -> AbstractContextManager[Any]:
    stream = io.StringIO()
    stream.close()
    return attribute(sys, "stdout", stream)


def _ascii_streams() -> AbstractContextManager[Any]:
    stack = ExitStack()
    for name in ("stdout", "stderr"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
        stack.enter_context(attribute(sys, name, stream))
    return stack


def _no_streams() -> AbstractContextManager[Any]:
    stack = ExitStack()
    for name in ("stdin", "stdout", "stderr"):
        stack.enter_context(attribute(sys, name, None))
    return stack


@contextmanager
def _deleted_directory() -> Iterator[None]:
    before = os.getcwd()
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    shutil.rmtree(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _umask() -> AbstractContextManager[Any]:
    before = os.umask(0o777)
    stack = ExitStack()
    stack.callback(os.umask, before)
    return stack


@contextmanager
def _few_descriptors() -> Iterator[None]:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = max(int(name) for name in os.listdir("/dev/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 12, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def _comma_locale() -> Iterator[None]:
    before = locale.setlocale(locale.LC_ALL)
    for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "tr_TR.UTF-8", "C"):  # the last one exists everywhere
        with suppress(locale.Error):
            locale.setlocale(locale.LC_ALL, name)
            break
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)


@contextmanager
def _time_zone() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Kathmandu"
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


def _seeds() -> AbstractContextManager[Any]:
    random.seed(5)
    np.random.seed(5)
    return ExitStack()


class _RaisingHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise AssertionError(f"a log record reached the program: {record.getMessage()}")


@contextmanager
def _debug_log() -> Iterator[None]:
    handler = _RaisingHandler(logging.INFO)
    logging.root.addHandler(handler)
    try:
        with changed(lambda: logging.root.level, logging.root.setLevel, logging.DEBUG):
            yield
    finally:
        logging.root.removeHandler(handler)


@contextmanager
def _tracing() -> Iterator[None]:
    before = sys.getprofile()
    sys.setprofile(lambda *_: None)
    try:
        yield
    finally:
        sys.setprofile(before)


@contextmanager
def _upward_rounding() -> Iterator[None]:
    """Round every float operation of this thread towards infinity, as interval arithmetic does."""
    import ctypes

    library = ctypes.CDLL(None)
    before, upward = library.fegetround(), 0x800
    library.fesetround(upward)
    try:
        yield
    finally:
        library.fesetround(before)


PROCESS: Final[dict[str, State]] = {
    "plain": _plain,
    "numpy errors raise": _numpy_raises,
    "numpy warnings as errors": _numpy_warnings_as_errors,
    "numpy printing": _numpy_printing,
    "decimal traps": _decimal_traps,
    "low recursion limit": _recursion,
    "no garbage collector": _no_collector,
    "warnings as errors": _warnings_as_errors,
    "alarms every 2 ms": _alarms,
    "closed stdout": _closed_stdout,
    "ascii streams": _ascii_streams,
    "no standard streams": _no_streams,
    "deleted directory": _deleted_directory,
    "umask 777": _umask,
    "few descriptors": _few_descriptors,
    "decimal comma": _comma_locale,
    "time zone": _time_zone,
    "seeded generators": _seeds,
    "log level DEBUG": _debug_log,
    "profiler": _tracing,
    "640 digits": lambda: changed(sys.get_int_max_str_digits, sys.set_int_max_str_digits, 640),
    "short switch interval": lambda: changed(sys.getswitchinterval, sys.setswitchinterval, 1e-6),
}
