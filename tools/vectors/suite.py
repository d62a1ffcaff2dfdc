# SPDX-License-Identifier: MIT
"""Collect all cases, build their vectors, and lay out the files of test_vectors/."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from refcodec import spec
from refcodec.payloads import kinds
from refcodec.payloads.caption.modes import Caption
from tools.vectors import cases
from tools.vectors.build import build_invalid, build_valid
from tools.vectors.case import MANIFEST_LISTS, Case, InvalidCase, Output, ValidCase
from tools.vectors.dump import dump, example
from tools.vectors.entry import REVISION, common_members, file_members
from tools.vectors.json_files import compact_json, lined_json
from tools.vectors.models import bounds, full, identity, mini
from tools.vectors.pictures import OUT
from tools.vectors.released import revisions
from tools.vectors.vector import Vector


def load_cases() -> Iterator[tuple[str, Case]]:
    """Yield (FOLDER, case) for each of CASES in all modules of `cases/`, in order of module names.

    Modules whose name begins with an underscore are helpers.
    """
    for info in pkgutil.iter_modules(cases.__path__):
        if not info.name.startswith("_"):
            module = import_module(f"{cases.__name__}.{info.name}")
            yield from ((module.FOLDER, case) for case in module.CASES)


class Suite:
    """All cases; vectors are built when they are first needed. Raises SystemExit for a duplicate id of a file."""

    def __init__(self) -> None:
        self.cases = list(load_cases())
        self._files: dict[str, tuple[str, ValidCase | InvalidCase]] = {}
        self._built: dict[str, Vector] = {}
        for folder, case in self.cases:
            if isinstance(case, ValidCase | InvalidCase):
                if case.id in self._files:
                    raise SystemExit(f"duplicate id: {case.id}")
                self._files[case.id] = (folder, case)

    def valid(self, case_id: str) -> ValidCase:
        """Return a valid case by its id."""
        case = self._files[case_id][1]
        assert isinstance(case, ValidCase)
        return case

    def vector(self, case_id: str) -> Vector:
        """Return the vector of a valid or invalid case."""
        if case_id not in self._built:
            folder, case = self._files[case_id]
            if isinstance(case, ValidCase):
                self._built[case_id] = build_valid(case, folder)
            else:
                self._built[case_id] = build_invalid(case, folder, self.vector(case.base))
        return self._built[case_id]

    def picture_cases(self) -> Iterator[ValidCase]:
        """Yield the valid cases of tier P."""
        for _, case in self.cases:
            if isinstance(case, ValidCase) and case.tier == "P":
                yield case

    def output(self, case: Case) -> Output:
        """Return the files and entries of a case."""
        if isinstance(case, ValidCase):
            return self._file_output(self.vector(case.id))
        if isinstance(case, InvalidCase):
            return self._file_output(self.vector(case.id), self.vector(case.base))
        return case.build(self)

    def _file_output(self, vector: Vector, base: Vector | None = None) -> Output:
        files = {f"{vector.path}.sem": vector.data, f"{vector.path}.txt": dump(vector).encode()}
        if vector.trace is not None:
            files[f"{vector.path}.trace.json"] = vector.trace
        entry = vector.to_dict(base)
        if vector.registry is not None:
            return Output(files | {vector.registry.path: vector.registry.document}, (("registries", entry),))
        if not (isinstance(vector.case, ValidCase) and vector.case.encode):
            return Output(files, (("vectors", entry),))
        path, data = f"encode/{vector.case.id}.json", compact_json(encoder_input(vector))
        encoder_entry = {
            "id": f"encode-{vector.case.id}",
            "input": path,
            **file_members(data),
            "output": vector.case.id,
            **common_members((70,), "symbols in, the one file out"),
        }
        return Output(files | {path: data}, (("vectors", entry), ("encode", encoder_entry)))


def encoder_input(vector: Vector) -> dict[str, Any]:
    """Return the symbols and the frame from which an encoder must write the vector."""
    expected = vector.expected or {}
    sections: list[dict[str, Any]] = []
    for entry in expected["sections"]:
        value: Any = vector.values.get(entry["type"])
        if value is None:
            content = {"body": vector.data[entry["offset"] : entry["offset"] + entry["bytes"]].hex()}
        elif kinds.get(entry["type"] & spec.NUMBER).networks:
            content = {"rate": value.rate, "z": value.z.tolist(), "y": value.y.tolist()}
        else:
            content = _caption_members(value) | {"value": value.to_json()}
        sections.append({"type": entry["type"], **content})
    frame = ("profile", "model_hash", "width", "height", "check_bits")
    return {key: expected[key] for key in frame} | {"sections": sections}


def _caption_members(value: Any) -> dict[str, Any]:
    if not isinstance(value, Caption):
        return {}
    return {"mode": value.mode} | ({} if value.candidate is None else {"candidate": value.candidate})


def tree() -> dict[str, bytes]:
    """Return the contents of every generated file by its path in test_vectors/."""
    suite, since = Suite(), revisions()
    files = _models()
    entries: dict[str, list[dict[str, Any]]] = {name: [] for name in MANIFEST_LISTS}
    for _, case in suite.cases:
        output = suite.output(case)
        files |= output.files
        for name, entry in output.entries:
            entries[name].append(entry | {"since": since.get(f"{name}/{entry['id']}", REVISION)})
    files["example.txt"] = example(suite.vector("example")).encode()
    head = {"format": "sem-vectors", "format_version": spec.VERSION, "licence": "CC0-1.0"}
    files["manifest.json"] = lined_json(head | _in_order(entries))
    return files


def _models() -> dict[str, bytes]:
    packages = {mini.NAME: mini.package()[2]} | {name: full.files(name) for name in full.NAMES}
    packages |= {name: bounds.package(name)[2] for name in bounds.NAMES}
    packages |= {name: identity.files(name) for name in identity.NAMES}
    return {f"models/{model}/{name}": data for model, files in packages.items() for name, data in files.items()}


def _in_order(entries: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Sort each list: entries keep their place in the existing manifest.json, new ones follow in the order of cases.

    So a case can move to another module without a change of the manifest.
    """
    path = OUT / "manifest.json"
    existing = json.loads(path.read_bytes()) if path.exists() else {}
    ordered = {}
    for name, new in entries.items():
        places = {entry["id"]: place for place, entry in enumerate(existing.get(name, []))}
        if len({entry["id"] for entry in new}) != len(new):
            raise SystemExit(f"duplicate id in the list {name}")
        ordered[name] = sorted(new, key=lambda entry: places.get(entry["id"], len(places)))
    return ordered
