# SPDX-License-Identifier: MIT
"""Make the implementer's kit: one archive with what is needed to write a decoder or an encoder (decision 0060)."""
