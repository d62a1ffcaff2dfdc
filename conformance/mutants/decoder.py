# SPDX-License-Identifier: MIT
"""One mutant as a decoder: python decoder.py NAME --persistent. `sound` is the micro-decoder as it is, `sound-painter` refcodec."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ADAPTERS = HERE.parent / "adapters"
sys.path += [str(HERE), str(ADAPTERS)]

import micro
import speak
from answers import ANSWERS
from edits import EDITS
from mutant import Mutant
from pictures import PICTURES

SOUND = Mutant("sound", "nothing")
SOUND_PAINTER = Mutant("sound-painter", "nothing", tier="P")
MUTANTS = {mutant.name: mutant for mutant in (SOUND, SOUND_PAINTER, *EDITS, *ANSWERS, *PICTURES)}


def refcodec_adapter() -> Any:
    """adapters/refcodec.py, by its path and under another name: it has the codec's."""
    spec = importlib.util.spec_from_file_location("refcodec_adapter", ADAPTERS / "refcodec.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(mutant: Mutant, arguments: list[str]) -> int:
    if mutant.tier == "P":
        adapter = refcodec_adapter()

        def begin(registry: Path, data: Path) -> speak.Decode:
            decode = adapter.begin(
                registry, data
            )  # before modules are patched that take their tables when they are imported
            if mutant.patch is not None:
                mutant.patch(adapter)
            return decode

        return speak.main(mutant.name, adapter.TIERS, begin, arguments)
    module = micro.load(mutant.change)
    if mutant.patch is not None:
        mutant.patch(speak)
    return micro.main(arguments, module)


if __name__ == "__main__":
    sys.exit(main(MUTANTS[sys.argv[1]], sys.argv[2:]))
