# SPDX-License-Identifier: MIT
"""Deliberately wrong decoders: the suite must fail every one of them (conformance/selftest.py)."""
