# SPDX-License-Identifier: MIT
"""`python -m semtool` is `semtool`."""

import sys

from semtool.main import main

sys.exit(main())
