# SPDX-License-Identifier: MIT
"""Servers that never end, stall, or answer with something else: each ends in one error, in time, and leaves no thread."""

from __future__ import annotations

import gc
import gzip
import json
import socket
import ssl
import struct
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from refcodec.errors import Code, SemError
from refcodec.foundation.endpoint import Endpoint, RemoteLanguageModel, RemoteTextToImage, address
from refcodec.foundation.endpoint.answer_json import NotJson, parse_answer
from refcodec.limits import Limits, TimeLimitError

TIMEOUT_S = 0.4
SLACK_S = 2.5  # of a busy machine
Script = Callable[[socket.socket], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Script], int]]:
    """Run a script for each connection to a port of this machine; return the port."""
    listeners: list[socket.socket] = []

    def start(script: Script) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            connection.settimeout(10)
            with suppress(OSError), connection:
                script(connection)

        threading.Thread(target=accept, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.close()


def forever(piece: bytes, start: bytes = b"", wait: float = 0.01) -> Script:
    """Send `start`, then one piece after the other until the client is gone."""

    def script(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(start)
        while True:
            connection.sendall(piece)
            time.sleep(wait)

    return script


def once(data: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while connection.recv(1 << 16):
                pass

    return script


def silent(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        pass


def never_reads(connection: socket.socket) -> None:
    time.sleep(10)


OK = b"HTTP/1.1 200 OK\r\n"
HEAD = OK + b"\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ANSWER = json.dumps({"choices": [{"message": {"content": "yes"}}]}).encode()
LATE = f"gave no answer in {TIMEOUT_S:g} s"
STALLS = {
    "nothing": silent,
    "never reads": never_reads,
    "one byte of the status line at a time": forever(b"H"),
    "one byte of a header at a time": forever(b"x", OK + b"X: "),
    "100 continue without end": forever(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers of 100 continue without end": forever(b"X: y\r\n", b"HTTP/1.1 100 Continue\r\n", 0.1),
    "headers, slowly": forever(b"X: y\r\n", OK, 0.1),
    "a body without end, slowly": forever(b" ", OK + b"\r\n"),
    "a huge chunk, slowly": forever(b" ", CHUNKED + b"ffffffffffffffff\r\n"),
    "a chunk size without end": forever(b"0", CHUNKED),
    "a chunk extension without end": forever(b"x", CHUNKED + b"5;x="),
    "empty trailers without end": forever(b"X: y\r\n", CHUNKED + b"0\r\n"),
    "a negative chunk": forever(b" ", CHUNKED + b"-5\r\n"),
    "a length without a body": forever(b"", OK + b"Content-Length: 100\r\n\r\n"),
}


def failure(role: Endpoint, prompt: str = "it") -> SemError:
    """Return the error of a question, and check that it is one line, in time, and leaves no thread behind."""
    start = time.monotonic()
    with pytest.raises(SemError) as caught:
        role.chat(prompt, 5)
    assert time.monotonic() - start < SLACK_S
    assert caught.value.code == Code.MODEL_UNAVAILABLE
    assert str(caught.value).isprintable()
    until = time.monotonic() + SLACK_S
    while any(thread.name == "sem-endpoint" for thread in threading.enumerate()):
        assert time.monotonic() < until, "the thread of the exchange goes on"
        time.sleep(0.01)
    return caught.value


def language(port: int, scheme: str = "http", **settings: Any) -> RemoteLanguageModel:
    return RemoteLanguageModel(
        "language", address(f"{scheme}://127.0.0.1:{port}/v1#m"), **{"timeout": TIMEOUT_S, **settings}
    )


@pytest.mark.parametrize("script", STALLS.values(), ids=STALLS)
def test_a_server_that_stalls(serve: Any, script: Script) -> None:
    prompt = "x" * (1 << 24 if script is never_reads else 1)  # more than the buffers of the system hold
    assert LATE in failure(language(serve(script)), prompt).what


@pytest.mark.parametrize("script", [silent, forever(b"\x16"), forever(b"\x16\x03\x03\xff\xff")])
def test_tls_that_stalls(serve: Any, script: Script) -> None:
    what = failure(language(serve(script), "https")).what
    assert LATE in what or "cannot be reached" in what


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("late", [(socket, "create_connection"), (ssl, "create_default_context")])
def test_a_connection_that_is_reset_leaves_no_socket_open(
    serve: Any, monkeypatch: pytest.MonkeyPatch, scheme: str, late: tuple[Any, str]
) -> None:
    """The peer resets the connection after it is made, before its address is asked for or TLS begins."""
    gone = threading.Event()

    def reset(connection: socket.socket) -> None:
        connection.sendall(b"\x16")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        gone.set()

    original = getattr(*late)

    def slow(*arguments: Any) -> Any:
        made = original(*arguments)
        assert gone.wait(5)
        return made

    monkeypatch.setattr(*late, slow)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        what = failure(language(serve(reset), scheme, timeout=10)).what
        gc.collect()
    assert "cannot be reached" in what
    assert [str(warning.message) for warning in seen] == []


def test_a_name_that_is_never_found(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def resolve(*_: Any, **__: Any) -> Any:
        gate.wait(1.0)
        raise socket.gaierror(-2, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    role = RemoteLanguageModel("language", address("https://example.com/v1#m"), timeout=TIMEOUT_S)
    assert LATE in failure(role).what


SENT = {
    "HTTP 0.9": (once(b"hello"), "is not HTTP"),
    "HTTP 9": (once(b"HTTP/9.9 200 OK\r\n\r\n" + ANSWER), "is not HTTP"),
    "too many headers": (once(OK + b"X: y\r\n" * 1000 + b"\r\n" + ANSWER), "is not HTTP"),
    "a long header": (once(OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n" + ANSWER), "is not HTTP"),
    "a status that is no number": (once(b"HTTP/1.1 abc OK\r\n\r\n"), "is not HTTP"),
    "a chunk that is no number": (once(CHUNKED + b"xyz\r\n"), "cannot be reached"),
    "an interrupted body": (once(OK + b"Content-Length: 500\r\n\r\n" + ANSWER), "cannot be reached"),
    "no byte": (once(b""), "cannot be reached"),
    "a status text for the terminal": (once(b"HTTP/1.1 418 \x1b[2J\x07\x00\r\n\r\n"), "answers with status 418"),
    "an error without end": (forever(b"x" * 65536, b"HTTP/1.1 500 No\r\n\r\n", 0), "answers with status 500"),
    "a redirect without end": (
        forever(b"x" * 65536, b"HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/\r\n\r\n", 0),
        "answers with status 302",
    ),
    "a bomb": (
        once(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(1 << 22))),
        "answers in a content encoding that was not asked for",
    ),
    "a body without end": (forever(b"x" * 65536, OK + b"\r\n", 0), "answers with more than 1048576 bytes"),
    "chunks without end": (
        forever(b"8000\r\n" + b"x" * 32768 + b"\r\n", CHUNKED, 0),
        "answers with more than 1048576 bytes",
    ),
}


@pytest.mark.parametrize("name", SENT)
def test_a_server_that_sends_something_else(serve: Any, name: str) -> None:
    script, what = SENT[name]
    assert what in failure(language(serve(script), timeout=10)).what


def test_the_bound_of_the_caller(serve: Any) -> None:
    role = language(serve(silent), timeout=10, limits=Limits(timeout=0.3).start())
    start = time.monotonic()
    with pytest.raises(TimeLimitError, match=r"not done in 0.3 s, the time limit of the caller") as caught:
        role.chat("it", 5)
    assert caught.value.status == 6
    assert time.monotonic() - start < SLACK_S


def test_both_tries_share_one_deadline(serve: Any) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        time.sleep(0.3)
        connection.sendall(b"HTTP/1.1 400 No\r\n\r\n")

    assert LATE in failure(language(serve(script))).what


def test_this_machine_is_not_another(monkeypatch: pytest.MonkeyPatch, serve: Any) -> None:
    """A name of this machine that leads elsewhere gets nothing."""
    port = serve(once(OK + b"\r\n" + ANSWER))

    class Elsewhere(socket.socket):
        def getpeername(self) -> Any:
            return ("192.0.2.1", port)

    def connect(where: Any, timeout: float) -> socket.socket:
        sock = Elsewhere()
        sock.connect(("127.0.0.1", port))
        return sock

    monkeypatch.setattr(socket, "create_connection", connect)
    assert "its address is not" in failure(language(port)).what


def test_a_proxy_sees_no_key(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(connection.recv(1 << 16))
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        seen.append(connection.recv(1 << 16))

    monkeypatch.setenv("https_proxy", f"http://me:pass@127.0.0.1:{serve(script)}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("SEM_ENDPOINT_KEY", "sk-secret")
    role = RemoteLanguageModel("language", address("https://example.com/v1#m"), timeout=TIMEOUT_S)
    assert "cannot be reached" in failure(role).what
    assert seen[0].startswith(
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nProxy-Authorization: Basic"
    )
    assert seen[1][:1] == b"\x16"  # TLS begins
    assert b"sk-secret" not in b"".join(seen)


# --- The JSON of an answer ---


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b'{"a": 1, "a": 2}', "JSON that repeats a name"),
        (b'{"a": NaN}', "a number that is not finite"),
        (b'{"a": -Infinity}', "a number that is not finite"),
        (b'{"a": 1e999}', "a number that is not finite"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number of too many digits"),
        (b'{"a": 0.' + b"9" * 5000 + b"}", "a number of too many digits"),
        (b"[" * 60_000, "something that is not JSON"),
        (b"[" * 60_000 + b"]" * 60_000, "something that is not JSON"),
        (b"[" + b"{}," * 200_000 + b"{}]", "too many values"),
        (b'\xff\xfe{"', "something that is not JSON"),
        (b"", "something that is not JSON"),
    ],
)
def test_json_that_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(NotJson, match=what):
        parse_answer(data)


@pytest.mark.parametrize("data", [b"[]", b"7", b'"x"', b"null", b'{"choices": {"0": 1}}', b'{"choices": "text"}'])
def test_json_of_another_shape(serve: Any, data: bytes) -> None:
    assert "answers without a message" in failure(language(serve(once(OK + b"\r\n" + data)))).what
    painter = RemoteTextToImage("painter", address(f"http://127.0.0.1:{serve(once(HEAD + data))}/v1#m"))
    with pytest.raises(SemError, match="answers without a picture"):
        painter.paint("it", (32, 32), seed=0)


def test_a_text_that_no_encoding_holds(serve: Any) -> None:
    data = b'{"choices": [{"message": {"content": "a\\ud800b"}}]}'
    assert language(serve(once(OK + b"\r\n" + data))).ask("", "", 1).encode() == b"a?b"


def test_base64_that_is_none(serve: Any) -> None:
    data = '{"data": [{"b64_json": "é"}]}'.encode()
    painter = RemoteTextToImage("painter", address(f"http://127.0.0.1:{serve(once(HEAD + data))}/v1#m"))
    with pytest.raises(SemError, match="answers without a picture"):
        painter.paint("it", (32, 32), seed=0)
