# SPDX-License-Identifier: MIT
"""Measure `semtool` in an environment with the base install alone, beside Pillow's AVIF, as entire processes.

    python -m tools.bench.base [PICTURE ...] [--large] [--huge] [--against TREE] [--runs N] [-o base.json]

Installs a copy of this repository into a new environment (`pip install .`: no torch, no numba), and states its size by
package. Then runs each command on each picture in turn, N times, and prints medians of seconds and of the processor's
seconds, and the largest resident set. Without PICTURE, the sample of `tools.demo` in 768x512. A picture is measured as PNG.

--large, --huge: the sample enlarged to 24 and 100 megapixels (level 2), in place of PICTURE, with the bounds of `large`.
--against: the same commands by the checkout TREE in turn, such as one of release 1.0.0, and the shares of their seconds.
Both checkouts are run by this Python, as release 1.0.0 needs torch. TREE may be the Python of another environment instead.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from tools.bench import large
from tools.bench.large import HUGE, LARGE, clean

ROOT: Final = Path(__file__).resolve().parents[2]
INSTALLED: Final = (
    *("pyproject.toml", "hatch_build.py", "README.md", "SPEC.md", "LICENSE", "LICENSES", "NOTICE"),
    *("refcodec", "conformance", "integration"),
)
SIZE: Final = (768, 512)  # of the default picture
LIMITS: Final = {"decode": ("avif to png", 5.0), "encode": ("png to avif", 6.0)}  # command -> beside what, times it
SIZES: Final = """
import importlib.metadata as m, json, os
sizes = {}
for d in m.distributions():
    paths = [str(d.locate_file(f)) for f in d.files or ()]
    sizes[d.metadata["Name"]] = sum(os.path.getsize(p) for p in paths if os.path.isfile(p))
print(json.dumps(sizes))
"""


class Measured(NamedTuple):
    """One process: seconds, seconds of the processor, bytes of its largest resident set.

    The last begins with that of the process which starts it, so this module imports nothing large.
    """

    wall: float
    cpu: float
    peak: int


def install(folder: Path) -> Path:
    """Install a copy of this repository into a new environment; return its python."""
    with tempfile.TemporaryDirectory() as place:
        for name in INSTALLED:
            source, target = ROOT / name, Path(place, name)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                shutil.copy(source, target)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
        # without this variable pip writes compiled modules, as it does for users
        environment = {k: v for k, v in clean().items() if k != "PYTHONDONTWRITEBYTECODE"}
        subprocess.run([*pip, "install", "--quiet", place], check=True, env=environment)
    return python


def package_sizes(python: Path) -> dict[str, float]:
    """Return MB by package, the largest first."""
    done = subprocess.run([str(python), "-c", SIZES], check=True, capture_output=True, text=True, env=clean())
    sizes: dict[str, int] = json.loads(done.stdout)
    return {name: round(size / 1e6, 1) for name, size in sorted(sizes.items(), key=lambda item: -item[1])}


def commands(python: Path, png: Path, folder: Path) -> dict[str, list[str]]:
    """Return the commands to measure, by name, in an order in which each finds its input."""
    save = "import sys; from PIL import Image; Image.open(sys.argv[1]).save(sys.argv[2])"
    semtool = [str(python.with_name("semtool"))]
    avif, sem = folder / "picture.avif", folder / "picture.sem"
    return {
        "png to avif": [str(python), "-c", save, str(png), str(avif)],
        "avif to png": [str(python), "-c", save, str(avif), str(folder / "avif.png")],
        "encode": [*semtool, "encode", str(png), "-o", str(sem), "--force"],
        "decode": [*semtool, "decode", str(sem), "-o", str(folder / "sem.png"), "--force"],
        "verify": [*semtool, "verify", str(sem)],
        "inspect": [*semtool, "inspect", str(sem)],
    }


def run(command: list[str], variables: dict[str, str] | None = None) -> Measured:
    """Run a process to its end, with these variables. Raises RuntimeError with its last lines if it fails."""
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log, env=clean() | (variables or {}))
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise RuntimeError(f"{' '.join(command)}: {log.read().decode(errors='replace')[-500:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Measured(wall, usage.ru_utime + usage.ru_stime, unit * usage.ru_maxrss)


def measure(python: Path, png: Path, runs: int) -> dict[str, dict[str, float]]:
    """Return medians by command, of `runs` rounds after one that is not counted."""
    with tempfile.TemporaryDirectory() as place:
        todo = commands(python, png, Path(place))
        for command in todo.values():
            run(command)
        rounds = [{name: run(command) for name, command in todo.items()} for _ in range(runs)]
    return {name: summary(each[name] for each in rounds) for name in todo}


def summary(found: Iterable[Measured]) -> dict[str, float]:
    """Return the medians of seconds, and the largest memory in MB."""
    wall, cpu, peak = zip(*found, strict=True)
    return {
        "wall_s": round(statistics.median(wall), 3),
        "cpu_s": round(statistics.median(cpu), 3),
        "peak_mb": round(max(peak) / 1e6, 1),
    }


def ratios(rows: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return what semtool takes in times of Pillow's AVIF, by seconds and by seconds of the processor."""
    return {
        name: {unit: round(rows[name][unit] / rows[beside][unit], 2) for unit in ("wall_s", "cpu_s")}
        for name, (beside, _) in LIMITS.items()
    }


