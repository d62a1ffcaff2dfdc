# SPDX-License-Identifier: MIT
"""Makes test_vectors/ from recipes."""
