# SPDX-License-Identifier: MIT
"""Measure rates and distortions of a codec against anchors, and running times."""
