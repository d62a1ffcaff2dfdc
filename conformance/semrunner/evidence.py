# SPDX-License-Identifier: MIT
"""What the verdicts of a run are worth: right answers that show nothing, and programs that do not answer at all.

A decoder without its tables, or with the wrong path of its models, rejects everything with one code. The vectors that
expect this code must not count as passed: a rejection is evidence only beside a similar valid file that is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from semrunner.verdict import Verdict

SIGNALS = ("killed by SIGABRT", "killed by SIGKILL", "killed by SIGSEGV", "killed by SIGTRAP", "killed by SIGBUS")
MEMORY_WORDS = ("AddressSanitizer", "ShadowMemory", "ThreadSanitizer", "MemorySanitizer", "memory", "Memory")
SANITISER = "Sanitizer"  # in the last line of every report of one
LEAK_WORDS = ("byte(s) leaked", "LeakSanitizer")
LEAK_HINT = (
    "LeakSanitizer counts memory that is not freed at the end of the process as an error: set "
    "ASAN_OPTIONS=detect_leaks=0 in front of the command that starts this program"
)
MISSING = {
    "SEM-E-702": "the registry of --registry is not read",
    "SEM-E-801": "the tables of --data or the models of --models are not found",
}


def mark_unproven(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Fail right rejections whose valid counterpart is rejected in the same way; skip them if that is a known failure.

    The counterpart is the file that the vector is made from or, where the suite has none, every valid file that shares
    a payload kind with it.
    """
    valid = {verdict.case.id: verdict for verdict in verdicts if verdict.case.accepted}
    return [_beside_valid(verdict, valid) for verdict in verdicts]


def _beside_valid(verdict: Verdict, valid: dict[str, Verdict]) -> Verdict:
    case, answer = verdict.case, verdict.answer
    if case.accepted or verdict.outcome != "passed":
        return verdict
    if case.base:
        others = [valid[case.base]] if case.base in valid else []
    else:
        others = [other for other in valid.values() if other.case.kinds & case.kinds and other.tier != "H"]
    if not others or not all(_rejected_like(other, verdict) for other in others):
        return verdict
    which = f"the valid {others[0].case.id}" if case.base else f"every valid file with {', '.join(sorted(case.kinds))}"
    why = f"{answer.summary()} is right, but shows nothing: {which} is answered in the same way"
    failed = any(other.outcome == "failed" for other in others)
    return replace(verdict, outcome="failed" if failed else "skipped", why=why, unproven=True)


def _rejected_like(valid: Verdict, verdict: Verdict) -> bool:
    """Return whether a valid input was rejected, with the same code where the code matters."""
    same = not verdict.case.error or valid.answer.error == verdict.answer.error
    return valid.outcome != "passed" and valid.answer.verdict == "reject" and same


def notes(verdicts: Sequence[Verdict], memory: int | None, errors: Sequence[str] = ()) -> Iterator[str]:
    """Yield what a reader of the report must know before the counts.

    memory: limit of the processes in bytes. errors: how processes ended after the last vector, if not as they should.
    """
    broken = [verdict for verdict in verdicts if verdict.answer.verdict == "broken"]
    if broken:
        why, times = Counter(verdict.answer.why for verdict in broken).most_common(1)[0]
        yield (
            f"{len(broken)} of {len(verdicts)} vectors got no valid answer (a crash, a signal, a timeout, a breach of the "
            f"protocol), which says nothing about their rules; most often, {times} times: {why}"
        )
    if hint := LEAK_HINT if leaks_reported(errors) else _cause(verdicts, memory):
        yield hint
    unproven = [verdict for verdict in verdicts if verdict.unproven]
    if unproven:
        code, times = Counter(verdict.answer.summary() for verdict in unproven).most_common(1)[0]
        hint = next((f"; perhaps {text}" for known, text in MISSING.items() if code.startswith(known)), "")
        yield (
            f"{len(unproven)} rejections are right and show nothing, because valid files get the same answer, most often "
            f"{code} ({times} times){hint}"
        )


def explained(verdicts: Sequence[Verdict], memory: int | None) -> bool:
    """Return whether a note, or the report of a sanitiser, states why programs gave no valid answer or rejected all."""
    if _cause(verdicts, memory) or any(SANITISER in verdict.answer.why for verdict in verdicts):
        return True
    return any(verdict.unproven and verdict.answer.error in MISSING for verdict in verdicts)


def _cause(verdicts: Sequence[Verdict], memory: int | None) -> str:
    """Return advice on programs that gave no valid answer because of leaks or the memory limit; "" otherwise."""
    reasons = [verdict.answer.why for verdict in verdicts if verdict.answer.verdict == "broken"]
    if leaks_reported(reasons):
        return LEAK_HINT
    return memory_hint(memory) if memory is not None and _memory_is_short(reasons, len(verdicts)) else ""


def leaks_reported(reasons: Sequence[str]) -> bool:
    """Return whether a sanitiser ended a program because of memory that it had not freed."""
    return any(word in why for why in reasons for word in LEAK_WORDS)


def memory_hint(memory: int) -> str:
    """Return the advice for a program that may have died of its memory limit."""
    return (
        f"memory is limited to {memory >> 20} MB a process: builds with sanitisers and some runtimes reserve more "
        "than they use, and need --memory 0"
    )


def _memory_is_short(reasons: Sequence[str], total: int) -> bool:
    """Return whether the memory limit may be the reason: a message names memory, or every process died of a signal."""
    if any(word in why for why in reasons for word in MEMORY_WORDS):
        return True
    return 0 < len(reasons) == total and all(why.startswith((*SIGNALS, "the process ended")) for why in reasons)
