# SPDX-License-Identifier: MIT
"""The runner of the conformance suite: vectors in, a command that decodes, a verdict on each out.

Standard library only, and nothing of any decoder: it knows the suite by its manifest and a decoder by PROTOCOL.md.
"""
