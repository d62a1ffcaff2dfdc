# SPDX-License-Identifier: MIT
"""Parse the address of an endpoint, https://host/v1#MODEL, and normalise its host."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

PORTS: Final = {"https": 443, "http": 80}  # scheme -> default port
FORM: Final = "an endpoint is https://host/v1#MODEL"
_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")


@dataclass(frozen=True)
class Address:
    """Address of a model.

    base: URL to which paths are appended. host: name in lower case without a trailing dot, and the port unless it is the
    default of the scheme; keys belong to exactly one such host. local: it is this machine, by a loopback address or name.
    """

    base: str
    host: str
    model: str
    local: bool

    @property
    def name(self) -> str:
        return f"{self.host}#{self.model}"


def address(url: str) -> Address:
    """Parse https://host/v1#MODEL. Raises ValueError, without repeating the URL, if it is invalid."""
    try:
        parts = urlsplit(url)
        name, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        raise ValueError(FORM) from None  # its text has a piece of the URL, perhaps of a password
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "the URL of an endpoint holds no user and no password: its key is in the environment variable SEM_ENDPOINT_KEY"
        )
    if not parts.fragment or parts.query or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(FORM)
    if parts.scheme not in PORTS or port == 0 or not (_NAME.fullmatch(name) or _address(name)):
        raise ValueError(FORM)
    local = _loopback(name)
    if parts.scheme != "https" and not local:
        raise ValueError("an endpoint is reached by https; http is for this machine only")
    host = f"[{name}]" if ":" in name else name
    host = host if port in (None, PORTS[parts.scheme]) else f"{host}:{port}"
    return Address(f"{parts.scheme}://{host}{parts.path.rstrip('/')}", host, parts.fragment, local)


def host_of(text: str) -> str:
    """Return host[:port] in the form of `Address.host`, of https if it names no scheme. Raises ValueError."""
    host = text.strip()
    scheme, separator, rest = host.partition("://")
    return address(f"{scheme if separator else 'https'}://{rest if separator else host}#model").host


def _address(name: str) -> bool:
    try:
        return ipaddress.ip_address(name) is not None
    except ValueError:
        return False


def _loopback(name: str) -> bool:
    return name == "localhost" or (_address(name) and ipaddress.ip_address(name).is_loopback)
