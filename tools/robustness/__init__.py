# SPDX-License-Identifier: MIT
"""Measure what the library withstands, and write docs/robustness.md."""
