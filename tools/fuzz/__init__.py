# SPDX-License-Identifier: MIT
"""Fuzz everything that reads bytes of others: `python -m tools.fuzz --help`, or `make fuzz`."""
