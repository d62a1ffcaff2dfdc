# SPDX-License-Identifier: MIT
"""SPEC §12: a decoder of kinds 6 and 7 without gaussian.bin says so (SEM-E-801), and decodes what does not need it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from vector_cases import MODELS, ROOT, VECTORS

ADAPTERS = ROOT / "conformance" / "adapters"
DECODERS = {
    "refcodec": [sys.executable, str(ADAPTERS / "refcodec.py")],
    "micro": [sys.executable, str(ADAPTERS / "micro.py")],
    "javascript": ["node", str(ROOT / "conformance" / "decoders" / "js" / "semdec.mjs")],
}


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """All tables but gaussian.bin."""
    for name in ("consonant.bin", "caption.bin", "caption.zdict"):
        shutil.copy(ROOT / "refcodec" / "payloads" / "data" / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("decoder", DECODERS)
def test_gaussian_tables(decoder: str, tables: Path) -> None:
    command = DECODERS[decoder]
    if shutil.which(command[0]) is None:
        pytest.skip("there is no node")
    registry = ROOT / "refcodec" / "registry" / "registry.json"
    options = ["--tier", "L", "--registry", str(registry), "--data", str(tables), "--models", str(MODELS)]
    ends = {}
    for name in ("elic/tiny-1x1", "sketch/sketch-1x1", "clip/clip"):
        data = (VECTORS / f"{name}.sem").read_bytes()
        done = subprocess.run([*command, *options], input=data, capture_output=True, timeout=60, cwd=ROOT, check=False)
        ends[name] = (done.returncode, done.stderr[:9].decode())
    assert ends == {"elic/tiny-1x1": (5, "SEM-E-801"), "sketch/sketch-1x1": (5, "SEM-E-801"), "clip/clip": (0, "")}
