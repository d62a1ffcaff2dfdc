# SPDX-License-Identifier: MIT
"""Method 5, `perco` (Careil et al. 2024; SPEC §B.5)."""