def as_png(python: Path, source: Path | None, target: Path, size: tuple[int, int] = SIZE) -> tuple[int, int]:
    """Write a picture as PNG, None: the sample in this size; return its size.

    Pillow stays out of this process: see `Measured`.
    """
    resized = "" if source else f".resize({size}, Image.Resampling.LANCZOS)"
    script = (
        "import sys; from PIL import Image\n"
        f"picture = Image.open(sys.argv[1]).convert('RGB'){resized}\n"
        "picture.save(sys.argv[2]); print(*picture.size)"
    )
    if source is None:
        find = [sys.executable, "-c", "from tools.demo import sample; print(sample())"]
        source = Path(subprocess.run(find, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip())
    command = [str(python), "-c", script, str(source), str(target)]
    width, height = subprocess.run(command, check=True, capture_output=True, text=True, env=clean()).stdout.split()
    return int(width), int(height)


def table(name: str, size: tuple[int, int], rows: dict[str, dict[str, float]]) -> str:
    """Return the results of one picture as text."""
    lines = [f"{name}, {size[0]}x{size[1]}", "                  wall s   cpu s  peak MB"]
    lines += [f"  {row:14}{v['wall_s']:10.3f}{v['cpu_s']:8.3f}{v['peak_mb']:9.1f}" for row, v in rows.items()]
    for row, found in ratios(rows).items():
        beside, most = LIMITS[row]
        lines.append(f"  {row} / {beside}: {found['wall_s']} (processor {found['cpu_s']}); at most {most:g} is wanted")
    return "\n".join(lines)


def parsed() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--large", action="store_true", help="measure the sample enlarged to 24 megapixels")
    parser.add_argument("--huge", action="store_true", help="measure the sample enlarged to 100 megapixels")
    parser.add_argument("--against", type=Path, metavar="TREE", help="compare --large and --huge with another checkout")
    parser.add_argument("--runs", type=int, help="of each command  [default: 7, of large pictures 1]")
    parser.add_argument(
        "--environment", type=Path, help="install into this new folder and keep it; if it exists, use it"
    )
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    if arguments.against is not None and not (arguments.large or arguments.huge):
        parser.error("--against is for --large and --huge")
    return arguments


def measure_large(python: Path, arguments: argparse.Namespace, png: Path) -> Iterator[dict[str, Any]]:
    """Yield the results of the enlarged pictures that are wanted, which are written to `png`, and print them."""
    for each in (LARGE, HUGE):
        if getattr(arguments, each.name):
            as_png(python, None, png, each.size)
            programs = large.programs(python, arguments.against)
            rows, predicted = large.compare(programs, each, png, arguments.runs or 1, run, summary)
            print(large.table(each, rows, predicted), flush=True)
            shares = large.ratios(rows)
            yield {"name": each.name, "size": each.size, "rows": rows, "ratios": shares, "predicted_mb": predicted}


def main() -> None:
    """Print the size of the environment and one table a picture, and write both as JSON."""
    arguments = parsed()
    with tempfile.TemporaryDirectory() as place:
        folder = arguments.environment or Path(place, "environment")
        python = folder.resolve() / "bin" / "python" if folder.exists() else install(folder.resolve())
        sizes = package_sizes(python)
        total, runs = round(sum(sizes.values()), 1), arguments.runs or 7
        print(f"environment: {total} MB:", ", ".join(f"{name} {mb}" for name, mb in sizes.items()), flush=True)
        result: dict[str, Any] = {"environment_mb": total, "packages_mb": sizes, "runs": runs, "pictures": []}
        png, pictures = Path(place, "picture.png"), result["pictures"]
        for source in arguments.pictures or ([] if arguments.large or arguments.huge else [None]):
            size, name = as_png(python, source, png), "sample" if source is None else source.name
            rows = measure(python, png, runs)
            pictures.append({"name": name, "size": size, "rows": rows, "ratios": ratios(rows)})
            print(table(name, size, rows), flush=True)
        pictures.extend(measure_large(python, arguments, png))
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
