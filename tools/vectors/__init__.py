# SPDX-License-Identifier: MIT
"""Generate test_vectors/ from the cases in `cases/`, one module for each section of SPEC.md."""
