# SPDX-License-Identifier: MIT
"""Draft kinds for the micro-decoder, each written from its text in drafts/ alone; nothing comes from refcodec."""
