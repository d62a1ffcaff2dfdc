# SPDX-License-Identifier: MIT
"""A demonstration with real models of others: HED for sketches, and a small language model for words (make demo-real)."""
