# SPDX-License-Identifier: MIT
"""`python -m refcodec` is `semtool`."""

import sys

from refcodec.cli.main import main

sys.exit(main())
