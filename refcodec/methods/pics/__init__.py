# SPDX-License-Identifier: MIT
"""Method 4, `pics` (Lei et al. 2023, Text+Sketch; SPEC §B.4)."""
