# SPDX-License-Identifier: MIT
"""Run the benches of docs/results.md, keep their figures, and write that page."""
