# SPDX-License-Identifier: MIT
"""What an error inside an exchange with a server becomes: those of the network are described, and bugs stay bugs."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from typing import Any

import pytest

from refcodec.errors import SemError
from refcodec.foundation.endpoint import RemoteLanguageModel, address
from refcodec.foundation.endpoint import exchange as exchanges

LATE = "gave no answer in 3 s"
UNREACHABLE = "cannot be reached"
NOT_HTTP = "answers with something that is not HTTP"
DESCRIBED = [
    (TimeoutError(), LATE),
    (socket.gaierror(-2, "Name or service not known"), UNREACHABLE),
    (ConnectionRefusedError(111, "Connection refused"), UNREACHABLE),
    (http.client.RemoteDisconnected("closed"), UNREACHABLE),
    (http.client.IncompleteRead(b""), UNREACHABLE),
    (UnicodeError("label too long"), UNREACHABLE),
    (ssl.SSLError(1, "wrong version number"), UNREACHABLE),
    (ssl.SSLCertVerificationError(1, "expired"), f"{UNREACHABLE}: its certificate is not valid for this host"),
    (http.client.BadStatusLine("x"), NOT_HTTP),
    (http.client.LineTooLong("header line"), NOT_HTTP),
]
PASSED_ON = [AttributeError("a bug"), ValueError("a bug"), MemoryError(), exchanges.ExchangeError("answers oddly")]


def ask(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> None:
        raise error

    monkeypatch.setattr(exchanges._Exchange, "_exchange", fail)
    request = exchanges.Request("http://127.0.0.1:9/v1", {}, b"", 99, local=True)
    exchanges.exchange(request, 3, time.monotonic() + 3)


@pytest.mark.parametrize(("error", "what"), DESCRIBED, ids=[type(error).__name__ for error, _ in DESCRIBED])
def test_errors_of_the_network_are_described(error: Exception, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(exchanges.ExchangeError) as caught:
        ask(error, monkeypatch)
    assert caught.value.args == (what,)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", PASSED_ON, ids=[type(error).__name__ for error in PASSED_ON])
def test_other_errors_are_passed_on(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(type(error)) as caught:
        ask(error, monkeypatch)
    assert caught.value is error


def test_the_error_of_a_role_shows_no_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames of the exchange hold the headers, and so the key."""

    def refuse(_: Any) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(exchanges._Exchange, "_exchange", refuse)
    role = RemoteLanguageModel("language", address("http://127.0.0.1:9/v1#m"))
    with pytest.raises(SemError, match=UNREACHABLE) as caught:
        role.chat("it", 5)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
