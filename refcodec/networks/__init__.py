# SPDX-License-Identifier: MIT
"""SPEC §11 and §12: integer networks, symbol models, and the model packages that contain them."""
