# SPDX-License-Identifier: MIT
"""Run one mutant: `sound` is the micro-decoder itself; `sound-painter`, `sound-encoder`, `sound-editor` are refcodec itself.

python conformance/run_mutant.py NAME --persistent        serve the suite's protocol
python conformance/run_mutant.py --fork-server ADDRESS    serve forks of this process (mutants/fork_server.py)
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters import micro, protocol_server
from mutants import fork_server
from mutants.catalogue import MUTANTS
from mutants.mutant import Mutant

ADAPTERS = Path(__file__).resolve().parent / "adapters"


def run(name: str, arguments: Sequence[str]) -> int:
    """Serve the suite as the named mutant; return the exit status."""
    mutant = MUTANTS[name]
    if mutant.role != "decoder":
        writer = adapter_module("refcodec_writer")
        if mutant.patch is not None:
            mutant.patch(writer)
        status: int = writer.main(list(arguments))
        return status
    if mutant.tier == "P":
        return run_refcodec(mutant, arguments)
    module = micro.load(mutant.change)
    if mutant.patch is not None:
        mutant.patch(protocol_server)
    return micro.main(list(arguments), module)


def run_refcodec(mutant: Mutant, arguments: Sequence[str]) -> int:
    adapter = adapter_module("refcodec")
    server = adapter.protocol_server  # it imports its own

    def begin(registry: Path, data: Path) -> Any:
        decode = adapter.begin(registry, data)  # first: patched modules take their tables when they are imported
        if mutant.patch is not None:
            mutant.patch(adapter)
        return decode

    status: int = server.main(mutant.name, adapter.TIERS, begin, arguments)
    return status


def adapter_module(name: str) -> Any:
    """Return a file of adapters/ as a module, under another name, as one has that of the codec."""
    spec = importlib.util.spec_from_file_location(f"{name}_adapter", ADAPTERS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(arguments: list[str]) -> int:
    if arguments[0] == "--fork-server":
        fork_server.serve(arguments[1], run)
        return 0
    return run(arguments[0], arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
