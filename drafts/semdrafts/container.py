# SPDX-License-Identifier: MIT
"""Let a micro-decoder read files of draft kinds: rows that have them, and their sections (SPEC §5, §6, §15)."""

from __future__ import annotations

from typing import Any

from semdrafts.base import Draft


def extend(micro: Any, drafts: dict[int, Draft]) -> None:
    """Replace the functions of a micro-decoder that list the kinds of version 1. `micro` is a module of its own."""
    is_known, uses, symbols_of, decode = micro.is_known, micro.kinds_with_model, micro.symbols_of, micro.decode_payload

    def row_is_known(binding: Any, profile: int) -> bool:
        try:
            kinds = binding["kinds"]
            return (
                draft_row(micro, drafts, binding, profile) if drafts.keys() & set(kinds) else is_known(binding, profile)
            )
        except (KeyError, TypeError, AttributeError):
            return False

    def kinds_with_model(binding: Any) -> list[int]:
        kinds, parameters = binding["kinds"], binding["parameters"]
        own = [kind for kind in kinds if kind in drafts and drafts[kind].uses_model(parameters[str(kind)])]
        rest: list[int] = uses(binding | {"kinds": [kind for kind in kinds if kind not in drafts]})
        return sorted(own + rest)

    def symbols(kind: int, head: Any) -> int:
        if kind not in drafts:
            return int(symbols_of(kind, head))
        return drafts[kind].symbols(micro.parameters_of(head, kind), head.width, head.height)

    def payload(part: Any, head: Any, package: Any, run: Any) -> Any:
        if part.kind not in drafts:
            return decode(part, head, package, run)
        if package is not None:
            micro.judge_manifest(package, part.kind, head)
        return drafts[part.kind].decode(micro, part, head, package, run)

    micro.is_known, micro.kinds_with_model, micro.symbols_of = row_is_known, kinds_with_model, symbols
    micro.decode_payload = payload
    micro.section = lambda reader, head, before: section(micro, drafts, reader, head, before)


def draft_row(micro: Any, drafts: dict[int, Draft], binding: Any, profile: int) -> bool:
    """SEM-R-032 and SEM-R-033 of a row that has draft kinds."""
    fit, kinds, parameters = binding["fit"], binding["kinds"], binding["parameters"]
    published = [kind for kind in kinds if kind not in drafts]
    forms = {str(kind): micro.PARAMETERS[kind] for kind in published if kind != 1}
    if 1 in kinds:
        forms["1"] = micro.CONSONANT_PARAMETERS[parameters["1"]["code"]]
    with_model = micro.kinds_with_model(binding)
    return (
        set(binding) == micro.BINDING_MEMBERS
        and (kinds == sorted(set(kinds)) and all(type(kind) is int for kind in kinds) and binding["compact"] in kinds)
        and type(binding["compact"]) is int
        and set(fit) == micro.FIT_MEMBERS[fit["rule"]]
        and (fit["rule"] == "none" or (fit["extend"] == "edge" and micro.is_whole(fit["multiple"], 1, 65536)))
        and set(parameters) == {str(kind) for kind in kinds}
        and all(drafts[kind].valid(micro, parameters[str(kind)]) for kind in kinds if kind in drafts)
        and all(set(parameters[kind]) == members for kind, members in forms.items())
        and all(micro.fits(name, parameters[kind]) for kind in forms for name in parameters[kind])
        and (len(with_model) == 1 or (with_model == [] and binding["model"] is None))
        and (micro.is_whole(binding["id"], profile, profile) and micro.is_whole(binding["method"], 1, 5))
        and (binding["colour"] == "srgb8" and (binding["model"] is None or micro.is_digest(binding["model"])))
    )


def section(micro: Any, drafts: dict[int, Draft], reader: Any, head: Any, before: list[Any]) -> Any:
    """SPEC §6, with sections of draft kinds: their types are 0x80 + the number of the kind."""
    start = reader.position
    type_ = reader.u(8)
    if type_ >= 0x80 and not (0x81 <= type_ <= 0x87 or type_ - 0x80 in drafts):  # SEM-R-043
        micro.fail(703, f"SEM-R-043: critical section of unknown type 0x{type_:02X}", start)
    if type_ >= 0x80 and type_ & 0x3F not in head.binding["kinds"]:  # SEM-R-042
        micro.fail(303, f"SEM-R-042: kind {type_ & 0x3F} is not among the profile's kinds", start)
    if before and micro.order(type_) <= micro.order(before[-1].type):  # SEM-R-040, SEM-R-041
        micro.fail(302, f"SEM-R-040, SEM-R-041: type 0x{type_:02X} after type 0x{before[-1].type:02X}", start)
    if head.count == 1 and type_ == 0x80 + head.binding["compact"]:  # SEM-R-045
        micro.fail(304, "SEM-R-045: the only section is of the compact kind", start)
    length = reader.varint()
    micro.judge_body_limits(type_, length, head, start + 1)
    offset = reader.position
    body = reader.bytes(length)
    if type_ in micro.KEY_VALUE_TEXTS:
        micro.key_value_text(body, offset, micro.HINT_FORMS if type_ == micro.HINTS else {})
    check_offset = reader.position
    check = reader.bytes(micro.CHECK_BYTES[head.check_code]) if head.check_code != 0 else None
    return micro.Section(type_, offset, body, check, check_offset)
