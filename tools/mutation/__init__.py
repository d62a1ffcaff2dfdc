# SPDX-License-Identifier: MIT
"""Every rejection of refcodec, taken away one at a time."""
