# SPDX-License-Identifier: MIT
"""A URL in the place of a model: an endpoint in any spelling of its scheme, and never repeated with a user and a password."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_harness import Semtool

from refcodec.errors import SemError
from refcodec.fileio import shown
from refcodec.foundation.models_json import roles_in_folder
from refcodec.foundation.place_text import shown_place
from refcodec.foundation.required_roles import require_roles
from refcodec.foundation.resolve import Models
from refcodec.foundation.roles import ModelSource, parse_role, source_of

SECRET = "S3CRET"
SCHEMES = ["https", "HTTPS", "Https", "http", "HTTP", "Http"]
URLS = [
    *(f"{scheme}://user:{SECRET}@host.example/v1#m" for scheme in SCHEMES),
    f" https://user:{SECRET}@host.example/v1#m",
    f"\thttps://user:{SECRET}@host.example/v1#m",
    f"https://{SECRET}@host.example/v1#m",
    f"https://user:{SECRET}@host.example/v1?a=b#m",
    f"https://user:{SECRET}/x@host.example/v1#m",
    f"https:/user:{SECRET}@host.example/v1#m",
    f"ftp://user:{SECRET}@host.example/v1#m",
    f"git+https://user:{SECRET}@host.example/v1",
    f"user:{SECRET}@host.example/v1#m",
    f"//user:{SECRET}@host.example/v1#m",
]


def said(call: Callable[[], Any]) -> str:
    """What an error says, with all that led to it."""
    with pytest.raises((SemError, ValueError)) as caught:
        call()
    error: BaseException | None = caught.value
    text = ""
    while error is not None:
        text += f"{error}\n"
        error = error.__cause__
    return text


def load(models: Any) -> Any:
    made = Models.of(models)
    require_roles(made, ["captioner"], {})
    return made.load_captioner({})


@pytest.mark.parametrize("scheme", SCHEMES)
def test_schemes_in_any_case_are_endpoints(scheme: str) -> None:
    assert source_of("captioner", f"{scheme}://127.0.0.1:1/v1#m").is_endpoint
    models = Models.of(f"captioner={scheme}://127.0.0.1:1/v1#m")
    require_roles(models, ["captioner"], {})
    assert models.endpoint_hosts() == {"127.0.0.1:1"}


@pytest.mark.parametrize("url", URLS)
def test_a_password_is_not_repeated_in_python(place: Path, url: str) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "role": lambda: load({"captioner": url}),
        "path": lambda: load({"captioner": Path(url)}),
        "text": lambda: load(f"captioner={url}"),
        "alone": lambda: load(url),
        "alone, a path": lambda: load(Path(url)),
        "no role": lambda: load({url: "x"}),
        "source": lambda: load({"captioner": url}).name,
    }
    for name, call in calls.items():
        text = said(call)
        assert SECRET not in text, name
        assert text.count("\n") <= 2, name


@pytest.mark.parametrize("url", URLS)
def test_a_password_is_not_repeated_by_the_tool(place: Path, semtool: Semtool, url: str) -> None:
    encode = ("encode", "--caption", "x", "--size", "64x64", "--method", "consonant", "--text", "x", "-o", "x.sem")
    for args in (
        (*encode, "--model", url),
        (*encode, "--model", f"language={url}"),
        ("models", "show", url),
        ("models", "verify", url),
        ("models", "list", "--model", url),
        ("models", "verify", "--model", f"captioner={url}"),
        ("models", "identify", f"image_embedder={url}"),
        ("models", "identify", url),
        ("models", "import", url, "--as", "captioner", "-o", "set"),
    ):
        out = semtool(*args)
        assert SECRET not in out.err, args
        assert SECRET not in out.out.decode(), args


@pytest.mark.parametrize("url", URLS)
def test_a_password_in_a_listing_is_not_repeated(place: Path, url: str) -> None:
    roles = {"captioner": {"source": url, "revision": None, "sha256": None}}
    Path("models.json").write_text(json.dumps({"format": "sem-models", "format_version": 1, "roles": roles}))
    assert SECRET not in said(lambda: roles_in_folder(Path()))


def test_a_url_without_a_role_names_the_remedy() -> None:
    for url in ("https://host/v1#m", "HTTPS://host/v1#m", "https://host/v1?a=b#m"):
        assert parse_role(url) is None
        assert "name the role of an endpoint, ROLE=https://host/v1#MODEL" in said(lambda url=url: Models.of(url))


@pytest.mark.parametrize("name", ["a@b", "photos/a@2x.png", "/tmp/a:b@c", "s3://bucket/a@2x.png", "C:\\a@b", "12:30"])
def test_other_names_are_shown_whole(name: str) -> None:
    assert shown(name) == name
    assert name.startswith("s3:") or shown_place(name) == name


def test_a_revision_belongs_to_a_hub_id() -> None:
    assert source_of("painter", "owner/name@main") == ModelSource("painter", "owner/name", "main")
    assert source_of("painter", "./name@main") == ModelSource("painter", "./name@main")
