# SPDX-License-Identifier: MIT
"""Adapt the micro-decoder to the suite's protocol: call its functions in one process, without changing its file.

python conformance/adapters/micro.py [--jobs N] [--leave-out MODE]… …

--jobs N          run its networks in N processes
--leave-out MODE  refuse captions of mode zlib or zstd, as an embedded decoder may (SPEC §13.2)
"""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

if __package__:  # imported as adapters.micro
    from adapters import protocol_server
else:  # run as a script
    import protocol_server  # type: ignore[import-not-found, no-redef]

SOURCE = Path(__file__).resolve().parents[1] / "decoders" / "micro" / "semmicro.py"
NAME = "micro-decoder"
TIERS = ("H", "S", "L")
KINDS = {1: "consonant", 2: "caption", 3: "clip", 4: "pq", 5: "vq", 6: "sketch", 7: "elic"}
ANCILLARY = {1: "provenance", 2: "hints", 4: "thumbnail", 0x43: "metadata"}


def load(change: Callable[[str], str] = str) -> Any:
    """Load the module, with caches for the files that it reads repeatedly. `change` edits its source, to make mutants."""
    micro: Any = ModuleType("semmicro")
    micro.__file__ = str(SOURCE)
    sys.modules["semmicro"] = micro
    exec(compile(change(SOURCE.read_text(encoding="utf-8")), SOURCE, "exec"), vars(micro))
    for name in ("load_registry", "load_dims", "load_gaussian"):
        setattr(micro, name, functools.cache(getattr(micro, name)))
    micro.load_model = cached(micro.load_model)
    return micro


def cached(load_model: Any) -> Any:
    """Return `load_model` with a cache by folder, digest and parameters."""
    models: dict[Any, Any] = {}

    def loaded(package: Any, parameters: dict[str, Any]) -> Any:
        key = (package.folder, package.digest, json.dumps(parameters, sort_keys=True))
        if key not in models:
            models[key] = load_model(package, parameters)
        return models[key]

    return loaded


def begin(micro: Any, jobs: int, registry: Path, data: Path) -> protocol_server.Decode:
    """Return a decoder that uses only this registry and the tables in `data`."""
    with contextlib.suppress(micro.SemError):  # SEM-R-055: it starts, and every file is SEM-E-702
        micro.load_registry(registry)
    micro.GAUSSIAN_BIN, micro.CONSONANT_BIN = data / "gaussian.bin", data / "consonant.bin"
    micro.CAPTION_BIN, micro.CAPTION_ZDICT = data / "caption.bin", data / "caption.zdict"

    def decode(question: protocol_server.Question) -> protocol_server.Answer:
        run = micro.Run(jobs, embedding=question.asked == "embedding")
        tier = "header" if question.tier == "H" else "symbols"
        try:
            report = micro.read_file(question.file, tier, registry, [question.models], run)
        except micro.SemError as error:
            raise protocol_server.Rejected(f"SEM-E-{error.code}", error.status, error.line()) from None
        return answer(report)

    return decode


def answer(report: dict[str, Any]) -> protocol_server.Answer:
    """Convert a report of the micro-decoder to an answer of the protocol."""
    sections = [section(part) for part in report["sections"]]
    states = {part["check"] for part in sections if "check" in part}
    result = {name: report[name] for name in ("width", "height", "check_bits", "complete")}
    result |= {"profile": report.get("base_profile", report["profile"]), "model_hash": report.get("model_hash")}
    if states:
        result["check"] = states.pop() if len(states) == 1 else "unchecked"
    return result | {"sections": sections}


def section(part: dict[str, Any]) -> dict[str, Any]:
    """Convert the report of one section."""
    members = {
        name: part[name]
        for name in part.keys() & {"type", "offset", "bytes", "check", "sha256", "shape", "mode", "value", "rate"}
    }
    if "shapes" in part:
        members["shape"] = [part["shapes"]["z"], part["shapes"]["y"]]
    critical = part["type"] >= 0x80
    return members | {"kind": KINDS[part["type"] & 0x3F] if critical else ANCILLARY.get(part["type"])}


def main(arguments: list[str], micro: Any) -> int:
    """Serve the protocol with this module; return the exit status."""
    jobs = 1
    while arguments[:1] in (["--jobs"], ["--leave-out"]):
        option, value, *arguments = arguments
        if option == "--jobs":
            jobs = int(value)
        elif value in ("zlib", "zstd"):
            micro.LEFT_OUT |= {value}
        else:
            raise SystemExit(f"--leave-out: zlib or zstd, not {value}")
    return protocol_server.main(NAME, TIERS, functools.partial(begin, micro, jobs), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], load()))
