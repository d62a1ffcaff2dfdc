# SPDX-License-Identifier: MIT
"""Roles filled by an endpoint: what is asked of a server, what its answers may be, and where the key goes: nowhere else."""

from __future__ import annotations

import base64
import email
import email.policy
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("diffusers")

import tiny_models
from cli_harness import Semtool, contents, refused

from refcodec import codec, reconstruct
from refcodec.decoder import decode_file
from refcodec.errors import SemError
from refcodec.foundation import endpoint
from refcodec.foundation.endpoint import keys
from refcodec.foundation.resolve import Models
from refcodec.foundation.roles import ModelSource
from refcodec.methods.consonant import prompts
from refcodec.payloads.consonant import LETTERS

pytestmark = pytest.mark.models

KEY = "sk-secret-0123456789"
PHOTO = tiny_models.photo(48, 48)
SAID = "An old stone bridge crosses a calm river, with green trees on the left."
ROLES = {
    "captioner": endpoint.RemoteCaptioner,
    "language": endpoint.RemoteLanguageModel,
    "painter": endpoint.RemoteTextToImage,
    "editor": endpoint.RemoteEditor,
}


class Server:
    """An endpoint on this machine. `answer`: of (path, document) a status, headers and a body; `asked`: all that came."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.answer: Callable[[str, dict[str, Any]], Any] = usual
        self.gate = threading.Event()
        self.settings: dict[str, Any] = {}  # of the roles that ask it
        own = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                own.asked.append((self.path, {}, dict(self.headers)))
                self.send_error(404)

            def do_POST(self) -> None:
                body, kind = self.rfile.read(int(self.headers["Content-Length"])), self.headers["Content-Type"]
                document = json.loads(body) if kind == "application/json" else parts_of(kind, body)
                own.asked.append((self.path, document, dict(self.headers)))
                made = own.answer(self.path, document)
                status, headers, body = made if isinstance(made, tuple) else (200, {}, made)
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    for piece in [body] if isinstance(body, bytes) else body:
                        self.wfile.write(piece)
                        self.wfile.flush()
                except OSError:
                    pass  # the client has gone

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/v1#some-model"

    def role(self, role: str) -> Any:
        return ROLES[role](role, endpoint.address(self.url), **self.settings)

    def fault(self, role: str = "language") -> SemError:
        """What a question ends with."""
        asked = self.role(role)
        calls: dict[str, Callable[[], Any]] = {
            "language": lambda: asked.ask("say", "it", 5),
            "captioner": lambda: asked.caption(PHOTO),
            "painter": lambda: asked.paint("it", (32, 32), seed=0),
            "editor": lambda: asked.edit(PHOTO, "it", seed=0),
        }
        with pytest.raises(SemError) as caught:
            calls[role]()
        text = str(caught.value)
        assert caught.value.code == 801
        assert caught.value.status == 5
        assert "\n" not in text
        assert role in text
        assert f"127.0.0.1:{self.http.server_port}" in text
        assert KEY not in text
        assert caught.value.__cause__ is None  # nothing of the library's, which may hold headers
        return caught.value


def parts_of(kind: str, body: bytes) -> dict[str, Any]:
    """The parts of a form, as the standard library's parser of mail reads them: texts, and the bytes of files."""
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=email.policy.HTTP)
    assert message.get_content_type() == "multipart/form-data"
    assert not message.defects
    parts: dict[str, Any] = {}
    for part in message.iter_parts():  # type: ignore[attr-defined]
        name, data = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        assert name not in parts
        parts[name] = data if part.get_filename() else data.decode()
    return parts


def chat(text: str) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


def picture(pixels: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return json.dumps({"data": [{"b64_json": base64.b64encode(out.getvalue()).decode()}]}).encode()


def usual(path: str, document: dict[str, Any]) -> bytes:
    """A server that describes, chooses, shortens, restores and paints, in a way."""
    if path.endswith("/images/generations"):
        rng = np.random.default_rng(len(document["prompt"]) + document["seed"])
        return picture(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8))
    if path.endswith("/images/edits"):
        pixels = np.asarray(Image.open(io.BytesIO(document["image"])))
        return picture(255 - pixels)
    content = document["messages"][0]["content"]
    if not isinstance(content, str):
        return chat(SAID)
    told = content.rpartition("\n\n")[2]
    return chat(SAID if set(told) <= set(LETTERS) else told)  # consonants are restored, all else is said again


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv(keys.KEY, KEY)
    made = Server()
    yield made
    made.gate.set()
    made.http.shutdown()
    made.http.server_close()


# --- What is asked ---


