# SPDX-License-Identifier: MIT
"""Write the manifest of a contributed folder from its cases, with what the reference decoder reports.

cases.json is a list of objects:

    id, file, note, rules       of every vector; `file` is relative to the folder, `rules` a list of SEM-R-nnn
    error, repaired             of a file that must be rejected: the code SEM-E-nnn, and the id of the valid file
    registry                    another registry to read it with, in place of registry.json
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from refcodec import spec
from refcodec.canonical_json import parse_json
from refcodec.container import file_state, section_state
from refcodec.decoder import DecodedFile, decode_file, explicit_digest
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.fileio import read_settings, write_atomic
from refcodec.registry import Registry
from tools.contribution.packages import FOLDER as MODELS
from tools.contribution.rows import FILE as REGISTRY
from tools.vectors.build import value_members
from tools.vectors.edits import Edit
from tools.vectors.entry import REVISION, file_members
from tools.vectors.features import features, stage
from tools.vectors.json_files import lined_json

CASES: Final = "cases.json"
FILE_BYTES_MAX: Final = 1 << 26  # that of a file of level 1
MANIFEST: Final = "manifest.json"
NETWORKS: Final = ("sketch", "elic")


def write(folder: Path) -> int:
    """Write FOLDER/manifest.json; return the number of vectors. SystemExit if a case is not as the decoder decodes it."""
    cases = parse_json(own_file(folder, CASES))
    environment = Environment(Registry.parse(own_file(folder, REGISTRY)), package_folders=(folder / MODELS,))
    by_id = {case["id"]: case for case in cases}
    lists: dict[str, list[dict[str, Any]]] = {"vectors": [], "registries": []}
    for case in cases:
        entry = _entry(folder, case, by_id, environment)
        lists["registries" if "registry" in case else "vectors"].append(entry)
    head = {"format": "sem-vectors", "format_version": spec.VERSION, "licence": "CC0-1.0"}
    document = head | {name: entries for name, entries in lists.items() if entries}
    write_atomic(folder / MANIFEST, lined_json(document))
    return len(cases)


def own_file(folder: Path, name: str) -> bytes:
    """Return the bytes of a regular file of a contribution. Raise SemError, or ValueError for one outside its folder."""
    if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"{name!r} is not a file of the folder")
    if not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name!r} leads out of the folder")
    return read_settings(folder / name, FILE_BYTES_MAX, "a file of a contribution")


def _entry(
    folder: Path, case: Mapping[str, Any], by_id: Mapping[str, Mapping[str, Any]], environment: Environment
) -> dict[str, Any]:
    data = own_file(folder, case["file"])
    entry = {"id": case["id"], "file": case["file"], **file_members(data), "tier": "S", "rules": case["rules"]}
    entry |= {"note": case["note"], "since": REVISION, "until": None}
    own = environment
    if "registry" in case:
        document = own_file(folder, case["registry"])
        own = replace(environment, registry=Registry.parse(document))
        digest = hashlib.sha256(document).hexdigest()
        entry["registry"] = {"file": case["registry"], "sha256": digest}
    if "error" not in case:
        report = expected(decode_file(data, environment=own))
        tier = "L" if any(section["kind"] in NETWORKS for section in report["sections"]) else "S"
        return entry | {"tier": tier, "expect": "accept", "expected": report, "features": features(data, report)}
    code = _error(data, own)
    if f"SEM-E-{code}" != case["error"]:
        raise SystemExit(
            f"{case['id']}: the reference decoder gives {f'SEM-E-{code}' if code else 'no error'}, not {case['error']}"
        )
    valid = own_file(folder, by_id[case["repaired"]]["file"])
    report = expected(decode_file(valid, environment=environment))
    tier = "L" if any(section["kind"] in NETWORKS for section in report["sections"]) else "S"
    entry |= {"tier": tier, "expect": "reject", "error": case["error"], "status": SemError(code, "").status}
    entry |= {"stage": stage(code, tier, bool(valid[2] & 2)), "repaired": case["repaired"]}
    entry |= {} if data == valid else {"edits": [shortest_edit(valid, data).to_dict()]}
    return entry | {"features": features(valid, report, code)}


def _error(data: bytes, environment: Environment) -> int:
    try:
        decode_file(data, environment=environment)
    except SemError as error:
        return int(error.code)
    return 0


def shortest_edit(valid: bytes, invalid: bytes) -> Edit:
    """Return the shortest edit that makes the invalid file of the valid one."""
    shorter = min(len(valid), len(invalid))
    head = next((i for i in range(shorter) if valid[i] != invalid[i]), shorter)
    tail = next((i for i in range(shorter - head) if valid[-1 - i] != invalid[-1 - i]), shorter - head)
    return Edit(head, valid[head : len(valid) - tail], invalid[head : len(invalid) - tail])


def expected(decoded: DecodedFile) -> dict[str, Any]:
    """Return the member `expected` of the manifest for a decoded file."""
    container, header = decoded.container, decoded.container.header
    digest = explicit_digest(header, decoded.environment)
    sections, states = [], []
    for section in container.sections:
        value = decoded.values.get(section.type)
        s = section.body if value is None else value.serialise()
        states.append(section_state(header, section, s, digest))
        entry = {"type": section.type, "kind": section.name, "offset": section.body_offset, "bytes": len(section.body)}
        entry |= {"check": states[-1]} | ({} if value is None else value_members(value))
        sections.append(entry | {"sha256": hashlib.sha256(s).hexdigest()})
    return {
        "width": header.width,
        "height": header.height,
        "profile": header.row_id,
        "model_hash": None if header.model_hash is None else header.model_hash.hex(),
        "check_bits": header.check_bits,
        "complete": container.complete,
        "check": file_state(states),
        "sections": sections,
    }
