# SPDX-License-Identifier: MIT
"""The documentation site: what Sphinx lacks for this repository, drawings and commands of the tutorial."""
