# SPDX-License-Identifier: MIT
"""Reduce English to consonant text and restore it. Not normative: SPEC §13.1 defines the consonants, not the words."""
