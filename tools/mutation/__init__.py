# SPDX-License-Identifier: MIT
"""Mutation testing of the error checks of refcodec; see tools/mutate.py."""
