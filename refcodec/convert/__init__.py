# SPDX-License-Identifier: MIT
"""Public checkpoints into model packages and role folders."""
