# SPDX-License-Identifier: MIT
"""The payload kinds of SPEC §6, one module each; none of them imports torch."""
