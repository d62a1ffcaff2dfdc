# SPDX-License-Identifier: MIT
"""Decode the variants of a long range-coded text without decoding what they share again and again.

A flip of byte p changes nothing that is decoded before the coder reads byte p. So the original file is decoded once, by
a decoder that forks a child for every variant at the moment when it is about to read the changed byte; the child goes on
with the changed body, reports its outcome and ends. Of 9,952 bytes that takes a twentieth of the time.

Where several files begin with the same bytes and differ at their ends, a child forks once more where they first differ,
and the outcomes of the others are kept until their turn.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from unittest import mock

from refcodec import entropy
from refcodec.container import Container, read
from refcodec.errors import SemError
from tools.flips.cases import Case, Unit, alike, changed, label
from tools.flips.examine import TooLong, decoded, outcome, refused, start_timer, timed

KINDS: Final = ("caption", "consonant")  # whose range-coded bodies are read symbol by symbol
BODY_BYTES: Final = 4096  # shorter bodies are decoded as they are
LOOKAHEAD: Final = 8  # bytes of a body that choose its mode or are read at once

Result = tuple[str, str, float]  # label of the variant, its outcome, CPU seconds (from the changed byte on)
Found = dict[tuple[int, int | None], tuple[str, float]]

_kept: dict[str, Found] = {}  # by the key of a unit whose turn is still to come


def suits(unit: Unit) -> bool:
    """Return whether a unit is part of a long text in compact form."""
    try:
        container = read(unit.case.data, environment=unit.case.environment)
    except SemError:
        return False
    section = container.sections[0]
    compact = not container.header.sectioned and section.name in KINDS and len(section.body) >= BODY_BYTES
    return compact and section.body[0] < 0xF0


def results(unit: Unit) -> Iterator[Result]:
    """Yield the result of every variant of a unit, in any order."""
    data, environment = unit.case.data, unit.case.environment
    explored = _kept.pop(unit.key, None)
    if explored is None:
        explored = _explored(unit)
    for at in range(unit.begin, unit.end):
        for bit in (None, *range(8)):
            name, changed_data = label(at, bit), changed(data, at, bit)
            found, seconds = explored.get((at, bit), ("", 0.0))
            if not found or found.startswith("!"):  # it was not reached, or is to be looked at closely
                yield name, *timed(partial(outcome, changed_data, environment))
                continue
            rest, more = timed(partial(outcome, changed_data, environment, partial(_known, found)))
            yield name, rest, seconds + more


def _explored(unit: Unit) -> Found:
    """Return the outcomes of a unit's variants, and keep those of files that begin alike."""
    container = read(unit.case.data, environment=unit.case.environment)
    start = container.sections[0].body_offset
    window = range(max(unit.begin, start + LOOKAHEAD), unit.end)
    found = _Explorer(unit.case, container, start, window, alike(unit.case)).explore()
    for case in alike(unit.case):
        _kept[Unit(case, unit.begin, unit.end).key] = found[case.name]
    return found[unit.case.name]


def _known(found: str, _: Container) -> str:
    return found


@dataclass
class _Explorer:
    """Forks at each byte of `window`, positions within the file; the body begins at `start`.

    A child is one variant, of `case` and of those of `others` that nothing read so far tells apart.
    """

    case: Case
    container: Container
    start: int
    window: range
    others: list[Case]
    found: dict[str, Found] = field(default_factory=lambda: defaultdict(dict))  # by the name of the case
    done: set[int] = field(default_factory=set)
    pipe: int | None = None  # of a child: where its outcomes go
    variant: tuple[int, int | None] = (0, None)  # of a child: the byte and the bit that are changed
    spent: float = 0.0  # of a child: CPU seconds of the processes that it was forked from, from the change on
    outcomes: dict[str, tuple[str, float]] = field(default_factory=dict)  # of a child: those of its own children

    def explore(self) -> dict[str, Found]:
        """Return the outcome of each variant that was reached."""
        explorer = self

        class Decoder(entropy.Decoder):
            def _byte(self, at: int) -> int:
                explorer.reading(self, explorer.start + at)
                return super()._byte(at)

            def finish(self) -> bytes:
                explorer.part(self, explorer.others)
                return super().finish()

        try:
            with mock.patch.object(entropy, "Decoder", Decoder):
                result = decoded(self.container, self.case.environment)
        except SemError as error:
            position, bit = self.variant
            result = refused(error, position if self.pipe is not None and bit is None else len(self.case.data))
        except (Exception, TooLong) as error:  # in a child, whatever it is, it is a finding
            result = f"!{type(error).__name__}: {error}"
            if self.pipe is None:
                raise
        if self.pipe is not None:
            for case in (self.case, *self.others):  # what was not read cannot make a difference
                self.outcomes[case.name] = result, self.spent + time.process_time()
            os.write(self.pipe, json.dumps(self.outcomes).encode())
            os._exit(0)
        return self.found

    def reading(self, decoder: Any, position: int) -> None:
        """Fork before a byte is read: a child for each variant of it, or of a child, one for each file that differs in it."""
        if self.pipe is not None:
            own = self.case.data[position : position + 1]
            self.part(decoder, [case for case in self.others if case.data[position : position + 1] != own])
        elif position in self.window and position not in self.done:
            self.done.add(position)
            begin = self.case.data[: position + 1]
            same = [case for case in self.others if case.data.startswith(begin)]
            for bit in (None, *range(8)):
                report = self.fork(decoder, self.case, same, (position, bit))
                if report is None:
                    return
                for name, outcome_ in report.items():
                    self.found[name][position, bit] = outcome_

    def part(self, decoder: Any, others: list[Case]) -> None:
        """In a child, fork one of its own for each of these files, which it no longer stands for."""
        if self.pipe is None or self.variant[1] is None:  # prefixes of equal bytes are the same file
            return
        for case in list(others):
            self.others.remove(case)
            report = self.fork(decoder, case, [], self.variant)
            if report is None:
                return
            self.outcomes |= report

    def fork(
        self, decoder: Any, case: Case, others: list[Case], variant: tuple[int, int | None]
    ) -> dict[str, tuple[str, float]] | None:
        """Fork a child that goes on with this variant of `case`; return its report, None in the child itself."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            self.spent += time.process_time() if self.pipe is not None else 0.0
            self.pipe, self.case, self.others, self.variant = writing, case, list(others), variant
            self.outcomes = {}
            decoder._data = changed(case.data, *variant)[self.start :]
            object.__setattr__(self.container.sections[0], "body", decoder._data)  # which its encoding is compared with
            start_timer()
            return None
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            message = stream.read()
        os.waitpid(child, 0)
        lost = {case.name: ("!a child that did not report", 0.0)}
        return {name: tuple(value) for name, value in json.loads(message).items()} if message else lost
