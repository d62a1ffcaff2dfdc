# SPDX-License-Identifier: MIT
"""Vectors of the payload kinds that are drafts (drafts/README.md)."""
