# SPDX-License-Identifier: MIT
"""Run the attacks of docs/robustness.md, and write that page."""
