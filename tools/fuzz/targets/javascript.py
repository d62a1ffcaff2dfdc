# SPDX-License-Identifier: MIT
"""The decoder in JavaScript against refcodec: the same verdict, error and symbols for every file.

The decoder runs as one process of node, by the persistent protocol (conformance/PROTOCOL.md). New inputs are found by the
coverage of refcodec. What SPEC.md leaves unspecified does not count (diff_fuzz.agreement).
"""

from __future__ import annotations

import base64
import hashlib
import json
import resource
import select
import shutil
import subprocess
from dataclasses import replace
from functools import lru_cache
from typing import Any

from diff_fuzz.agreement import may_have_unspecified_frame
from refcodec.container import read
from refcodec.decoder import decode_container
from refcodec.environment import Environment
from refcodec.errors import SemError
from semrunner.settings import gather
from tools.fuzz import archive
from tools.fuzz.mutators import sem_file
from tools.fuzz.target import MODELS, ROOT, Target, refusal, require
from tools.fuzz.valid_files import files

SECONDS = 20  # for one answer
PIXELS = 1 << 12
NORMATIVE = "registry", "payloads/data", "entropy/data"
DECODER = ROOT / "conformance" / "decoders" / "js" / "semdec.mjs"


class _Node:
    """One process of the decoder in JavaScript."""

    def __init__(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))  # V8 reserves more in advance than this process may have
        try:
            command = [shutil.which("node") or "node", str(DECODER), "--persistent"]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        self.seq, self.folder = 0, archive.scratch_folder()
        registry, data = gather([ROOT / "refcodec" / part for part in NORMATIVE], self.folder)
        self.ask({"op": "start", "protocol": "1", "tier": "L", "registry": str(registry), "data": str(data)})

    def ask(self, request: dict[str, Any]) -> Any:
        """Return the answer to one request."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], SECONDS)[0]:
            raise AssertionError(f"the decoder in JavaScript gives no answer in {SECONDS} s")
        line = self.process.stdout.readline()
        require(line.endswith(b"\n"), "the decoder in JavaScript has ended")
        return json.loads(line)

    def run(self, file: bytes) -> Any:
        """Return the answer for a file."""
        self.seq += 1
        request = {"op": "run", "seq": str(self.seq), "id": "f", "tier": "L", "models": str(MODELS), "asked": "symbols"}
        return self.ask(request | {"file": base64.b64encode(file).decode("ascii")})


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """Return an environment with the models that the decoder in JavaScript has: those of the vectors."""
    return replace(sem_file.environment(), package_folders=(MODELS,))


@lru_cache(maxsize=1)
def _node() -> _Node:
    return _Node()


def close() -> None:
    """End the process."""
    if _node.cache_info().currsize:
        node = _node()
        node.process.kill()
        node.process.communicate()
        shutil.rmtree(node.folder, ignore_errors=True)
        _node.cache_clear()


def run(data: bytes) -> str:
    """Decode a file with both decoders."""
    try:
        container = read(data, environment=sem_file.environment())
        if container.header.width * container.header.height > PIXELS or sem_file.claimed(container) > sem_file.SYMBOLS:
            return "large"
    except SemError:
        pass
    own, outcome = _reference(data)
    try:
        other = _summary(_node().run(data))
    except BaseException:
        close()  # the next execution starts another process
        raise
    if own != other and not _unspecified(data, own, other):
        raise AssertionError(f"refcodec: {own}, the decoder in JavaScript: {other}")
    return outcome


def _reference(data: bytes) -> tuple[Any, str]:
    """Return what must be the same of refcodec's answer, and its label."""
    environment = _environment()
    try:
        decoded = decode_container(read(data, environment=environment), environment)
    except SemError as error:
        return error.id, refusal(error, len(data))
    sections = []
    for section in decoded.container.sections:
        symbols = decoded.values[section.type].serialise() if section.critical else section.body
        sections.append((section.type, hashlib.sha256(symbols).hexdigest()))
    header = decoded.container.header
    return (header.width, header.height, header.row_id, decoded.container.complete, decoded.state, sections), "accepted"


def _summary(answer: Any) -> Any:
    """Return what must be the same of an answer by the protocol."""
    if "error" in answer:
        return answer["error"]["code"]
    if "result" not in answer:
        return f"{answer.get('skip') or answer.get('bug') or answer}"
    result = answer["result"]
    sections = [(int(part["type"]), part["sha256"]) for part in result["sections"]]
    size = int(result["width"]), int(result["height"]), int(result["profile"])
    return (*size, result["complete"], result["check"], sections)


def _unspecified(data: bytes, own: Any, other: Any) -> bool:
    """Return whether the difference is a freedom: errors of a model (SPEC Appendix C, line 5), some zstd frames
    (Appendix C, line 4).
    """
    codes = [code for code in (own, other) if isinstance(code, str)]
    if len(codes) == 2 and all(code.startswith("SEM-E-8") or code == "SEM-E-705" for code in codes):
        return True
    return may_have_unspecified_frame(data) and "SEM-E-401" in codes


TARGET = Target(
    "javascript", files, run, sem_file.mutate, sem_file.repair, ".sem", sem_file.MAGICS, max_bytes=1024, close=close
)
