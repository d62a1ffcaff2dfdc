# SPDX-License-Identifier: MIT
"""Adapters: decoders behind the protocol of the conformance suite. Each is also a script."""
