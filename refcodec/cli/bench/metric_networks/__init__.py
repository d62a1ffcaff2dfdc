# SPDX-License-Identifier: MIT
"""Metrics that are networks. Each has one safetensors file with the tensor names of the public checkpoints (`weights`)."""
