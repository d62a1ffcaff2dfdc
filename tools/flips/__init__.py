# SPDX-License-Identifier: MIT
"""Decode every bit flip and every prefix of every test vector: a valid decode or a SemError, nothing else, and soon."""
