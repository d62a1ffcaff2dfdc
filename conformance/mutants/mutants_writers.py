# SPDX-License-Identifier: MIT
"""Wrong encoders and editors: refcodec with one error. Each patches the module adapters/refcodec_writer.py."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mutants.mutant import Mutant

Symbols = dict[str, Any]
Patch = Callable[[Any], None]
NEGATIVE_ZERO, NEGATIVE_TINY = "80000000", "80000001"  # binary32 numbers


def written(change: Callable[[bytes], bytes], task: str) -> Patch:
    """Return a patch of the files that a task writes."""

    def patch(adapter: Any) -> None:
        done = adapter.done

        def changed(order: Any, environment: Any) -> Any:
            result = done(order, environment)
            return change(result) if order.task == task else result

        adapter.done = changed

    return patch


def symbols(change: Callable[[Symbols], Symbols]) -> Patch:
    """Return a patch of the symbols before they are encoded."""

    def patch(adapter: Any) -> None:
        encoded = adapter.encoded
        adapter.encoded = lambda given, environment: encoded(change(given), environment)

    return patch


def values(change: Callable[[Any], Any]) -> Patch:
    """Return a patch of the texts before they are encoded."""

    def changed(section: Symbols) -> Symbols:
        return section | {"value": change(section["value"])} if isinstance(section.get("value"), str) else section

    return symbols(lambda given: given | {"sections": [changed(section) for section in given["sections"]]})


def vector(change: Callable[[str], str]) -> Patch:
    """Return a patch of the numbers, in hexadecimal, before they are quantised."""

    def patch(adapter: Any) -> None:
        quantised = adapter.quantised
        adapter.quantised = lambda numbers, b: quantised([change(number) for number in numbers], b)

    return patch


def answers(change: Callable[[Symbols, Symbols], Symbols]) -> Patch:
    """Return a patch that replaces each answer by change(request, correct answer)."""

    def patch(adapter: Any) -> None:
        server = adapter.writer_server
        answer_to = server.answer_to
        server.answer_to = lambda work, request: change(request, answer_to(work, request))

    return patch


def refusals(change: Callable[[Symbols, Symbols], Symbols]) -> Patch:
    """Return a patch of the answers to inputs that are refused."""
    return answers(lambda request, answer: answer if "result" in answer else change(request, answer))


def is_nan(number: str) -> bool:
    """Return whether a binary32 number in hexadecimal is not a number."""
    return int(number, 16) & 0x7FFFFFFF > 0x7F800000


def check_over_body(adapter: Any) -> None:
    """Compute checks over the body in place of S."""
    section_of = adapter.section_of
    adapter.section_of = lambda header, digest, kind, body, _: section_of(header, digest, kind, body, body)


def always_sectioned(adapter: Any) -> None:
    """Write the sectioned form where the compact one is possible."""
    for module in (adapter, adapter.editing):
        module.assemble = _sectioned(module.assemble)


def _sectioned(assemble: Any) -> Any:
    def assembled(header: Any, sections: Any) -> Any:
        container = assemble(header, sections)
        count = len(container.sections)
        return replace(container, header=replace(container.header, sectioned=True, check=None, count=count))

    return assembled


def clamped_candidate(section: Symbols) -> Symbols:
    """Return a section whose candidate lies in the range of three candidates."""
    return section | {"candidate": min(max(section["candidate"], 0), 3)} if "candidate" in section else section


def deep(always: bool) -> Patch:
    """Return a patch of editors that take every edit for one of a critical section, or none."""

    def patch(adapter: Any) -> None:
        edited = adapter.editing._edited
        adapter.editing._edited = lambda container, sections, _, level: edited(container, sections, always, level)

    return patch


def cut_by_stripping(adapter: Any) -> None:
    """Cut a file by removing the sections behind the cut, which lowers the count."""
    editing = adapter.editing

    def cut(container: Any, *, sections: int) -> Any:
        return editing.strip(container, [section.type for section in container.sections[sections:]])

    editing.cut = cut


def without_replacing(adapter: Any) -> None:
    """Keep the section of a file in place of the new one of its type."""
    add = adapter.editing.add

    def kept(container: Any, sections: Any, *, replacing: bool) -> Any:
        there = {section.type for section in container.sections} if replacing else set()
        return add(container, [section for section in sections if section.type not in there])

    adapter.editing.add = kept


def left_out_at_will(request: Symbols, answer: Symbols) -> Symbols:
    """Leave out some inputs of every kind."""
    return {"seq": answer.get("seq"), "skip": "not today"} if len(request["input"]) % 3 == 0 else answer


def crash(_: Symbols, __: Symbols) -> Symbols:
    """End with a traceback."""
    raise KeyError("a traceback in place of a refusal")


def gone(_: Symbols, __: Symbols) -> Symbols:
    """End with status 0."""
    sys.exit(0)


ENCODERS = (
    Mutant("encoder-zero-tail", "a zero byte follows each file", patch=written(lambda data: data + b"\0", "encode"), role="encoder"),
    Mutant("encoder-no-check", "the check is left out", patch=symbols(lambda given: given | {"check_bits": 0}), role="encoder"),
    Mutant("encoder-check-of-body", "checks cover the body in place of S", patch=check_over_body, role="encoder"),
    Mutant("encoder-sectioned", "a lone payload is written in sectioned form", patch=always_sectioned, role="encoder"),
    Mutant("encoder-strips-text", "white space around texts is removed", patch=values(str.strip), role="encoder"),
    Mutant("encoder-nfc", "texts are normalised", patch=values(lambda text: unicodedata.normalize("NFC", text)), role="encoder"),
    Mutant("encoder-candidate-clamped", "candidates out of range are clamped", patch=symbols(lambda given: given | {"sections": [clamped_candidate(section) for section in given["sections"]]}), role="encoder"),
    Mutant("encoder-refuses-all", "every input is refused", patch=answers(lambda request, _: {"refused": request["id"]}), role="encoder"),
    Mutant("encoder-refuses-nothing", "an empty file is written in place of a refusal", patch=refusals(lambda *_: {"result": {"file": ""}}), role="encoder"),
    Mutant("encoder-crashes", "a refusal is a traceback", patch=refusals(crash), role="encoder"),
    Mutant("encoder-gives-up", "a refusal is the end of the process, with status 0", patch=refusals(gone), role="encoder"),
    Mutant("encoder-both", "a refusal comes with a file", patch=refusals(lambda _, answer: answer | {"result": {"file": ""}}), role="encoder"),
    Mutant("encoder-left-out", "some inputs of every kind are left out", patch=answers(left_out_at_will), role="encoder"),
    Mutant("quantise-negative-zero", "negative zero counts as negative", patch=vector(lambda number: NEGATIVE_TINY if number == NEGATIVE_ZERO else number), role="encoder"),
    Mutant("quantise-nan", "what is not a number counts as zero", patch=vector(lambda number: "00000000" if is_nan(number) else number), role="encoder"),
    Mutant("quantise-numbers", "codes are JSON numbers, not strings", patch=answers(lambda _, answer: json.loads(json.dumps(answer), object_hook=lambda item: item | {"codes": [int(code) for code in item["codes"]]} if "codes" in item else item)), role="encoder"),
)  # fmt: skip
EDITORS = (
    Mutant("editor-copies", "the file is returned as it is", patch=lambda adapter: setattr(adapter, "edited", lambda data, *_: data), role="editor"),
    Mutant("editor-keeps-unknown", "no edit removes unknown sections", patch=deep(False), role="editor"),
    Mutant("editor-drops-unknown", "every edit removes the unknown sections that a change of a payload removes", patch=deep(True), role="editor"),
    Mutant("editor-cut-count", "a cut lowers the count of sections", patch=cut_by_stripping, role="editor"),
    Mutant("editor-adds-only", "a new section does not replace one of its type", patch=without_replacing, role="editor"),
    Mutant("editor-sectioned", "a file that one payload is left of stays in sectioned form", patch=always_sectioned, role="editor"),
    Mutant("editor-check-of-body", "checks of new sections cover the body in place of S", patch=check_over_body, role="editor"),
)  # fmt: skip
WRITERS = (*ENCODERS, *EDITORS)