def test_a_language_model_is_asked_without_chance(server: Server) -> None:
    server.answer = lambda *_: chat("<think>Hm.</think>\n An answer. ")
    assert server.role("language").ask("Do it.", "a text", 7) == "An answer."
    ((path, document, headers),) = server.asked
    assert path == "/v1/chat/completions"
    assert document == {
        "model": "some-model",
        "messages": [{"role": "user", "content": "Do it.\n\na text"}],
        "max_tokens": 7,
        "temperature": 0,
        "seed": 0,
    }
    assert headers["Authorization"] == f"Bearer {KEY}"


def test_without_a_key_none_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keys.KEY)
    server.answer = lambda *_: chat("yes")
    server.role("language").ask("Do it.", "a text", 7)
    assert "Authorization" not in server.asked[0][2]


def test_a_captioner_gets_the_picture(server: Server) -> None:
    server.answer = lambda *_: chat("A cup\nof coffee.")
    assert server.role("captioner").describe(PHOTO, "What is it?", 9) == "A cup\nof coffee."
    assert server.role("captioner").caption(PHOTO) == "A cup of coffee."
    text, image = server.asked[0][1]["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is it?"}
    kind, _, data = image["image_url"]["url"].partition(",")
    assert kind == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), PHOTO)
    assert [asked[1]["max_tokens"] for asked in server.asked] == [9, 32]


def test_a_large_picture_is_sent_smaller(server: Server) -> None:
    server.answer = lambda *_: chat("Grey.")
    server.role("captioner").caption(np.zeros((1500, 3000, 3), np.uint8))
    url = server.asked[0][1]["messages"][0]["content"][1]["image_url"]["url"]
    assert Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).size == (1024, 512)


def test_a_painter_is_told_size_and_seed(server: Server) -> None:
    shares: list[float] = []
    made = server.role("painter").paint(
        "a cat", (64, 32), seed=3, kind="cpu", steps=9, guidance=2.0, sampler=None, progress=shares.append
    )
    assert (made.shape, made.dtype) == ((40, 40, 3), np.uint8)  # as the server will have it
    edited = server.role("painter").edit(made, "a red cat", 0.5, seed=4)
    assert not np.array_equal(made, edited)
    assert shares == [1]
    first, second = (asked[1] for asked in server.asked)
    assert first == {
        "model": "some-model",
        "prompt": "a cat",
        "n": 1,
        "size": "64x32",
        "response_format": "b64_json",
        "seed": 3,
    }
    assert (second["prompt"], second["size"], second["seed"]) == ("a red cat", "40x40", 4)


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_knows_no_seed_is_asked_again(server: Server, status: int) -> None:
    server.answer = lambda _, document: (status, {}, b"{}") if "seed" in document else chat("yes")
    assert server.role("language").ask("Do it.", "a text", 7) == "yes"
    assert len(server.asked) == 2
    server.answer = lambda *_: (status, {}, b"{}")
    assert f"status {status}" in str(server.fault())
    assert len(server.asked) == 4


# --- Image edits ---


def test_an_editor_gets_a_form_with_the_picture(server: Server) -> None:
    shares: list[float] = []
    instruction = 'Make the sky "blue",\r\nand the cat – grün – green.'
    made = server.role("editor").edit(
        PHOTO,
        instruction,
        seed=3,
        kind="cpu",
        steps=9,
        guidance=2.0,
        image_guidance=1.5,
        sampler=None,
        progress=shares.append,
    )
    assert np.array_equal(made, 255 - PHOTO)
    assert shares == [1]
    ((path, parts, headers),) = server.asked
    image = parts.pop("image")
    assert path == "/v1/images/edits"
    assert parts == {
        "model": "some-model",
        "prompt": instruction,
        "n": "1",
        "size": "48x48",
        "response_format": "b64_json",
        "seed": "3",
    }
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(image))), PHOTO)
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")


def test_a_large_picture_is_edited_smaller(server: Server) -> None:
    made = server.role("editor").edit(np.zeros((1500, 3000, 3), np.uint8), "Add a dog.", seed=0)
    assert made.shape == (512, 1024, 3)
    assert server.asked[0][1]["size"] == "1024x512"


@pytest.mark.parametrize(("unknown", "asked"), [({"seed"}, 2), ({"response_format"}, 3), ({"size", "seed"}, 3)])
@pytest.mark.parametrize("status", [400, 422])
def test_an_editor_that_does_not_know_a_part(server: Server, unknown: set[str], asked: int, status: int) -> None:
    """Hosted models differ: some refuse a seed, some a response_format, some a size."""
    server.answer = lambda path, parts: (status, {}, b"{}") if unknown & set(parts) else usual(path, parts)
    assert np.array_equal(server.role("editor").edit(PHOTO, "Add a dog.", seed=0), 255 - PHOTO)
    assert len(server.asked) == asked
    assert not unknown & set(server.asked[-1][1])
    assert {"model", "prompt", "n", "image"} <= set(server.asked[-1][1])


