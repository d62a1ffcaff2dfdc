# SPDX-License-Identifier: MIT
"""Limits on what code may do while it reads files that are not trusted: audit hooks and limits of a process. Imports no torch."""
