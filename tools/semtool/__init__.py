# SPDX-License-Identifier: MIT
"""The command line of the `.sem` format. Each command is one module and is imported only when it is called."""
