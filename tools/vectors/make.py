# SPDX-License-Identifier: MIT
"""The only writer of test_vectors/, from the recipes beside it.

    python -m tools.vectors.make            which files would change; exit status 1 if any
    python -m tools.vectors.make --accept   write them

By hand are only README.md, LICENSE, manifest.schema.json, the models of `tiny.py` and the pictures of `spread.py`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from refcodec import spec
from refcodec.environment import Environment
from refcodec.payloads import kinds
from refcodec.registry import Registry
from tools.vectors import (
    edges,
    full,
    mini,
    recipes_agree,
    recipes_base,
    recipes_bounds,
    recipes_caption,
    recipes_caption_faults,
    recipes_codes,
    recipes_consonant,
    recipes_edit,
    recipes_elic,
    recipes_full,
    recipes_header,
    recipes_hints,
    recipes_history,
    recipes_mangled,
    recipes_model,
    recipes_mutants,
    recipes_paint,
    recipes_quantise,
    recipes_refuse,
    recipes_registry,
    recipes_sections,
    recipes_sketch,
    recipes_small,
    recipes_variants,
    tiny,
)
from tools.vectors.build import OUT, fault, valid
from tools.vectors.dump import dump, example
from tools.vectors.recipes_coder import STREAMS
from tools.vectors.vector import Fault, Valid, Vector, digests, shared

ROOT: Final = Path(__file__).resolve().parents[2]


LISTS: Final = (
    "vectors",
    "models",
    "registries",
    "painters",
    "encode",
    "refuse",
    "edit",
    "history",
    "coder",
    "quantise",
)
Recipes = dict[str, tuple[Valid | Fault, ...]]

GROUPS: Final[Recipes] = {
    "header": (
        *recipes_header.VALID,
        *recipes_base.VALID,
        *recipes_header.FAULTS,
        *recipes_base.FAULTS,
        *recipes_mutants.HEADER,
    ),
    "sections": (
        *recipes_sections.VALID,
        *recipes_hints.VALID,
        *recipes_edit.VALID,
        *recipes_sections.FAULTS,
        *recipes_hints.FAULTS,
    ),
    "consonant": (*recipes_consonant.VALID, *recipes_consonant.FAULTS),
    "caption": (
        *recipes_caption.VALID,
        *recipes_caption_faults.FAULTS,
        *recipes_mutants.CAPTION,
        *recipes_bounds.CAPTION,
        *recipes_agree.CAPTION,
    ),
    "clip": (*recipes_codes.CLIP_VALID, *recipes_agree.CLIP, *recipes_codes.CLIP_FAULTS),
    "pq": (*recipes_codes.PQ_VALID, *recipes_codes.PQ_FAULTS),
    "vq": (*recipes_codes.VQ_VALID, *recipes_codes.VQ_FAULTS),
    "sketch": (*recipes_sketch.VALID, *recipes_sketch.FAULTS),
    "mangled": (*recipes_mangled.VALID, *recipes_mangled.FAULTS),
    "dims": (*recipes_variants.DIMS, *recipes_variants.DIMS_FAULTS),
    "variants": (*recipes_variants.VALID, *recipes_variants.FAULTS),
    "paint": (*recipes_paint.VALID, *recipes_paint.FAULTS),
    "elic": (
        recipes_elic.EXAMPLE,
        *recipes_elic.VALID,
        *recipes_full.VALID,
        *recipes_elic.FAULTS,
        *recipes_full.FAULTS,
    ),
}
BY_HAND: Final = (
    "README.md",
    "LICENSE",
    "manifest.schema.json",
    *map(recipes_paint.picture_path, (r.id for r in recipes_paint.VALID)),
    *(f"models/{name}/" for name in tiny.ALL),
)


def vectors() -> list[Vector]:
    """All of them, in the order of their recipes."""
    made: dict[str, Vector] = {}
    for group, recipes in GROUPS.items():
        made |= {recipe.id: whole(recipe, group) for recipe in recipes if isinstance(recipe, Valid)}
    for group, recipes in GROUPS.items():
        for recipe in recipes:
            if isinstance(recipe, Fault):
                made[recipe.id] = fault(recipe, group, made[recipe.base])
    in_order = [recipe.id for recipes in GROUPS.values() for recipe in recipes]
    if len(set(in_order)) != len(in_order):
        raise SystemExit("an id is given twice")
    return [made[name] for name in in_order]


def whole(recipe: Valid, group: str) -> Vector:
    """A valid vector, of tier P with what was measured of its picture."""
    vector = valid(recipe, group)
    return replace(vector, pixels=recipes_paint.pixels(recipe.id)) if recipe.tier == "P" else vector


def own_registries(shipped: dict[str, Vector]) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Files and entries of the list `registries`."""
    files, entries, made = dict[str, bytes](), [], dict[str, Vector]()
    for name, data in (recipes_registry.REGISTRIES | recipes_bounds.REGISTRIES).items():
        files[recipes_registry.path_of(name)] = data
        environment = Environment(Registry.parse(data))
        for where, recipe in (*recipes_registry.VALID, *recipes_bounds.VALID, *recipes_registry.FAULTS):
            if where != name:
                continue
            base = made.get(getattr(recipe, "base", ""))
            vector = (
                valid(recipe, "registries", environment)
                if isinstance(recipe, Valid)
                else fault(recipe, "registries", made[recipe.base])
            )
            made[recipe.id] = vector
            files |= {f"{vector.path}.sem": vector.data, f"{vector.path}.txt": dump(vector).encode()}
            entries.append(vector.to_dict(base) | recipes_registry.named(name, data))
    for broken in (*recipes_registry.BROKEN, *recipes_mutants.BROKEN):
        base = shipped[broken.base]
        data = files[recipes_registry.path_of(broken.id)] = broken.registry(base)
        entries.append(recipes_registry.broken_entry(broken, base, data))
    for of, change, name, note in recipes_registry.SPARE:
        base = shipped[of]
        data = files[recipes_registry.path_of(name)] = recipes_registry.spared(base, change)
        entries.append(recipes_registry.spare_entry(name, base, note, data))
    return files, entries


