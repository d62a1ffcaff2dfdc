# SPDX-License-Identifier: MIT
"""Write test_vectors/ from the cases in `cases/`.

    python -m tools.vectors.make            list the files that would change; exit status 1 if there are any
    python -m tools.vectors.make --accept   write them

Not generated here are README.md, LICENSE, manifest.schema.json, the models of `models/tiny.py` and the reference
pictures of `pixel_tolerance.py`.
"""

from __future__ import annotations

import argparse

from tools.vectors.models import tiny
from tools.vectors.pictures import OUT
from tools.vectors.suite import tree


def changes(files: dict[str, bytes]) -> list[tuple[str, str]]:
    """Return ("new", "changed" or "gone", path) for each difference between `files` and test_vectors/."""
    existing = {str(path.relative_to(OUT)) for path in OUT.rglob("*") if path.is_file()}
    not_generated = ("README.md", "LICENSE", "manifest.schema.json", *(f"models/{name}/" for name in tiny.ALL))
    generated = {name for name in existing if not name.startswith(not_generated) and not _is_picture(name)}
    differences = [("gone", name) for name in sorted(generated - set(files))]
    for name, data in sorted(files.items()):
        if name not in generated:
            differences.append(("new", name))
        elif (OUT / name).read_bytes() != data:
            differences.append(("changed", name))
    return differences


def _is_picture(name: str) -> bool:
    return name.startswith("paint/") and name.endswith(".bin")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true", help="write what differs")
    accept = parser.parse_args().accept
    files = tree()
    differences = changes(files)
    for what, name in differences:
        print(f"{what:8} {name}")
        if accept and what == "gone":
            (OUT / name).unlink()
        elif accept:
            (OUT / name).parent.mkdir(parents=True, exist_ok=True)
            (OUT / name).write_bytes(files[name])
    size, done = sum(map(len, files.values())), "written" if accept else "differ"
    print(f"{len(files)} files, {size} bytes, {len(differences)} {done}")
    return 1 if differences and not accept else 0


if __name__ == "__main__":
    raise SystemExit(main())
