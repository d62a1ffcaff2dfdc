# SPDX-License-Identifier: MIT
"""A key is sent to its own host only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from refcodec.foundation.endpoint import address
from refcodec.foundation.endpoint.keys import KeyNotUsable, key_for, variable_of
from refcodec.foundation.resolve import Models

A, B = "api.example.com", "other.example.org"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.example.com/v1#m", A),
        ("https://API.Example.COM/v1#m", A),
        ("https://api.example.com./v1#m", A),
        ("https://api.example.com:443/v1#m", A),
        ("https://api.example.com:8443/v1#m", f"{A}:8443"),
        ("https://xn--bcher-kva.example/v1#m", "xn--bcher-kva.example"),
        ("http://localhost:80/v1#m", "localhost"),
        ("http://LOCALHOST.:8000/v1#m", "localhost:8000"),
        ("http://[::1]:8000/v1#m", "[::1]:8000"),
    ],
)
def test_hosts(url: str, host: str) -> None:
    assert address(url).host == host


@pytest.mark.parametrize(
    "url",
    [
        "https://bücher.example/v1#m",
        "https://evil.com\\.api.example.com/v1#m",
        "https://@evil.com/v1#m",
        "https://api.example.com\\@evil.com/v1#m",
        "https://api%2eexample.com/v1#m",
        "https://api.example.com:0/v1#m",
        "https://api..example.com/v1#m",
        "https://api.example.com../v1#m",
        "ftp://localhost/v1#m",
        "http://localhost.evil.com/v1#m",
        "http://127.0.0.1.evil.com/v1#m",
    ],
)
def test_hosts_that_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        address(url)


@pytest.mark.parametrize(
    ("host", "variable"),
    [
        (A, "SEM_ENDPOINT_KEY_API_EXAMPLE_COM"),
        (f"{A}:8443", "SEM_ENDPOINT_KEY_API_EXAMPLE_COM_8443"),
        ("my-host", "SEM_ENDPOINT_KEY_MY_HOST"),
        ("[::1]:80", "SEM_ENDPOINT_KEY___1_80"),
    ],
)
def test_variables(host: str, variable: str) -> None:
    assert variable_of(host) == variable


KEY, OWN = "SEM_ENDPOINT_KEY", "SEM_ENDPOINT_KEY_API_EXAMPLE_COM"


@pytest.mark.parametrize(
    ("host", "others", "variables", "key"),
    [
        (A, [], {}, None),
        (A, [], {KEY: "k"}, "k"),
        (A, [A], {KEY: " k\n"}, "k"),
        (A, [B], {OWN: "a"}, "a"),
        (B, [A], {OWN: "a"}, None),
        (A, [B], {OWN: "a", KEY: "k"}, "a"),
        (B, [A], {OWN: "a", KEY: "k"}, "k"),
        (f"{A}:8443", [A], {OWN: "a"}, None),
        (f"{A}:8443", [], {f"{OWN}_8443": "a"}, "a"),
        (A, [], {f"{OWN}_8443": "a"}, None),
        (A, [B], {KEY: "k", "SEM_ENDPOINT_HOST": "API.example.com:443"}, "k"),
        (B, [A], {KEY: "k", "SEM_ENDPOINT_HOST": A}, None),
        (B, [], {KEY: "k", "SEM_ENDPOINT_HOST": A}, None),
        ("localhost:8000", [B], {KEY: "k", "SEM_ENDPOINT_HOST": "http://localhost:8000"}, "k"),
        (A, [], {KEY: "", OWN: ""}, None),
    ],
)
def test_keys(host: str, others: list[str], variables: dict[str, str], key: str | None) -> None:
    assert key_for(host, others, variables) == key


@pytest.mark.parametrize(
    ("host", "others", "variables", "what"),
    [
        (A, [B], {KEY: "secret"}, f"the key of one host, and this run has endpoints on {A} and {B}"),
        (A, [f"{A}:8443"], {KEY: "secret"}, "the key of one host"),
        (A, ["api-example.com"], {OWN: "secret"}, "may be the key of"),
        (A, [], {KEY: "secret\r\nX: y"}, "a header cannot hold"),
        (A, [], {OWN: "secrét"}, "a header cannot hold"),
        (A, [], {KEY: "secret", "SEM_ENDPOINT_HOST": "a b"}, "SEM_ENDPOINT_HOST is not a host"),
    ],
)
def test_keys_that_are_refused(host: str, others: list[str], variables: dict[str, str], what: str) -> None:
    with pytest.raises(KeyNotUsable, match=what) as caught:
        key_for(host, others, variables)
    assert "secr" not in str(caught.value.args)


def listed(text: str, mode: int = 0o600) -> dict[str, str]:
    path = Path("keys.txt")
    path.write_text(text)
    path.chmod(mode)
    return {"SEM_ENDPOINT_KEYS": str(path), "SEM_ENDPOINT_KEY": "k"}


def test_a_file_of_keys(place: Path) -> None:
    variables = listed(f"# mine\n\n{A} a\n  API.example.com:8443\tb\nhttp://localhost:8000 c\n")
    hosts = [A, f"{A}:8443", "localhost:8000", B]
    assert [key_for(host, hosts, variables) for host in hosts] == ["a", "b", "c", "k"]
    assert key_for(A, [], variables | {OWN: "of the environment"}) == "a"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o620])
@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_a_file_that_others_may_read(place: Path, mode: int) -> None:
    with pytest.raises(KeyNotUsable, match="others may read") as caught:
        key_for(A, [], listed(f"{A} secret\n", mode))
    assert caught.value.args[1] == "chmod 600 keys.txt"


@pytest.mark.parametrize(
    "text",
    [f"{A}\n", f"{A} secret more\n", f"{A} secret\n{A.upper()} secret\n", "a b@c secret\n", "secret é\n"],
)
def test_a_file_that_is_malformed(place: Path, text: str) -> None:
    with pytest.raises(KeyNotUsable) as caught:
        key_for(A, [], listed(text))
    assert "secret" not in str(caught.value.args)
    assert "keys.txt" in str(caught.value.args)


@pytest.mark.parametrize(
    "make", [lambda path: None, Path.mkdir, os.mkfifo, lambda path: path.write_bytes(b"#" * 70_000)]
)
def test_a_file_that_is_none(place: Path, make: object) -> None:
    path = Path("keys")
    assert callable(make)
    make(path)
    if path.is_file():
        path.chmod(0o600)
    with pytest.raises(KeyNotUsable, match="keys"):
        key_for(A, [], {"SEM_ENDPOINT_KEYS": "keys"})


def test_the_hosts_of_a_run() -> None:
    models = Models.of(
        {"painter": f"https://{A}:8443/v1#m", "language": f"https://{B}/v1#m", "captioner": f"https://{B}./x#m"}
    )
    assert models.endpoint_hosts() == {f"{A}:8443", B}
