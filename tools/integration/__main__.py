# SPDX-License-Identifier: MIT
"""Write the manual pages, or with --check report those that differ from the help of `semtool`.

python -m tools.integration [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.integration.man import pages

FOLDER = Path(__file__).resolve().parents[2] / "integration/man"


def stale(folder: Path = FOLDER) -> list[str]:
    """Return the names of the pages that are missing, superfluous or different."""
    made = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*")}
    return sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))


def main(arguments: list[str]) -> int:
    """Write or check the pages; return the exit status."""
    names = stale()
    if arguments == ["--check"]:
        print("\n".join(f"integration/man/{name} is not that of the help" for name in names) or "pages are up to date")
        return 1 if names else 0
    if arguments:
        print(__doc__)
        return 2
    made = pages()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name in made:
            (FOLDER / name).write_text(made[name], encoding="utf-8")
        else:
            (FOLDER / name).unlink()
    print(f"{len(names)} of {len(made)} pages changed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
