# SPDX-License-Identifier: MIT
"""Load any picture file as 8-bit sRGB, save pictures, detect edges, and lay out contact sheets."""