def to_encode(vector: Vector) -> dict[str, Any]:
    """The input of an encoder vector."""
    said = vector.expected or {}
    sections: list[dict[str, Any]] = []
    for entry in said["sections"]:
        value: Any = vector.values.get(entry["type"])
        if value is None:
            given = {"body": vector.data[entry["offset"] : entry["offset"] + entry["bytes"]].hex()}
        elif kinds.get(entry["type"] & spec.NUMBER).networks:
            given = {"rate": value.rate, "z": value.z.tolist(), "y": value.y.tolist()}
        else:
            given = ({"mode": value.mode} if entry["kind"] == "caption" else {}) | {"value": value.to_json()}
        sections.append({"type": entry["type"], **given})
    frame = ("profile", "model_hash", "width", "height", "check_bits")
    return {key: said[key] for key in frame} | {"sections": sections}


def tree() -> dict[str, bytes]:
    """Every file that this program makes, by its path in test_vectors/."""
    files: dict[str, bytes] = {f"models/{mini.NAME}/{name}": data for name, data in mini.package()[2].items()}
    files |= {f"models/{full.NAME}/{name}": data for name, data in full.files().items()}
    files |= {f"models/{model}/{name}": data for model in edges.NAMES for name, data in edges.package(model)[2].items()}
    made = vectors()
    by_id = {vector.recipe.id: vector for vector in made}
    entries: dict[str, list[dict[str, Any]]] = {name: [] for name in LISTS}
    for vector in made:
        files[f"{vector.path}.sem"] = vector.data
        files[f"{vector.path}.txt"] = dump(vector).encode()
        if vector.trace is not None:
            files[f"{vector.path}.trace.json"] = vector.trace
        entries["vectors"].append(vector.to_dict(by_id.get(getattr(vector.recipe, "base", ""))))
        if isinstance(vector.recipe, Valid) and vector.recipe.encode:
            name = f"encode/{vector.recipe.id}.json"
            files[name] = compact_json(to_encode(vector))
            entries["encode"].append(
                {
                    "id": f"encode-{vector.recipe.id}",
                    "input": name,
                    **digests(files[name]),
                    "output": vector.recipe.id,
                    **shared((70,), "symbols in, the one file out"),
                }
            )
    for bad in (*recipes_model.BAD, *recipes_small.BAD, *recipes_mutants.BAD, *recipes_bounds.BAD, *recipes_agree.BAD):
        parts = {f"models-bad/{bad.id}/{name}": data for name, data in bad.files().items()}
        files |= parts
        entries["models"].append(bad.to_dict(parts[f"models-bad/{bad.id}/probe.sem"]))
    for painter in recipes_paint.BAD:
        probe = by_id[recipes_paint.PROBES[painter.base]].data
        files |= painter.files(probe)
        entries["painters"].append(painter.to_dict(probe))
    more, entries["registries"] = own_registries(by_id)
    files |= more
    for refused in recipes_refuse.ALL:
        files[refused.path] = compact_json(refused.to_json())
        entries["refuse"].append(refused.to_dict(files[refused.path]))
    entries["edit"] = [edited.to_dict(by_id) for edited in recipes_edit.EDITS]
    for step in recipes_history.STEPS:
        files |= step.files()
        entries["history"].append(step.to_dict())
    for folder, items in (("coder", STREAMS), ("quantise", recipes_quantise.VECTORS)):
        for item in items:
            name = f"{folder}/{item.id}.json"
            files[name] = lined_json(item.to_json())
            entries[folder].append(item.to_dict(files[name]))
    files["example.txt"] = example(next(v for v in made if v.recipe.id == "example")).encode()
    head = {"format": "sem-vectors", "format_version": spec.VERSION, "licence": "CC0-1.0"}
    files["manifest.json"] = lined_json(head | entries)
    return files


