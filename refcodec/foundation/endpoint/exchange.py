# SPDX-License-Identifier: MIT
"""Exchange one request and its answer with a server, in bounded time and memory, whatever the server does.

The exchange runs in a thread, which the caller waits for until the deadline: names, connections, TLS, status lines,
headers and bodies may each be slow or endless. At the deadline, and on Ctrl-C, the socket is shut down, which ends the
thread. Bodies are bounded; those of errors and of encodings that were not asked for are not read.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from refcodec.foundation.endpoint.address import PORTS
from refcodec.foundation.endpoint.proxy import open_tunnel, proxy_for

TIMEOUT_S: Final = 300.0  # for an entire exchange: a picture may take minutes
_CHUNK: Final = 1 << 16


class ExchangeError(Exception):
    """A request got no answer; `args[0]` completes "the endpoint …"."""


class Request(NamedTuple):
    """A POST request. answer_max: the most bytes that the body of the answer may have. local: of this machine."""

    url: str
    headers: dict[str, str]
    body: bytes
    answer_max: int
    local: bool


class Answer(NamedTuple):
    """Status, and the body of a successful answer."""

    status: int
    body: bytes


class _TlsSocket(ssl.SSLSocket):
    """A socket that is closed once its peer has gone, also inside `SSLContext.wrap_socket`, which then leaves it open."""

    def getpeername(self) -> Any:
        try:
            return super().getpeername()
        except OSError as error:
            self.close()
            raise ConnectionResetError(errno.ECONNRESET, "the connection is gone") from error


@dataclass
class _Exchange:
    """One exchange while it runs."""

    request: Request
    until: float  # of time.monotonic
    sock: socket.socket | None = None
    aborted: bool = False
    outcome: Answer | BaseException = field(default_factory=TimeoutError)  # until there is another
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            self.outcome = self._exchange()
        except BaseException as error:  # noqa: BLE001 - re-raised, or described, in the thread of the caller
            self.outcome = error
        finally:
            if self.sock is not None:
                self.sock.close()
            self.done.set()

    def abort(self) -> None:
        """Shut the socket down, so that whatever waits for it ends."""
        self.aborted = True
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def _watch(self, sock: socket.socket) -> socket.socket:
        """Remember the socket that `abort` shuts down."""
        self.sock = sock
        if self.aborted:
            raise TimeoutError
        sock.settimeout(max(0.001, self.until - time.monotonic()))
        return sock

    def _exchange(self) -> Answer:
        parts = urlsplit(self.request.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or PORTS[parts.scheme])
        connection.sock = self._socket(parts.scheme, connection.host, connection.port)
        connection.auto_open = 0
        headers = {"Host": parts.netloc, "Connection": "close", **self.request.headers}
        connection.request("POST", parts.path or "/", self.request.body, headers)
        with connection.getresponse() as response:
            if not 200 <= response.status < 300:
                return Answer(response.status, b"")
            if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
                raise ExchangeError("answers in a content encoding that was not asked for")
            return Answer(response.status, self._body(response))

    def _socket(self, scheme: str, host: str, port: int) -> socket.socket:
        """Return the connection to a host, through the proxy of the environment if there is one for it."""
        proxy = None if self.request.local else proxy_for(scheme, host, port)
        left = max(0.001, self.until - time.monotonic())
        if proxy is not None:
            sock = self._watch(socket.create_connection((proxy.host, proxy.port), left))
            open_tunnel(sock, proxy, host, port)
        else:
            sock = self._watch(socket.create_connection((host, port), left))
            if self.request.local:
                _check_local(sock)
        if scheme == "https":
            context = ssl.create_default_context()
            context.sslsocket_class = _TlsSocket
            tls = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
            self._watch(tls)
            tls.do_handshake()
            return tls
        return sock

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        data, limit = bytearray(), self.request.answer_max
        while chunk := response.read1(_CHUNK):
            data += chunk
            if len(data) > limit:
                raise ExchangeError(f"answers with more than {limit} bytes")
            if self.aborted or time.monotonic() > self.until:
                raise TimeoutError
        if response.length:  # fewer bytes than Content-Length
            raise http.client.IncompleteRead(b"")
        return bytes(data)


def _check_local(sock: socket.socket) -> None:
    """Refuse a connection to another machine, which a name such as localhost may lead to."""
    address = sock.getpeername()[0]
    if not (address.startswith("127.") or address in ("::1", "::ffff:127.0.0.1")):
        raise ExchangeError("was not contacted: its name is that of this machine, and its address is not")


def exchange(request: Request, timeout: float, until: float) -> Answer:
    """Return the answer to a request. Raises `ExchangeError` without one.

    until: the deadline, of `time.monotonic`. timeout: the seconds up to it, for the message.
    """
    running = _Exchange(request, until)
    threading.Thread(target=running.run, name="sem-endpoint", daemon=True).start()
    try:
        if not running.done.wait(max(0.0, until - time.monotonic())):
            raise ExchangeError(f"gave no answer in {timeout:g} s")
    finally:
        running.abort()
    outcome = running.outcome
    if isinstance(outcome, Answer):
        return outcome
    what = _what(outcome, timeout)
    if what is None:
        raise outcome
    raise ExchangeError(what) from outcome


def _what(error: BaseException, timeout: float) -> str | None:
    """Return the message for an error of the server or of the way to it; None for any other, a bug for example."""
    if isinstance(error, TimeoutError):
        return f"gave no answer in {timeout:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "cannot be reached: its certificate is not valid for this host"
    if isinstance(
        error, OSError | UnicodeError | http.client.IncompleteRead
    ):  # UnicodeError: a name that DNS cannot hold
        return "cannot be reached"
    if isinstance(error, http.client.HTTPException):
        return "answers with something that is not HTTP"
    return None
