# SPDX-License-Identifier: MIT
"""Changes to inputs: of plain bytes, and of formats with lengths and checks corrected."""
