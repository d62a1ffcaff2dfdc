# SPDX-License-Identifier: MIT
"""Run one mutant as a decoder: `sound` is the micro-decoder itself, `sound-painter` refcodec itself.

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

ADAPTER = Path(__file__).resolve().parent / "adapters" / "refcodec.py"


def run(name: str, arguments: Sequence[str]) -> int:
    """Serve the suite as the named mutant; return the exit status."""
    mutant = MUTANTS[name]
    if mutant.tier == "P":
        return run_refcodec(mutant, arguments)
    module = micro.load(mutant.change)
    if mutant.patch is not None:
        mutant.patch(protocol_server)
    return micro.main(list(arguments), module)


def run_refcodec(mutant: Mutant, arguments: Sequence[str]) -> int:
    adapter = refcodec_adapter()
    server = adapter.protocol_server  # it imports its own

    def begin(registry: Path, data: Path) -> Any:
        decode = adapter.begin(registry, data)  # first: patched modules take their tables when they are imported
        if mutant.patch is not None:
            mutant.patch(adapter)
        return decode

    status: int = server.main(mutant.name, adapter.TIERS, begin, arguments)
    return status


def refcodec_adapter() -> Any:
    """Return adapters/refcodec.py as a module, under another name than that of the codec."""
    spec = importlib.util.spec_from_file_location("refcodec_adapter", ADAPTER)
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
