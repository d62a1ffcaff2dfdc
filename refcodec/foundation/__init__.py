# SPDX-License-Identifier: MIT
"""Other people's models by role: where they come from, how they are loaded, and one module a role."""
