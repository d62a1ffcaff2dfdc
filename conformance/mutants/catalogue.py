# SPDX-License-Identifier: MIT
"""All mutants by name, and the correct decoders: the two that they are made of, and one that leaves out foreign modes."""

from __future__ import annotations

from mutants.mutant import Mutant
from mutants.mutants_captions import CAPTIONS
from mutants.mutants_parser import EDITS
from mutants.mutants_pixels import PICTURES
from mutants.mutants_protocol import ANSWERS

SOUND = Mutant("sound", "nothing")
SOUND_EMBEDDED = Mutant(
    "sound-embedded",
    "nothing; it leaves out mode zlib (SEM-R-165)",
    edits=(("LEFT_OUT: frozenset[str] = frozenset()", 'LEFT_OUT: frozenset[str] = frozenset({"zlib"})'),),
)
SOUND_PAINTER = Mutant("sound-painter", "nothing", tier="P")
SOUNDS = (SOUND, SOUND_EMBEDDED, SOUND_PAINTER)
MUTANTS = {mutant.name: mutant for mutant in (*SOUNDS, *EDITS, *CAPTIONS, *ANSWERS, *PICTURES)}
