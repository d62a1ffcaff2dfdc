# SPDX-License-Identifier: MIT
"""All mutants by name, and the correct programs: those that they are made of, and one that leaves out foreign modes."""

from __future__ import annotations

from mutants.mutant import Mutant
from mutants.mutants_captions import CAPTIONS
from mutants.mutants_documents import READINGS
from mutants.mutants_parser import EDITS
from mutants.mutants_pixels import PICTURES
from mutants.mutants_protocol import ANSWERS
from mutants.mutants_writers import WRITERS

SOUND = Mutant("sound", "nothing")
SOUND_EMBEDDED = Mutant(
    "sound-embedded",
    "nothing; it leaves out mode zlib (SEM-R-165)",
    edits=(("LEFT_OUT: frozenset[str] = frozenset()", 'LEFT_OUT: frozenset[str] = frozenset({"zlib"})'),),
)
SOUND_PAINTER = Mutant("sound-painter", "nothing", tier="P")
SOUND_ENCODER = Mutant("sound-encoder", "nothing", role="encoder")
SOUND_EDITOR = Mutant("sound-editor", "nothing", role="editor")
SOUNDS = (SOUND, SOUND_EMBEDDED, SOUND_PAINTER, SOUND_ENCODER, SOUND_EDITOR)
MUTANTS = {mutant.name: mutant for mutant in (*SOUNDS, *EDITS, *READINGS, *CAPTIONS, *ANSWERS, *PICTURES, *WRITERS)}
