# SPDX-License-Identifier: MIT
"""Search the latents of one picture for the best file: what an encoder sends is its freedom (SPEC §14)."""
