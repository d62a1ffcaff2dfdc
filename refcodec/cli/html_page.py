# SPDX-License-Identifier: MIT
"""HTML pages that this program writes: one file without scripts, under a policy that allows its own style and pictures."""

from __future__ import annotations

import base64
import hashlib
from html import escape

# What a browser may do with a page. `style` is its only style sheet; style attributes have no effect. `images`: those
# of a page that contains some.
_POLICY = (
    "default-src 'none'; script-src 'none'; style-src 'sha256-{style}'; {images}base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def page(title: str, style: str, body: str, *, images: bool = False) -> str:
    """Return an HTML document. `title` is text; `style` is CSS, `body` HTML without scripts and style attributes.

    images: whether the body contains pictures, as data.

    A policy in the document cannot forbid frames around it (frame-ancestors); a server sends that as a header.
    """
    return "".join(
        [
            "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>",
            f'<meta http-equiv="Content-Security-Policy" content="{policy(style, images=images)}">',
            "<meta name='referrer' content='no-referrer'><meta name='viewport' content='width=device-width'>",
            f"<title>{escape(title)}</title><style>{style}</style></head><body>\n",
            body,
            "</body></html>\n",
        ]
    )


def policy(style: str, *, images: bool = False) -> str:
    """Return the Content-Security-Policy of a page with this style sheet and no other content than text.

    images: and pictures that are part of the page (data: addresses).
    """
    digest = hashlib.sha256(style.encode("utf-8", "backslashreplace")).digest()
    return _POLICY.format(style=base64.b64encode(digest).decode("ascii"), images="img-src data:; " if images else "")


class Rules:
    """Classes for styles that depend on content, since a policy allows no style attributes."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, declarations: str) -> str:
        """Return the class that has these declarations, such as `background:red`."""
        return self._names.setdefault(declarations, f"s{len(self._names)}")

    def css(self) -> str:
        """Return the rules of all classes."""
        return "".join(f".{name}{{{declarations}}}\n" for declarations, name in self._names.items())
