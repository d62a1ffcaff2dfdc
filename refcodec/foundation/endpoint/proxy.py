# SPDX-License-Identifier: MIT
"""Reach a host through the proxy that https_proxy and no_proxy name.

The proxy passes bytes on (CONNECT), so that it sees the name of the host and neither the key nor the picture.
"""

from __future__ import annotations

import base64
import http.client
import socket
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass


class Proxy(NamedTuple):
    """Host and port of a proxy, and its own authorisation."""

    host: str
    port: int
    authorisation: str | None


def proxy_for(scheme: str, host: str, port: int) -> Proxy | None:
    """Return the proxy of the environment for a host, None without one. Raises OSError for an invalid one."""
    url = getproxies().get(scheme)
    if not url or proxy_bypass(f"{host}:{port}"):
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        name, number = parts.hostname, parts.port or 80
    except ValueError:
        name = None
    if name is None or parts.scheme != "http":
        raise OSError("the proxy is not http://host:port")
    user = unquote(parts.username or "")
    token = base64.b64encode(f"{user}:{unquote(parts.password or '')}".encode()).decode()
    return Proxy(name, number, f"Basic {token}" if user else None)


def open_tunnel(sock: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Ask a proxy to pass bytes on to host and port. Raises OSError if it does not."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    lines += [f"Proxy-Authorization: {proxy.authorisation}"] if proxy.authorisation else []
    sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    response = http.client.HTTPResponse(sock, method="CONNECT")
    response.begin()
    status = response.status
    response.close()
    if status != http.client.OK:
        raise OSError(f"the proxy answers with status {status}")
