# SPDX-License-Identifier: MIT
"""ELIC (He et al. 2022): transforms, and the float entropy model that training and conversion use."""
