# SPDX-License-Identifier: MIT
"""Measurements: rates and distortions of a codec against anchors, and how long things take."""
