# SPDX-License-Identifier: MIT
"""The micro-decoder beyond its verdicts, which `make conformance` asks for: its traces, and how it ends as a program."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from vector_cases import MODELS, ROOT, VECTORS, data_of, vectors

MICRO = ROOT / "conformance" / "decoders" / "micro" / "semmicro.py"

# Calls its command line over and over in one process, since starting Python takes longer than most vectors do.
DRIVER = """
import contextlib, functools, importlib.util, io, json, sys

place = importlib.util.spec_from_file_location("semmicro", sys.argv[1])
sys.modules["semmicro"] = micro = importlib.util.module_from_spec(place)
place.loader.exec_module(micro)
for name in ("load_registry", "load_dims", "load_gaussian"):
    setattr(micro, name, functools.cache(getattr(micro, name)))
micro.MODEL_FOLDERS = []  # models are found where an entry says, and nowhere else
for line in sys.stdin.read().splitlines():
    job = json.loads(line)
    sys.argv[1:] = job["args"]
    with open(job["file"], "rb") as file:
        sys.stdin = io.TextIOWrapper(io.BytesIO(file.read()))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = micro.main()
    print(json.dumps([status, out.getvalue(), err.getvalue()]))
"""


def micro(jobs: list[tuple[list[str], Path]]) -> list[tuple[int, Any, str]]:
    """(exit status, JSON of stdout, stderr) for arguments and a file on stdin each."""
    lines = "".join(json.dumps({"args": args, "file": str(file)}) + "\n" for args, file in jobs)
    command = [sys.executable, "-I", "-c", DRIVER, str(MICRO)]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=300, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [(status, json.loads(out) if out else None, err) for status, out, err in answers]


def test_traces() -> None:
    """Its digests of the hyper net, and of means, table numbers and latents of every pass, are those of the trace."""
    traced = [entry for entry in vectors().values() if "trace" in entry]
    answers = micro([(["--trace", "--model", str(MODELS)], VECTORS / entry["file"]) for entry in traced])
    for entry, (status, report, _) in zip(traced, answers, strict=True):
        assert status == 0
        theirs = set(re.findall(r"\b[0-9a-f]{64}\b", json.dumps(report["trace"])))
        ours = {e["name"]: e["sha256"] for e in json.loads((VECTORS / entry["trace"]).read_bytes())["entries"]}
        exact = [name for name in ours if name.startswith("hyper_net") or name.endswith((".mean", ".index", ".y"))]
        assert len(exact) >= 12
        assert [name for name in exact if ours[name] not in theirs] == [], entry["id"]


@pytest.mark.parametrize(
    ("name", "status"), [("example", 0), ("check-bit", 3), ("version-2", 4), ("model-nowhere", 5), ("bomb", 6)]
)
def test_as_a_program(name: str, status: int) -> None:
    """Run as anybody would, it ends as the batch above says."""
    entry = vectors()[name]
    command = [sys.executable, "-I", str(MICRO), "--model", str(MODELS)]
    done = subprocess.run(command, input=data_of(entry), capture_output=True, timeout=60, check=False)
    assert done.returncode == status == entry.get("status", 0)
    assert bool(done.stdout) == (status == 0)
