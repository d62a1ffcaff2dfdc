# SPDX-License-Identifier: MIT
"""ELIC (He et al. 2022): transforms, and the float entropy model for training and conversion."""
