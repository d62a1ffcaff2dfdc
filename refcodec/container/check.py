# SPDX-License-Identifier: MIT
"""Compute and verify the keyed check (SPEC §7): the first 2 or 4 bytes of SHA-256( K ‖ H ‖ type ‖ S )."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

from refcodec import registry, spec
from refcodec.container.header import Header, bound_header
from refcodec.container.sections import Section, section_name
from refcodec.errors import Code, SemError
from refcodec.registry import Profile

State = Literal["absent", "ok", "failed", "unchecked"]


def section_check(
    profile: Profile, model_digest: str | None, header: Header, section_type: int, symbols: bytes, bits: int
) -> bytes:
    """Return the check of a section, bits / 8 bytes.

    `symbols`: S, which for ancillary sections is the body. `model_digest`: 64 hexadecimal digits, used for an explicit
    model only; None is enough if the header contains all of it.

    Raises ValueError for a number of bits that no check has, `ModelError` for a digest: MODEL_UNAVAILABLE (SEM-E-801)
    if it is needed and absent, MODEL_DIGEST (SEM-E-802) if it is not the one that the header names.
    """
    if bits not in spec.CHECK_BITS.values():
        raise ValueError(f"no check has {bits} bits")
    explicit = None if header.model_hash is None else _explicit(header, model_digest)
    preimage = registry.key(profile, explicit) + bound_header(header) + bytes([section_type]) + symbols
    return hashlib.sha256(preimage).digest()[: bits // 8]


def section_state(
    header: Header, section: Section, symbols: bytes | None = None, model_digest: str | None = None
) -> State:
    """Return the state of one section's check.

    `symbols`: S, None if the section is not decoded. For an ancillary section the body is used.
    """
    if header.check_bits == 0:
        return "absent"
    covered = symbols if section.critical else section.body
    digest = model_digest or header.model_digest()
    if covered is None or (digest is None and header.model_hash is not None):
        return "unchecked"
    expected = section_check(header.profile, digest, header, section.type, covered, header.check_bits)
    return "ok" if section.check == expected else "failed"


def file_state(states: Sequence[State]) -> State:
    """Combine the states of all sections into that of the file: failed if one is, unchecked if they differ."""
    if "failed" in states:
        return "failed"
    return states[0] if len(set(states)) == 1 else "unchecked"


def verify(
    header: Header, sections: Sequence[Section], symbols: Mapping[int, bytes], model_digest: str | None = None
) -> State:
    """Verify the checks of all sections, the last step of §17 (R-150), and return the state of the file (R-061).

    `symbols`: section type -> S, for the sections that are decoded. Raise CHECK_MISMATCH (SEM-E-501) for the first
    check that differs (R-060).
    """
    states = []
    for index, section in enumerate(sections):
        state = section_state(header, section, symbols.get(section.type), model_digest)
        if state == "failed":
            raise mismatch(header, index, section)
        states.append(state)
    return file_state(states)


def mismatch(header: Header, index: int, section: Section) -> SemError:
    """Return the error for a section whose check differs."""
    path = f"sections[{index}].check" if header.sectioned else "check"
    what = f"the check is {section.check.hex()}, not that of {section_name(section.type, header.profile.known) or 'these bytes'} as decoded here"
    return SemError(Code.CHECK_MISMATCH, what, offset=section.check_offset, path=path)


def _explicit(header: Header, model_digest: str | None) -> str:
    """Return the complete digest of an explicit model, checked against the hash in the header."""
    digest, prefix = model_digest or header.model_digest(), (header.model_hash or b"").hex()
    if digest is None:
        raise SemError(
            Code.MODEL_UNAVAILABLE, f"the check needs the complete digest of the model {prefix}…", path="model_hash"
        )
    if not digest.startswith(prefix):
        raise SemError(
            Code.MODEL_DIGEST, f"the model has the digest {digest}, the file names {prefix}", path="model_hash"
        )
    return digest
