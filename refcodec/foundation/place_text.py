# SPDX-License-Identifier: MIT
"""The place of a model in a message: never the user and the password of a URL, in whatever form it is written."""

from __future__ import annotations

import re
from typing import Final

from refcodec.fileio import shown

# of a URL, with or without its scheme, or of user:password@host
_USER: Final = re.compile(r"^([^/\\:@]{2,}:[/\\]*|[^/\\:@]*//(?=[^/]*:)).*@", re.DOTALL)
_URL: Final = re.compile(r"\s*[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def shown_place(place: str) -> str:
    """Return the place of a model for a one-line message, without what may be a user and a password."""
    return shown(without_user(place))


def without_user(place: str) -> str:
    """Return the place of a model without what may be a user and a password."""
    return _USER.sub(r"\1…@", place)


def is_url(place: str) -> bool:
    """Return whether a text is meant as a URL; a path object has lost one of its slashes."""
    return _URL.match(place) is not None
