# SPDX-License-Identifier: MIT
"""All mutants by name, and the two correct decoders that they are made of."""

from __future__ import annotations

from mutants.mutant import Mutant
from mutants.mutants_documents import READINGS
from mutants.mutants_parser import EDITS
from mutants.mutants_pixels import PICTURES
from mutants.mutants_protocol import ANSWERS

SOUND = Mutant("sound", "nothing")
SOUND_PAINTER = Mutant("sound-painter", "nothing", tier="P")
SOUNDS = (SOUND, SOUND_PAINTER)
MUTANTS = {mutant.name: mutant for mutant in (*SOUNDS, *EDITS, *READINGS, *ANSWERS, *PICTURES)}
