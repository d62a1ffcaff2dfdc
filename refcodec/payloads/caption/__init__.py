# SPDX-License-Identifier: MIT
"""Code captions (SPEC §13.2, kind 2): modes, the PPM coder of mode static, and foreign compressed streams."""
