# SPDX-License-Identifier: MIT
"""Differential fuzzing: several decoders on the same generated files, which must agree."""