@pytest.mark.parametrize("status", [400, 404, 405, 415, 422, 501])
def test_a_server_without_image_edits(server: Server, status: int) -> None:
    server.answer = lambda *_: (status, {}, b"{}")
    fault = server.fault("editor")
    assert f"status {status}" in fault.what
    assert "POST /images/edits" in fault.hint
    assert "--model editor=" in fault.hint


def test_all_attempts_of_an_edit_have_the_time_of_one(server: Server) -> None:
    server.settings["timeout"] = 2

    def slow(*_: Any) -> Any:
        server.gate.wait(1.2)
        return 400, {}, b"{}"

    server.answer = slow
    assert "no answer in 2 s" in str(server.fault("editor"))
    assert len(server.asked) == 2


def reflected(server: Server, models: dict[str, Any]) -> reconstruct.Reconstruction:
    data = codec.encode_file(None, text="old stone bridge calm river", size=(48, 48)).data
    roles = dict.fromkeys(("captioner", "language"), server.url)
    return reconstruct.reconstruct(decode_file(data), models=roles | models, samples=2, reflections=2)


@pytest.mark.parametrize("roles", [("painter",), ("painter", "editor")])
def test_reflections_edit_the_picture(server: Server, roles: tuple[str, ...]) -> None:
    made = reflected(server, dict.fromkeys(roles, server.url))
    paths = [path.removeprefix("/v1/images/") for path, _, _ in server.asked if "/images/" in path]
    assert paths == ["generations", "edits", "edits"] * 2
    assert not any("image edits" in notice for notice in made.notices)
    edits = [parts for path, parts, _ in server.asked if path.endswith("/edits")]
    assert all(SAID in parts["prompt"] for parts in edits)  # what the server says of every picture
    assert len({parts["seed"] for parts in edits}) == 4
    assert set(made.models) == {"captioner", "language", *roles}


@pytest.mark.parametrize(
    "answer",
    [(404, {}, b"{}"), (400, {}, b"{}"), (500, {}, b""), (200, {}, b"{}"), (200, {"Content-Length": "9"}, b"")],
)
def test_a_painter_without_image_edits_paints_anew_and_says_so_once(server: Server, answer: Any) -> None:
    server.answer = lambda path, document: answer if path.endswith("/edits") else usual(path, document)
    made = reflected(server, {"painter": server.url})
    paths = [path.removeprefix("/v1/images/") for path, _, _ in server.asked if "/images/" in path]
    edits = 3 if answer[0] == 400 else 1
    assert paths == ["generations", *["edits"] * edits, *["generations"] * 5]
    (notice,) = (notice for notice in made.notices if "image edits" in notice)
    assert f"127.0.0.1:{server.http.server_port}" in notice
    assert notice.endswith("reflections generate the picture anew")


def test_an_editor_that_fails_is_an_error(server: Server) -> None:
    server.answer = lambda path, document: (404, {}, b"{}") if path.endswith("/edits") else usual(path, document)
    with pytest.raises(SemError, match=r"editor: the endpoint 127.0.0.1:.* answers with status 404") as caught:
        reflected(server, {"painter": server.url, "editor": server.url})
    assert caught.value.code == 801


def test_the_key_of_the_editor_goes_to_its_host_alone(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Server()
    for host, key in ((server, "sk-one"), (other, "sk-other")):
        monkeypatch.setenv(keys.variable_of(f"127.0.0.1:{host.http.server_port}"), key)
    made = reflected(server, {"painter": server.url, "editor": other.url})
    assert made.models["editor"].startswith(f"127.0.0.1:{other.http.server_port}")
    assert [path for path, _, _ in other.asked] == ["/v1/images/edits"] * 4
    assert {headers["Authorization"] for _, _, headers in other.asked} == {"Bearer sk-other"}
    assert {headers["Authorization"] for _, _, headers in server.asked} == {"Bearer sk-one"}
    other.http.shutdown()
    other.http.server_close()


# --- What is answered ---


@pytest.mark.parametrize(("status", "remedy"), [
    (401, keys.KEY), (403, keys.KEY), (404, "name of the model"), (429, "wait"), (500, "--model language="), (503, "--model language="),
])  # fmt: skip
def test_statuses(server: Server, status: int, remedy: str) -> None:
    server.answer = lambda *_: (status, {}, json.dumps({"error": {"message": f"bad key {KEY}"}}).encode())
    fault = server.fault()
    assert f"status {status}" in fault.what
    assert remedy in fault.hint


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": null}}]}',
    ],
)
def test_answers_that_are_none(server: Server, body: bytes) -> None:
    server.answer = lambda *_: body
    for role in ROLES:
        server.fault(role)


