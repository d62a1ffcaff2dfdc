# SPDX-License-Identifier: MIT
"""Conformance runner: give every vector of a suite to a decoder command, and report a verdict on each.

Standard library only, and independent of any decoder: the suite is defined by its manifest, the decoder by PROTOCOL.md.
"""
