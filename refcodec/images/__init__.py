# SPDX-License-Identifier: MIT
"""Pictures in and out: any picture file as 8-bit sRGB, edge maps, contact sheets."""
