# SPDX-License-Identifier: MIT
"""Convert public checkpoints to model packages and role folders."""
