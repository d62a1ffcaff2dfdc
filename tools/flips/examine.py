# SPDX-License-Identifier: MIT
"""Examine any bytes as a file: inspect, decode, and re-encode what is valid. The outcome is a label of the tally.

    SEM-E-402 …           refused with this error
    ok, absent, unchecked valid and canonical, by the state of its check
    large                 its container is valid; it claims more symbols than are decoded here

Anything else is a `Finding`: another exception, an error that is not as SPEC §17 wants it, bytes that `inspect` leaves
out, an accepted file that is not what encoding its symbols gives, or more time than one run may take.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any, Final

from refcodec.container import Container, read, symbol_count, write
from refcodec.decoder import DecodedFile, decode_container
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.inspection import inspect
from refcodec.networks import package_cache
from refcodec.payloads.coding import CodingContext

CPU_SECONDS: Final = 30.0  # limit of one run
SYMBOLS: Final = 1 << 18  # files that claim more have only their container examined
TEXT_BYTES: Final = 1 << 16


class Finding(AssertionError):
    """A result that no bytes may give."""


class TooLong(BaseException):
    """Raised by the timer; a BaseException, so that no handler in the codec catches it."""


def outcome(data: bytes, environment: Environment, decode: Callable[[Container], str] | None = None) -> str:
    """Return the label of any bytes. `decode`: returns that of a container, by default `decoded`."""
    first = _inspected(data, environment)
    try:
        container = read(data, environment=environment)
        if first is not None:
            raise Finding(f"inspect reports SEM-E-{first}, read accepts")
        if container.complete and write(container) != data:
            raise Finding("reading and writing the file does not reproduce it")
        return decoded(container, environment) if decode is None else decode(container)
    except SemError as error:
        if error.family in ("header", "section", "limit", "unsupported") and first not in (None, error.code):
            raise Finding(f"inspect reports SEM-E-{first}, read SEM-E-{error.code}") from error
        return refused(error, len(data))


def decoded(container: Container, environment: Environment) -> str:
    """Return the label of a container whose payloads are decoded and, if they are valid, encoded again."""
    header, profile = container.header, container.profile
    counts = (
        symbol_count(profile, section.number, header.width, header.height)
        for section in container.sections
        if section.critical
    )
    if max((count or 0 for count in counts), default=0) > SYMBOLS:
        return "large"
    result = decode_container(container, environment)
    _encoded_again(result)
    return result.state


def refused(error: SemError, size: int) -> str:
    """Return the label of an error, after checking that it is one short line about a position within the file."""
    if "\n" in str(error) or len(str(error)) > 2000:
        raise Finding("the message of an error is one short line")
    if error.offset is not None and not 0 <= error.offset <= size:
        raise Finding(f"an error at byte {error.offset} of {size}")
    return error.id


def timed(run: Callable[[], str]) -> tuple[str, float]:
    """Return the label of a run, `!` and a description for a finding, and its CPU time in seconds."""
    begin = time.process_time()
    start_timer()
    try:
        found = run()
    except (Exception, TooLong) as error:  # noqa: BLE001 - whatever it is, it is a finding
        found = f"!{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return found, time.process_time() - begin


def start_timer() -> None:
    """Raise `TooLong` in this process after `CPU_SECONDS`."""
    signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)


def _stop(*_: Any) -> None:
    raise TooLong(f"more than {CPU_SECONDS} s of CPU time")


def _inspected(data: bytes, environment: Environment) -> int | None:
    """Return the code of the first error of the container that `inspect` reports; check that its fields cover the bytes."""
    inspection, bit = inspect(data, environment=environment), 0
    inspection.to_dict()
    for part in inspection.fields:
        if part.offset != bit // 8 or part.bits < 1:
            raise Finding(f"field {part.name} does not start where the previous one ends")
        bit += part.bits
    if bit != 8 * len(data):
        raise Finding(f"{8 * len(data) - bit} bits belong to no field")
    errors = [error.code for error in inspection.errors if error.family not in ("check", "model")]
    return errors[0] if errors else None


def _encoded_again(result: DecodedFile) -> None:
    """Raise `Finding` unless every canonical payload is the body that its symbols are encoded to."""
    header, environment = result.container.header, result.environment
    for section in result.container.sections:
        if not section.critical:
            continue
        value, kind = result.values[section.type], header.profile.kind(section.number)
        value.to_json()
        value.serialise()
        if not value.canonical:
            continue
        parameters, model, backend = header.profile.parameters(kind.id), None, None
        if kind.needs_model(parameters):
            model, backend = _model(result, kind.networks), package_cache.backend("numpy")
        size = (header.width, header.height)
        context = CodingContext(parameters, size, TEXT_BYTES, environment.tables, model, backend)
        if kind.encode(value, context) != section.body:
            raise Finding(f"the symbols of a section of type {section.type} are written with other bytes")


def _model(result: DecodedFile, networks: bool) -> Any:
    """Return the model that a file was decoded with."""
    assert result.folder is not None
    digest = package_cache.model_digest(result.folder)
    if networks:
        return package_cache.symbol_model(result.folder, digest)
    return package_cache.table_model(result.folder, digest, result.environment.kinds)
