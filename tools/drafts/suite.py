# SPDX-License-Identifier: MIT
"""Collect rows, models and cases of all drafts, and lay out the files of drafts/vectors."""

from __future__ import annotations

import json
import pkgutil
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from refcodec import spec
from refcodec.environment import Environment
from refcodec.networks.package import build_model, read_manifest, symbol_digest
from refcodec.payloads.kinds import WITH_DRAFTS
from tools.drafts import cases
from tools.drafts.case import Built, DraftCase, DraftRow, Package
from tools.vectors.json_files import lined_json
from tools.vectors.models import package_files

OUT: Final = Path(__file__).resolve().parents[2] / "drafts" / "vectors"
LISTS: Final = ("vectors", "models", "registries")


def modules() -> Iterator[Any]:
    """Yield the module of each draft, in order of names."""
    for info in pkgutil.iter_modules(cases.__path__):
        yield import_module(f"{cases.__name__}.{info.name}")


def models() -> dict[str, Package]:
    """Return the packages of all drafts by name: `symbols` and tensors."""
    return {name: make() for module in modules() for name, make in module.MODELS.items()}


def trained() -> dict[str, Path]:
    """Return the folders of trained packages of all drafts by name; their files are not generated, and stay."""
    return {name: OUT / "models" / name for module in modules() for name in getattr(module, "TRAINED", ())}


def registry(packages: dict[str, Package]) -> dict[int, dict[str, Any]]:
    """Return the rows of all drafts by id. Raises ModelError for one that names a model of another form."""
    digests = {name: symbol_digest(read_manifest(folder)["symbols"]) for name, folder in trained().items()}
    for name, (symbols, tensors) in packages.items():
        whole = symbols | {"tensors": package_files.declare(tensors)}
        build_model(whole, tensors, WITH_DRAFTS)
        digests[name] = symbol_digest(whole)
    rows: list[DraftRow] = sorted((row for module in modules() for row in module.ROWS), key=lambda row: row.id)
    return {row.id: row.to_json(None if row.model is None else digests[row.model]) for row in rows}


def tree() -> dict[str, bytes]:
    """Return the contents of every file by its path in drafts/vectors."""
    packages = models()
    rows = registry(packages)
    files = {"registry.json": (json.dumps({"version": 1, "profiles": [*rows.values()]}, indent=1) + "\n").encode()}
    for name, (symbols, tensors) in packages.items():
        whole = symbols | {"tensors": package_files.declare(tensors)}
        files[f"models/{name}/manifest.json"] = package_files.manifest(name, whole, "Not trained: for judging a draft.")
        files[f"models/{name}/symbols.safetensors"] = package_files.safetensors(tensors)
    for name, package in trained().items():
        files |= {f"models/{name}/{path.name}": path.read_bytes() for path in sorted(package.iterdir())}
    entries: dict[str, list[dict[str, Any]]] = {name: [] for name in LISTS}
    with tempfile.TemporaryDirectory() as folder:
        for path, data in files.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_bytes(data)
        environment = Environment().with_drafts(Path(folder) / "registry.json").with_packages(Path(folder) / "models")
        built = Built(environment, packages, rows, {})
        for case_folder, case in all_cases():
            output = case.build(case_folder, built)
            files |= output.files
            for name, entry in output.entries:
                entries[name].append(entry)
    head = {"format": "sem-vectors", "format_version": spec.VERSION, "licence": "CC0-1.0"}
    files["manifest.json"] = lined_json(head | entries)
    return files


def all_cases() -> Iterator[tuple[str, DraftCase]]:
    """Yield (folder, case) of every draft."""
    for module in modules():
        for case in module.CASES:
            yield module.FOLDER, case
