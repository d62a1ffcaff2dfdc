# SPDX-License-Identifier: MIT
"""English into consonant text and back. Nothing here is normative: SPEC §13.1 defines the consonants, not the words."""
