# SPDX-License-Identifier: MIT
"""Payload kinds that are drafts (`drafts/README.md`), one module each; only `kinds.WITH_DRAFTS` knows them."""
