# SPDX-License-Identifier: MIT
"""Describe an inspection in words, for the text and the HTML page of `semtool inspect`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from refcodec import spec
from refcodec.errors import REMEDIES

if TYPE_CHECKING:
    from refcodec.cli.deep_check import DeepCheck
    from refcodec.inspection import Field, Inspection
    from refcodec.registry import Registry

SHOWN_TEXT = 200  # characters of a text that are shown
SHOWN_HEX = 32  # digits of other bytes that are shown
_BROKEN = {4: ", unsupported", 5: ", model not available", 6: ", over the limits", 7: ", not decoded"}  # by exit status


def title(inspection: Inspection, deep: DeepCheck | None = None) -> str:
    """Return one line about the file: version, method, size and state. deep: what decoding the payloads has given."""
    if inspection.format_version is None:
        return "not a .sem file"
    size = f", {inspection.width}x{inspection.height}" if inspection.width else ""
    broken = "" if inspection.complete else ", incomplete"
    errors = inspection.errors or (() if deep is None or deep.error is None else (deep.error,))
    if errors:
        broken = _BROKEN.get(errors[0].status, ", broken")
    return f".sem version {inspection.format_version}, {inspection.method or 'unknown method'}{size}{broken}"


def facts(inspection: Inspection, deep: DeepCheck | None = None) -> list[tuple[str, str]]:
    """Return (name, text) for everything that is not a field. A name may occur several times.

    deep: what decoding the payloads has given.
    """
    size = f"{inspection.file_bytes} bytes"
    if inspection.width and inspection.height:
        share = 100 * inspection.overhead_bytes / max(1, inspection.file_bytes)
        size = f"{rate_text(inspection.file_bytes, inspection.width, inspection.height)}, {inspection.overhead_bytes} overhead ({share:.1f} %)"
    out = [("file", size)]
    if inspection.format_version is not None:
        model = inspection.model
        if model.digest is not None:
            digest = model.digest[:16] + ("…" if len(model.digest) > 16 else "")
            where = "available" if model.available else "not available here"
            out.append(("model", f"{model.name or 'unlisted'}, {digest}, {where}"))
        out.append(("check", _check(inspection, deep)))
        canonical = inspection.canonical if deep is None else deep.canonical
        unknown = "not known without decoding (semtool verify)" if deep is None else "not known"
        out.append(("canonical", {None: unknown, True: "yes", False: "no"}[canonical]))
        if scope := _scope(inspection, deep):
            out.append(("checked", scope))
    pixels = (inspection.width or 0) * (inspection.height or 0)
    for section in inspection.sections:
        rate = f", {1e6 * section.bits / pixels:.0f} µbpp" if pixels else ""
        share = 100 * section.bytes / max(1, inspection.file_bytes)
        word = "" if section.critical else " (ancillary)"
        name = section.kind or "unknown kind"
        out.append(("section", f"{name}{word}: {section.bytes} bytes at {section.offset}{rate}, {share:.1f} %"))
    if inspection.format_version is not None and not inspection.complete:
        out.append(("missing", "the file ends before the last section that its header announces"))
    for error in (*inspection.errors, *(() if deep is None or deep.error is None else (deep.error,))):
        where = "" if error.offset is None else f" at byte {error.offset}"
        field = "" if error.path is None else f" in {error.path}"
        remedy = "" if error.hint == REMEDIES[error.code] else f"; {error.hint}"
        out.append(("error", f"{error.id} {error.name}: {error.what}{field}{where}{remedy}"))
    return out


def split(name: str) -> tuple[str, str]:
    """Return the section of a field, as in `sections[0]` or empty, and the rest of its name."""
    part, dot, rest = name.partition(".")
    return (part, rest) if dot else ("", name)


def value_text(field: Field) -> str:
    """Return the value of a field, shortened to fit on a line."""
    value = str(field.value)
    if field.name.endswith((".key", ".value")):
        return value if len(value) <= SHOWN_TEXT else value[:SHOWN_TEXT] + "…"
    return value if len(value) <= SHOWN_HEX else value[:SHOWN_HEX] + "…"


def meaning(field: Field, inspection: Inspection, rows: Registry) -> str:
    """Return what a number in the file stands for, empty if the number needs no explanation."""
    name, value = field.name.rpartition(".")[2], field.value
    if not isinstance(value, int):
        return ""
    if name == "check_code":
        return f"{spec.CHECK_BITS[value]} bits" if value in spec.CHECK_BITS else ""
    if name == "hash_code":
        return f"{spec.HASH_BYTES[value]} bytes" if value in spec.HASH_BYTES else ""
    if name in ("profile", "base_profile"):
        return _profile(value, rows)
    if name == "dim_class":
        return "both sides follow" if value == spec.DIM_EXPLICIT else f"{inspection.width}x{inspection.height}"
    if name in ("width_minus_1", "height_minus_1"):
        return f"{name.partition('_')[0]} {value + 1}"
    if name == "number":
        index = int(field.name.partition("[")[2].partition("]")[0])
        return (inspection.sections[index].kind or "unknown") if index < len(inspection.sections) else ""
    if name == "count_minus_1":
        return f"{value + 1} section{'s' if value else ''}"
    return ""


def hex_lines(data: bytes, offset: int, bits: int) -> Iterator[str]:
    """Yield every byte of a field in hexadecimal, 16 a line."""
    end = min(len(data), offset + (bits + 7) // 8)
    yield from (data[i : min(i + 16, end)].hex(" ") for i in range(offset, end, 16))


def _scope(inspection: Inspection, deep: DeepCheck | None) -> str:
    """Return how far the file has been checked, empty if an error of header or sections says so already."""
    if inspection.errors or not any(section.critical for section in inspection.sections):
        return ""
    if deep is None:
        return "header and sections alone, without a model; a payload may be truncated or damaged (--deep decodes them)"
    if deep.error is None:
        return "header, sections and payloads"
    return "header and sections; decoding the payloads ended in the error below"


def _check(inspection: Inspection, deep: DeepCheck | None) -> str:
    if not inspection.check.bits:
        return "none" if inspection.check.bits == 0 else "unknown"
    state: str = inspection.check.state
    if deep is not None:
        state = deep.check or "not verified"
    elif state == "unchecked":
        state = "not computed without decoding (semtool verify)"
    return f"{inspection.check.bits} bits, {state}"


def _profile(number: int, rows: Registry) -> str:
    from refcodec.errors import SemError

    if number == spec.PROFILE_EXPLICIT:
        return "explicit model"
    if number == spec.PROFILE_EXTENDED:
        return "extended"
    try:
        return rows.get(number).name
    except SemError:
        return "not in this registry"


def rate_text(data: int, width: int, height: int) -> str:
    """Return the size of a file of `data` bytes, in bytes and bits per pixel."""
    bpp = 8 * data / (width * height)
    return f"{data} bytes, {bpp:.4f} bpp ({bpp * 1e6:.0f} µbpp)"
