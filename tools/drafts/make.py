# SPDX-License-Identifier: MIT
"""Write drafts/vectors from the cases of each draft.

python -m tools.drafts.make            list the files that would change; exit status 1 if there are any
python -m tools.drafts.make --accept   write them
"""

from __future__ import annotations

import argparse

from refcodec.fileio import write_atomic
from tools import program
from tools.drafts.suite import OUT, tree


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true", help="write what differs")
    accept = parser.parse_args().accept
    files = tree()
    existing = {str(path.relative_to(OUT)): path.read_bytes() for path in OUT.rglob("*") if path.is_file()}
    differing = sorted(name for name in files.keys() | existing.keys() if files.get(name) != existing.get(name))
    for name in differing:
        print(f"{'gone' if name not in files else 'changed' if name in existing else 'new':8} {name}")
        if accept and name in files:
            (OUT / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomic(OUT / name, files[name])
        elif accept:
            (OUT / name).unlink()
    size, done = sum(map(len, files.values())), "written" if accept else "differ"
    print(f"{len(files)} files, {size} bytes, {len(differing)} {done}")
    return 1 if differing and not accept else 0


if __name__ == "__main__":
    raise SystemExit(program.run(main))
