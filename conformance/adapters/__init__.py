# SPDX-License-Identifier: MIT
"""Decoders as the conformance suite calls them. Each adapter is also a script of its own."""
