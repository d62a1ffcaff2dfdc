# SPDX-License-Identifier: MIT
"""Names of open descriptors: /dev/stdout, /dev/fd/3, /proc/self/fd/1, and symbolic links to them.

They mean what is open there, at its position: a file that standard output appends to is not replaced under that name.
"""

from __future__ import annotations

import os
import re
from typing import Final

_STANDARD: Final = {"stdin": 0, "stdout": 1, "stderr": 2}
_NAME: Final = re.compile(
    r"/dev/(?P<stream>stdin|stdout|stderr)|/dev/fd/(?P<dev>[0-9]{1,9})"
    r"|/proc/(?P<process>self|thread-self|[0-9]{1,9})(?:/task/[0-9]{1,9})?/fd/(?P<proc>[0-9]{1,9})"
)
_LINKS_MAX: Final = 40  # as the kernel follows


def descriptor_of(name: str) -> int | None:
    """Return the descriptor of this process that a path names, None if it names none."""
    if os.name != "posix":
        return None
    for _ in range(_LINKS_MAX):
        path = os.path.normpath(name)
        match = _NAME.fullmatch(path.replace("//", "/", 1) if path.startswith("//") else path)
        if match:
            return _number(match)
        try:
            link = os.readlink(name)
        except (OSError, ValueError):
            return None
        name = os.path.join(os.path.dirname(name), link)
    return None


def _number(match: re.Match[str]) -> int | None:
    if match["stream"]:
        return _STANDARD[match["stream"]]
    if match["dev"]:
        return int(match["dev"])
    own = match["process"] in ("self", "thread-self") or int(match["process"]) == os.getpid()
    return int(match["proc"]) if own else None
