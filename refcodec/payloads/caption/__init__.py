# SPDX-License-Identifier: MIT
"""SPEC §13.2 Caption text (kind 2): its modes, the static model's coder, and foreign compressed streams."""
