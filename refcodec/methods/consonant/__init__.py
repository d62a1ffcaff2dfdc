# SPDX-License-Identifier: MIT
"""Method 2, `consonant` (Dotzel et al. 2024; SPEC §B.2)."""
