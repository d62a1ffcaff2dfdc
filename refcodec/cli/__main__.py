# SPDX-License-Identifier: MIT
"""`python -m refcodec.cli` is `semtool`."""

import sys

from refcodec.cli.main import main

sys.exit(main())
