# SPDX-License-Identifier: MIT
"""Analysis and synthesis transforms of the codec's own models, in floating point."""
