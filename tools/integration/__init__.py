# SPDX-License-Identifier: MIT
"""Manual pages of `semtool`, made of its help: `integration/man/`."""
