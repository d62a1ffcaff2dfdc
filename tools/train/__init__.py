# SPDX-License-Identifier: MIT
"""Programs that train the models that ship, and their parts; docs/training has a page for each model."""

from tools import program

program.begin()