def compact_json(value: Any) -> bytes:
    return (json.dumps(value, separators=(",", ":")) + "\n").encode()


def lined_json(document: dict[str, Any]) -> bytes:
    """JSON with one line for each item of a list of objects, so that a change shows as a line."""
    members = []
    for key, value in document.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            items = ",\n".join(f"  {json.dumps(item, ensure_ascii=False)}" for item in value)
            members.append(f' "{key}": [\n{items}\n ]')
        else:
            members.append(f' "{key}": {json.dumps(value, ensure_ascii=False)}')
    return ("{\n" + ",\n".join(members) + "\n}\n").encode()


def changes(files: dict[str, bytes]) -> list[tuple[str, str]]:
    """("new", "changed" or "gone", path) of everything in which test_vectors/ differs."""
    there = {str(path.relative_to(OUT)) for path in OUT.rglob("*") if path.is_file()}
    there = {name for name in there if not name.startswith(BY_HAND)}
    found = [("gone", name) for name in sorted(there - set(files))]
    for name, data in sorted(files.items()):
        if name not in there:
            found.append(("new", name))
        elif (OUT / name).read_bytes() != data:
            found.append(("changed", name))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true", help="write what differs")
    accept = parser.parse_args().accept
    files = tree()
    found = changes(files)
    for what, name in found:
        print(f"{what:8} {name}")
        if accept and what == "gone":
            (OUT / name).unlink()
        elif accept:
            (OUT / name).parent.mkdir(parents=True, exist_ok=True)
            (OUT / name).write_bytes(files[name])
    size, done = sum(map(len, files.values())), "written" if accept else "differ"
    print(f"{len(files)} files, {size} bytes, {len(found)} {done}")
    return 1 if found and not accept else 0


if __name__ == "__main__":
    raise SystemExit(main())
