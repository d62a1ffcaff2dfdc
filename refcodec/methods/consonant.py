# SPDX-License-Identifier: MIT
"""Method 2, `consonant` (Dotzel et al. 2024): a text without its vowels (SPEC §13.1)."""

from __future__ import annotations

from refcodec import spec
from refcodec.methods.given import Job, Made, row
from refcodec.payloads import checked, consonant
from refcodec.text.normalise import normalise
from refcodec.writing import Payload

ACCEPTS = frozenset({"text", "codes"})


def ready(job: Job) -> Made:
    """One payload, of the text with all but its consonants dropped or of codes 0 … 15; ValueError for what cannot be."""
    notices: list[str] = []
    if job.given.text is not None and job.given.codes is not None:
        raise ValueError("give the text or its codes, not both")
    if job.given.text is not None:
        made = normalise(job.given.text, strict=job.strict)
        value = made.consonants
        if made.changes:
            counted = ", ".join(f"{count} {kind}" for kind, count in made.counts.items())
            notices.append(f"sent as {value.text!r} (changes: {counted})")
    else:
        value = consonant.Consonants(bytes(checked(row(job.given.codes, "codes"), 16, "codes")))
    body = consonant.encode(value.codes, job.parameters(spec.CONSONANT))
    return [Payload(spec.CONSONANT, body, value)], notices