@pytest.mark.parametrize("data", ["", "no base 64!", base64.b64encode(b"no picture").decode(), None, 7])
def test_pictures_that_are_none(server: Server, data: Any) -> None:
    server.answer = lambda *_: json.dumps({"data": [{"b64_json": data}]}).encode()
    assert "without a picture" in str(server.fault("painter"))
    assert "without a picture" in str(server.fault("editor"))


@pytest.mark.parametrize("how", ["paint", "edit"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_a_picture_that_is_withheld(server: Server, how: str, mode: str) -> None:
    """Servers run safety checkers, too, which leave black pictures."""
    black = np.asarray(Image.new(mode, (8, 8), (0, 0, 0, 255) if mode == "RGBA" else 0))
    server.answer = lambda *_: picture(black)
    painter = server.role("painter")
    with pytest.raises(SemError, match="an all-black picture; take another seed") as caught:
        painter.paint("a cat", (8, 8), seed=1) if how == "paint" else painter.edit(PHOTO, "a cat", 0.5, seed=1)
    assert (caught.value.code, caught.value.status, caught.value.path) == (801, 5, "painter")
    server.answer = lambda *_: picture(black | np.uint8(1))
    assert painter.paint("a cat", (8, 8), seed=1).any()


def test_a_picture_beyond_measure(server: Server) -> None:
    server.answer = lambda *_: picture(np.zeros((1, 4097, 3), np.uint8))
    assert "without a picture" in str(server.fault("painter"))


@pytest.mark.parametrize(
    ("role", "most"), [("language", 1 << 20), ("captioner", 1 << 20), ("painter", 1 << 25), ("editor", 1 << 25)]
)
def test_an_answer_beyond_measure(server: Server, role: str, most: int) -> None:
    server.answer = lambda *_: chat("x" * most)
    assert f"more than {most} bytes" in str(server.fault(role))


def test_the_longest_text(server: Server) -> None:
    server.answer = lambda *_: chat("x" * 1_000_000)
    assert server.role("language").ask("", "", 1) == "x" * 65536


def test_a_server_that_says_nothing(server: Server) -> None:
    server.settings["timeout"] = 0.2

    def waits(*_: Any) -> bytes:
        server.gate.wait(20)
        return chat("late")

    server.answer = waits
    assert "no answer in 0.2 s" in str(server.fault())


def test_a_server_that_never_ends(server: Server) -> None:
    server.settings["timeout"] = 0.5

    def drips() -> Iterator[bytes]:
        while not server.gate.is_set():
            yield b" "
            time.sleep(0.02)

    server.answer = lambda *_: (200, {}, drips())
    assert "no answer in 0.5 s" in str(server.fault())


def test_a_server_that_breaks_off(server: Server) -> None:
    server.answer = lambda *_: (200, {"Content-Length": "500"}, chat("yes"))
    assert "cannot be reached" in str(server.fault())


def test_nobody_there(server: Server) -> None:
    server.http.shutdown()
    server.http.server_close()
    assert "cannot be reached" in str(server.fault())


def test_a_redirect_is_not_followed(server: Server) -> None:
    other = Server()
    for status in (301, 302, 303, 307, 308):
        server.answer = lambda *_, status=status: (
            status,
            {"Location": other.url.partition("#")[0] + "/chat/completions"},
            b"",
        )
        assert f"status {status}" in str(server.fault())
    assert not other.asked
    other.http.shutdown()
    other.http.server_close()


def test_a_proxy_is_not_asked_for_this_machine(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answer = lambda *_: chat("yes")
    assert server.role("language").ask("", "", 1) == "yes"


def test_a_key_that_no_header_holds(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.KEY, f"{KEY}\r\nX: y")
    assert keys.KEY in str(server.fault())
    assert not server.asked


def test_two_hosts_and_one_key(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Server()
    other.answer = server.answer = lambda *_: chat("yes")
    models = Models.of({"language": server.url, "captioner": other.url})

    def ask() -> str:
        return models.load_language({}).ask("say", "it", 5)

    with pytest.raises(SemError, match="the key of one host, and this run has endpoints on") as caught:
        ask()
    assert KEY not in str(caught.value)
    assert not server.asked
    monkeypatch.setenv(keys.variable_of(f"127.0.0.1:{other.http.server_port}"), "sk-other")
    assert ask() == "yes"
    assert models.load_captioner({}).caption(PHOTO) == "yes"
    sent = [asked[2]["Authorization"] for asked in (*server.asked, *other.asked)]
    assert sent == [f"Bearer {KEY}", "Bearer sk-other"]
    other.http.shutdown()
    other.http.server_close()


# --- How it is named ---


@pytest.mark.parametrize(("url", "base", "host", "model"), [
    ("https://api.example.com/v1#gpt", "https://api.example.com/v1", "api.example.com", "gpt"),
    ("https://api.example.com:8443/#a/b:c", "https://api.example.com:8443", "api.example.com:8443", "a/b:c"),
    ("http://localhost:8000/v1/#m", "http://localhost:8000/v1", "localhost:8000", "m"),
    ("http://[::1]:8000#m", "http://[::1]:8000", "[::1]:8000", "m"),
])  # fmt: skip
def test_addresses(url: str, base: str, host: str, model: str) -> None:
    found = endpoint.address(url)
    assert (found.base, found.host, found.model) == (base, host, model)
    assert ModelSource("painter", url).name == f"{host}#{model}"
    assert ModelSource("painter", url).is_endpoint


@pytest.mark.parametrize("url", [
    "https://me:pass@example.com/v1#m", "https://me@example.com/v1#m", "http://example.com/v1#m", "http://10.0.0.1/v1#m", "https://example.com/v1",
    "https:///v1#m", "https://example.com/v1?key=pass#m", "https://example.com:pass/v1#m", "https://[::pass/v1#m", "http://127.0.0.1.pass.com#m",
    "https://example.com/a pass#m", "https://example.com/\x00pass#m",
])  # fmt: skip
def test_what_is_no_address(url: str, semtool: Semtool) -> None:
    for call in (
        lambda: endpoint.address(url),
        lambda: Models.of({"painter": url}),
        lambda: Models.of([f"painter={url}"]),
    ):
        with pytest.raises(ValueError, match="endpoint") as caught:
            call()
        assert "pass" not in str(caught.value).replace("password", "")
    Path("cup.sem").write_bytes(b"")
    refused(semtool("decode", "cup.sem", "--model", f"painter={url}"), 2, "usage: ")


def test_a_method_that_takes_none(server: Server) -> None:
    encoded = codec.encode_file(None, vector=np.ones(768), size=(64, 64))
    with pytest.raises(SemError) as caught:
        reconstruct.reconstruct(decode_file(encoded.data), models={"painter": server.url})
    assert caught.value.code == 801
    assert "does not take an endpoint" in str(caught.value)


# --- From end to end ---


def test_a_picture_there_and_back_by_endpoints(server: Server, semtool: Semtool, place: Path) -> None:
    Image.fromarray(PHOTO).save("cup.png")
    models = [part for role in ROLES for part in ("--model", f"{role}={server.url}")]
    done = semtool("encode", "cup.png", "--method", "consonant", "--words", "8", "--provenance", *models)
    assert done.status == 0, done.err
    data = Path("cup.sem").read_bytes()
    symbols = decode_file(data)
    (value,) = symbols.values.values()
    assert value.text == "ld stn brdg crss clm rvr grn tr"
    done = semtool("decode", "cup.sem", "-o", "again.png", "--reflections", "1", "--trace", "steps", *models)
    assert done.status == 0, done.err
    with Image.open("again.png") as made:
        assert made.size == (48, 48)
    assert (
        next(asked[1]["prompt"] for asked in server.asked if "prompt" in asked[1])
        == "old stone bridge crosses calm river green trees"
    )
    assert prompts.shipped().ask("describe") in json.dumps([asked[1] for asked in server.asked], default=repr).replace(
        "\\n", "\n"
    )
    secrets = [content for content in contents(place).values() if content is not None and KEY.encode() in content]
    assert not secrets
    assert b"127.0.0.1" in data  # the provenance that was asked for
    assert KEY not in done.err + done.text


def test_a_server_that_fails_leaves_nothing(server: Server, semtool: Semtool, place: Path) -> None:
    Image.fromarray(PHOTO).save("cup.png")
    server.answer = lambda *_: (401, {}, b"{}")
    before = contents(place)
    refused(
        semtool("encode", "cup.png", "--method", "consonant", "--model", f"captioner={server.url}"),
        5,
        "SEM-E-801 model-unavailable: captioner: the endpoint 127.0.0.1:",
    )
    assert contents(place) == before
