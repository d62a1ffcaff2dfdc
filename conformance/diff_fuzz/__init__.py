# SPDX-License-Identifier: MIT
"""Several decoders at the same files, which nobody has written down an answer for: they are to agree."""
