# SPDX-License-Identifier: MIT
"""The viewer in the browser, and what its static files are made with."""
