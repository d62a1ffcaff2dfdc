# SPDX-License-Identifier: MIT
"""conformance/sem.ksy: the grammar reads every valid file as the manifest says, and a wrong grammar is found out."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tools.spec import ksy

ROOT = Path(__file__).resolve().parents[2]


TOOLS = ROOT / "out" / "kaitai"
GRAMMAR = ROOT / "conformance" / "sem.ksy"
TEXT = GRAMMAR.read_text(encoding="utf-8")

compiled = pytest.mark.skipif(
    shutil.which("node") is None or not (TOOLS / ".ready").exists(),
    reason="no node, or no Kaitai compiler (make kaitai-tools)",
)


def check(*options: object) -> subprocess.CompletedProcess[str]:
    command = ["node", str(ROOT / "conformance/kaitai/check.mjs"), str(TOOLS), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_sizes_are_those_of_the_data() -> None:
    assert ksy.render(TEXT) == TEXT
    assert ksy.render(TEXT.replace("6000, 4000]", "6000, 4001]", 1)) == TEXT


def test_no_registry_is_named() -> None:
    """The lock file pins packages by version and digest, not by where they were fetched."""
    lock = json.loads((ROOT / "conformance/kaitai/package-lock.json").read_text())
    wanted = json.loads((ROOT / "conformance/kaitai/package.json").read_text())["dependencies"]
    packages = {name.removeprefix("node_modules/"): entry for name, entry in lock["packages"].items() if name}
    assert {name: entry["version"] for name, entry in packages.items()} == wanted
    assert all("integrity" in entry and "resolved" not in entry for entry in packages.values())


@compiled
def test_the_vectors() -> None:
    done = check("--languages")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-3000:]
    assert "0 failed" in done.stdout


def entry(id_: str, data: bytes, expected: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    return {"id": id_, "file": f"{id_}.sem", "expect": "accept", "rules": [], "expected": expected}, data


def header(width: int, height: int, profile: int, bits: int) -> dict[str, Any]:
    size = {"width": width, "height": height}
    return size | {"profile": profile, "model_hash": None, "check_bits": bits, "complete": True}


def body(offset: int, size: int) -> dict[str, Any]:
    return {"offset": offset, "bytes": size}


# Layouts that no valid vector has: each class of sizes, sides above all limits.
RARE = [
    entry("three-bytes", bytes.fromhex("F59E 2C 01 00 808000 FFFF7F CCCC 01"),
          header(16513, 2113664, 1, 16) | {"sections": [body(13, 1)]}),
    entry("four-bytes", bytes.fromhex("F59E 34 01 00 FFFFFF7F 80808000 CCCCCCCC"),
          header(270549120, 2113665, 1, 32) | {"sections": [body(17, 0)]}),
    entry("long-section", bytes.fromhex("F59E 2E 01 01 00 43 82 00 01 61 817C") + 380 * b"b" + b"\xcc\xcc",
          header(16, 16, 1, 16) | {"sections": [{"type": 67, "kind": "metadata", "value": {"a": 380 * "b"}} | body(9, 384)]}),
    *(entry(f"class-{row['class']}", bytes([0xF5, 0x9E, 0x20, 1, row["class"]]),
            header(row["width"], row["height"], 1, 0) | {"sections": [body(5, 0)]})
      for row in json.loads(ksy.DIMS.read_text())["classes"]),
]  # fmt: skip

# What a grammar might have wrong, and whether it is the rare layouts that tell.
WRONG = {
    "varint not bijective": ("(value_1 + 1) * 128", "value_1 * 128", False),
    "check of 32 bits": ("bits_16 ? 2 : 4", "bits_16 ? 2 : 3", False),
    "length of the digest": ("size: 4 << hash_code", "size: 4 + hash_code", False),
    "bytes behind the last section": ("expr: _io.eof", "expr: true", False),
    "no section at all": ("    repeat: until\n    repeat-until: sections.size == header.num_sections or _io.eof\n",
                          "    repeat: eos\n", False),
    "safe to copy": ("& 0x40", "& 0x20", False),
    "size of a class": ("2560, 1707, 3000", "2560, 1706, 3000", True),
    "extended profile": ("256 + extended_profile", "extended_profile", False),
}  # fmt: skip


def rare(folder: Path) -> Path:
    for vector, data in RARE:
        (folder / vector["file"]).write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps({"vectors": [vector for vector, _ in RARE], "registries": []}))
    return folder


@compiled
def test_layouts_without_a_vector(tmp_path: Path) -> None:
    done = check("--suite", rare(tmp_path))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"{len(RARE)} valid files read" in done.stdout


@compiled
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_grammar_is_found_out(name: str, tmp_path: Path) -> None:
    right, wrong, on_rare = WRONG[name]
    assert TEXT.count(right) == 1
    (tmp_path / "sem.ksy").write_text(TEXT.replace(right, wrong), encoding="utf-8")
    done = check("--grammar", tmp_path / "sem.ksy", *(["--suite", rare(tmp_path)] if on_rare else []))
    assert done.returncode == 1
    assert "FAIL  " in done.stdout
