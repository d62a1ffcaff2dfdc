# SPDX-License-Identifier: MIT
"""What an inspection says, in words and as HTML: for `semtool inspect`, its page, and notebooks."""
