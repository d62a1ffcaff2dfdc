# SPDX-License-Identifier: MIT
"""Foundation models by role: locate, download, load and run them; one module per role."""
