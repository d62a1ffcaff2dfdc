# SPDX-License-Identifier: MIT
"""Fuzz everything that reads untrusted bytes: `python -m tools.fuzz --help`, or `make fuzz`."""
