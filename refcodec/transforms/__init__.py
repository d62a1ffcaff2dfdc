# SPDX-License-Identifier: MIT
"""Floating-point analysis and synthesis transforms of the codec's own models."""
