# SPDX-License-Identifier: MIT
"""Mutants that read SPEC §2, §5, §6 and §17.1 in ways that vectors of release 1.0.0 did not rule out."""

from __future__ import annotations

from mutants.mutants_parser import m

JSON = (
    m("json-mark", "a byte order mark before JSON is skipped", "registries models", 'text.decode("utf-8"), object_pairs_hook', 'text.decode("utf-8-sig"), object_pairs_hook'),
    m("json-latin", "JSON that is not UTF-8 is read", "registries", 'text.decode("utf-8"), object_pairs_hook', 'text.decode("utf-8", "replace"), object_pairs_hook'),
    m("json-last-member", "the last of several members of one name counts", "registries models", "if len(dict(pairs)) != len(pairs):", "if False:"),
    m("json-names-raw", "names are compared before their escapes are resolved", "registries models",
      "if len(dict(pairs)) != len(pairs):", 'if len(dict(pairs)) != len(pairs) and b"\\\\u" not in text:'),
    m("json-minus-0", "-0 is not an integer", "registries", "        return int(digits)\n", '        return -0.0 if digits == "-0" else int(digits)\n'),
    m("json-fraction", "a fraction of 0 is dropped", "registries", "parse_int=integer,", "parse_int=integer, parse_float=lambda x: int(float(x)),"),
    m("json-spelling", "K is taken over the text of a value with escapes", "registries",
      "text.decode(\"utf-8\"), object_pairs_hook", "text.decode(\"utf-8\").replace(chr(92) + \"u\", \"u\"), object_pairs_hook"),
)  # fmt: skip

DOCUMENTS = (
    m("document-version", "the version of a registry is not checked", "registries", 'if not is_whole(document["version"], 1, 1):', "if False:"),
    m("document-version-loose", "true is version 1", "registries", 'if not is_whole(document["version"], 1, 1):', 'if document["version"] != 1:'),
    m("document-last-row", "the last row of an id counts", "registries", "if len(bindings) != len(rows):", "if False:"),
    m("document-other-ids", "rows without an id are passed over", "registries",
      'or not all(isinstance(row, dict) and type(row["id"]) is int for row in rows):', "or False:",
      'for row in rows}', 'for row in rows if isinstance(row, dict) and type(row.get("id")) is int}',
      "if len(bindings) != len(rows):", "if False:"),
    m("status-withdrawn", "withdrawn rows are left out", "registries", "for row in rows}", 'for row in rows if row.get("status") != "withdrawn"}'),
    m("status-drafts", "rows that are published need a recommendation", "registries",
      "for row in rows}", 'for row in rows if row.get("status") != "published" or row.get("recommended")}'),
    m("fit-extends-indices", "indices cover the picture extended by `fit`", "registries",
      "return -(-head.height // stride), -(-head.width // stride)",
      'm = head.binding["fit"].get("multiple", 1)\n    return -(-head.height // m) * m // stride, -(-head.width // m) * m // stride'),
    m("fit-extends-latents", "latents cover the picture extended by `fit`", "registries",
      "4 * -(-head.height // 64), 4 * -(-head.width // 64)",
      '-(-head.height // head.binding["fit"].get("multiple", 64)) * head.binding["fit"].get("multiple", 64) // 16, 4 * -(-head.width // 64)'),
    m("modes-twice", "a mode may be listed twice", "registries", "value == [mode for mode in known if mode in value]",
      "all(mode in known for mode in value) and value == sorted(value, key=known.index)"),
    m("tables-of-modes", "a row without zstd needs no dictionary", "registries",
      "wanted = {str(kind): PARAMETERS[kind] for kind in kinds if kind != 1}",
      'wanted = {str(kind): PARAMETERS[kind] - ({"dictionary"} - set(parameters["2"]) if kind == 2 else set()) for kind in kinds if kind != 1}'),
    m("digests-in-capitals", "digests of tables may be in capitals", "registries",
      'return name == "code" or is_digest(value)', 'return name == "code" or is_digest(value.lower())'),
    m("digests-of-any-length", "digests of tables have any length", "registries",
      'return name == "code" or is_digest(value)', 'return name == "code" or re.fullmatch("[0-9a-f]+", value) is not None'),
)  # fmt: skip

ORDERS = (
    m("varint-three", "a varint has three bytes at most", "header", "for _ in range(3):", "for _ in range(2):"),
    m("sides-at-once", "sides are compared with their limit before the header is read to its end", "sections",
      "    h = bytearray(data[: reader.position])", "    if max(width, height) > 16384:\n        fail(601, \"\", size_offset)\n    h = bytearray(data[: reader.position])"),
    m("pixels-at-once", "pixels are, too", "sections",
      "    h = bytearray(data[: reader.position])", "    if max(width, height) <= 16384 and width * height > 2**25:\n        fail(602, \"\", size_offset)\n    h = bytearray(data[: reader.position])"),
    m("entries-at-once", "keys are compared before the body is there entire", "sections",
      "    body = reader.bytes(length)\n    if type_",
      '    if type_ in KEY_VALUE_TEXTS and length > len(data := reader.data[offset:]):\n'
      "        try:\n            key_value_text(data, offset, {})\n        except SemError as error:\n"
      '            if "SEM-R-049" in error.message:\n                raise\n'
      "    body = reader.bytes(length)\n    if type_"),
    m("entries-after-check", "entries are validated behind the check of their section", "sections",
      "    body = reader.bytes(length)\n    if type_", "    body = reader.bytes(length)\n    if False and type_",
      "    return Section(type_, offset, body, check, check_offset)",
      "    if type_ in KEY_VALUE_TEXTS:\n        key_value_text(body, offset, HINT_FORMS if type_ == HINTS else {})\n    return Section(type_, offset, body, check, check_offset)"),
)  # fmt: skip

READINGS = (*JSON, *DOCUMENTS, *ORDERS)
