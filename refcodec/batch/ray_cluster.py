# SPDX-License-Identifier: MIT
"""The machines of a batch: a running cluster of Ray, or Ray on this machine alone, started quietly and removed at the end."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from refcodec.batch.ray_store import missing, reason
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.networks.threads import cores
from refcodec.process_settings import SharedSettings, Undo
from refcodec.temporary_files import create_folder, remove_folders, remove_stale

PATH_MAX: Final = (
    16  # bytes: the path of a socket has at most 107, and Ray's have 90 below the folder of temporary files
)
KNOCK_S: Final = 10.0
REMOVALS: Final = 20
REMOVAL_S: Final = 0.25
STORE_BYTES: Final = 256 << 20  # of Ray's object store on this machine, and as much for every eight workers
# No usage statistics; nothing on the standard streams but what this program prints, which may be JSON.
QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",
}

TOKENS: Final = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@dataclass(frozen=True)
class Cluster:
    """Where a batch runs, and with how many workers; None: as many as processors, or GPUs, allow.

    address: of a running cluster, "auto" for the one of this machine; None: Ray is started for this batch alone.
    threads: of each worker. gpus: of each worker, also a part of one.
    """

    address: str | None = None
    workers: int | None = None
    threads: int = 1
    gpus: float = 0.0

    def most_workers(self, ray: Any) -> int:
        """Return the number of workers. Raises DEPENDENCY_MISSING if a machine alone has no GPU for them."""
        resources = ray.cluster_resources()
        if self.gpus and self.address is None and resources.get("GPU", 0) < self.gpus:
            hint = "leave --gpus-per-worker out, or name a cluster with --address"
            raise SemError(Code.DEPENDENCY_MISSING, "this machine has no GPU that Ray sees", hint=hint)
        by_gpu = int(resources.get("GPU", 0) / self.gpus) if self.gpus else None
        return max(1, self.workers or by_gpu or int(resources.get("CPU", 1)) // self.threads)


@contextmanager
def connected(cluster: Cluster) -> Iterator[Any]:
    """Yield the module ray, connected. Raises DEPENDENCY_MISSING, or CANNOT_READ if there is no such cluster.

    A connection that the caller's program has is used, and stays. The handler of SIGTERM, which Ray replaces, and the
    level of its logger are put back.
    """
    with ExitStack() as stack:
        stack.enter_context(_environment(QUIET))
        if cluster.address is None:
            _set_token()
        try:
            import ray
            import ray.data
        except ImportError as error:
            raise missing("ray.data") from error
        if ray.is_initialized():
            yield ray
            return
        if cluster.address is not None:
            _knock(cluster.address)
        folder = None if cluster.address is not None else stack.enter_context(_temporary_folder())
        stack.callback(_shut_down, ray)
        try:
            with _own_sigterm(), _SILENT_STDERR.changed():
                _start(ray, cluster, folder)
        except Exception as error:  # Ray raises bare ones, too, for a start that takes too long
            raise _no_cluster(cluster.address, error) from error
        stack.enter_context(_SILENT_LOGGER.changed())
        yield ray


def _knock(address: str) -> None:
    """Raise CANNOT_READ if nothing answers at the address, for which Ray would wait for minutes."""
    url = urlsplit(address if "://" in address else f"//{address}")
    try:
        if url.hostname is not None and url.port is not None:
            socket.create_connection((url.hostname, url.port), timeout=KNOCK_S).close()
    except (OSError, ValueError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str | None, error: Exception) -> SemError:
    what = f"Ray cannot be {'started' if address is None else f'reached at {shown(address)}'}: {reason(error)}"
    return SemError(Code.CANNOT_READ, what, hint="see docs/scaling.md")


def _start(ray: Any, cluster: Cluster, folder: str | None) -> None:
    """Connect to the cluster, or start Ray on this machine with its files in a folder."""
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if folder is None:
        ray.init(address=cluster.address, **quiet)
        return
    workers = cluster.workers or cores()
    ray.init(
        address="local",
        num_cpus=max(cores(), workers * cluster.threads),
        include_dashboard=False,
        object_store_memory=STORE_BYTES * (1 + workers // 8),
        _temp_dir=folder,
        **quiet,
    )


def _shut_down(ray: Any) -> None:
    with suppress(Exception):
        ray.shutdown()


def _set_token() -> None:
    """Set a token for this process and its workers alone, so that other users of the machine cannot run code in them.

    Ray reads the variables when it is first imported, and keeps them. A token of the caller stays.
    """
    if "ray" not in sys.modules and not any(name in os.environ for name in TOKENS):
        os.environ.update({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)})


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Put the handler of SIGTERM back after the block, which other threads than the main one cannot change.

    A handler that was not set by Python is unknown to it, and cannot be put back.
    """
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _drop_stderr() -> list[Undo]:
    """Drop what C++ code writes to standard error; errors are raised."""
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        return []
    if sys.stderr is not None:
        sys.stderr.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)

    def restore() -> None:
        os.dup2(kept, 2)
        os.close(kept)

    return [restore]


def _silence_logger() -> list[Undo]:
    logger = logging.getLogger("ray.data")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    return [lambda: logger.setLevel(level)]


_SILENT_STDERR: Final = SharedSettings(_drop_stderr)
_SILENT_LOGGER: Final = SharedSettings(_silence_logger)


@contextmanager
def _temporary_folder() -> Iterator[str]:
    """Yield a folder for Ray's logs and sockets, which is removed at the end; remove those of killed processes."""
    top = next(
        (each for each in (tempfile.gettempdir(), "/tmp") if len(os.fsencode(each)) <= PATH_MAX), tempfile.gettempdir()
    )
    remove_stale(top)
    made: list[str] = []
    descriptor = None
    try:
        try:
            descriptor, folder = create_folder(top, made)
            yield folder
        finally:
            for _ in range(REMOVALS):  # processes that are ending may still write
                remove_folders(made)
                if not any(map(os.path.exists, made)):
                    break
                time.sleep(REMOVAL_S)
    finally:
        remove_folders(made)  # again, since a signal may have ended the first removal
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables for Ray and the processes that it starts; those that the caller has set stay."""
    new = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)
