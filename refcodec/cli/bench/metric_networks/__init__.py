# SPDX-License-Identifier: MIT
"""Metrics that are networks. One safetensors file each, with the tensor names of the public checkpoints (see `weights`)."""
