# SPDX-License-Identifier: MIT
"""Record, build and check a release (docs/releasing.md). Nothing is uploaded."""

from tools import program

program.begin()
