# SPDX-License-Identifier: MIT
"""`semtool`, the command line of the `.sem` format. Each command is one module, imported when it is called."""
