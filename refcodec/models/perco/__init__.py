# SPDX-License-Identifier: MIT
"""PerCo (Careil et al. 2024) on public classes: hyper-encoder, sampler, and the reading of published weights."""
