# SPDX-License-Identifier: MIT
"""One mutant as a decoder: python decoder.py NAME --persistent. `sound` is the micro-decoder as it is."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "adapters")]

import micro
import speak
from answers import ANSWERS
from edits import EDITS
from mutant import Mutant

SOUND = Mutant("sound", "nothing")
MUTANTS = {mutant.name: mutant for mutant in (SOUND, *EDITS, *ANSWERS)}

if __name__ == "__main__":
    chosen = MUTANTS[sys.argv[1]]
    module = micro.load(chosen.change)
    if chosen.patch is not None:
        chosen.patch(speak)
    sys.exit(micro.main(sys.argv[2:], module))
