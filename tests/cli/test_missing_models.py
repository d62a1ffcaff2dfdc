# SPDX-License-Identifier: MIT
"""A picture that needs a model and torch, and neither is there: the model comes first, and the remedy names both."""

from __future__ import annotations

import base64
import http.server
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cli_harness import Semtool, contents
from PIL import Image

import refcodec
from refcodec import spec
from refcodec.errors import SemError
from refcodec.methods import MODULES
from refcodec.networks import package_cache
from refcodec.payloads import vq_indices
from refcodec.registry import Profile, Registry

ROWS = tuple(row for row in Registry.shipped().rows.values() if row.id < 200)  # from 200 on they are of tests
# the first role of a method that a row without an embedded painter needs, and what follows in the message
ROLES = {"consonant": "painter", "clip": "painter", "pics": "painter", "perco": "hyper_encoder"}
NAMES = {"painter": "a diffusion pipeline", "hyper_encoder": "a PerCo hyper-encoder"}
INSTALL = "install torch: pip install 'refcodec[models]'"


def file_of(row: Profile) -> bytes:
    """Return a file of a row, of the simplest symbols that it takes."""
    size = (64, 64)
    if row.method_name == "consonant":
        return refcodec.encode(text="a red barn", method=row.method_name, profile=row.name, size=size)
    if row.method_name == "clip":
        return refcodec.encode(
            vector=np.ones(row.parameters(spec.CLIP)["d"]), method=row.method_name, profile=row.name, size=size
        )
    if row.method_name == "pics":
        return refcodec.encode(caption="a red barn", method=row.method_name, profile=row.name, size=size)
    if row.method_name == "perco" and row.model is None:
        rows, columns = vq_indices.grid(size, row.parameters(spec.VQ))
        return refcodec.encode(indices=[0] * rows * columns, method=row.method_name, profile=row.name, size=size)
    return refcodec.encode(np.full((64, 64, 3), 90, np.uint8), method=row.method_name, profile=row.name)


@pytest.fixture
def base_install(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without torch."""
    monkeypatch.setattr(package_cache, "has_torch", lambda: False)


def test_every_method_has_a_row() -> None:
    assert {row.method_name for row in ROWS} == set(MODULES)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.model or row.method_name != "elic"], ids=lambda row: row.name
)
def test_every_row(row: Profile, base_install: None, semtool: Semtool) -> None:
    data, role = file_of(row), ROLES.get(row.method_name)
    Path("x.sem").write_bytes(data)
    done = semtool("decode", "x.sem", "-o", "y.png")
    if role is None or (row.method_name == "perco" and row.model):
        assert (done.status, done.err, Path("y.png").is_file()) == (0, "", True)
        return
    usual = row.recommended.models.get(role)
    recommends = f"; the profile recommends {usual}" if usual else ""
    line = (
        f"SEM-E-801 model-unavailable: nothing fills the role {role} ({NAMES[role]}){recommends}; "
        f"name it with --model {role}={usual or 'FOLDER'}, a folder or a hub id, and {INSTALL}"
    )
    assert (done.status, done.out) == (5, b"")
    symbols = "; semtool decode --symbols writes the symbols without it" if row.method_name == "perco" else ""
    assert done.line == line + symbols
    assert list(contents(Path())) == [Path("x.sem")]
    with pytest.raises(SemError) as caught:
        refcodec.decode(data)
    assert (caught.value.code, caught.value.path) == (801, role)
    many = semtool("decode", "x.sem", "-o", "pictures/")
    assert (many.status, many.err.splitlines()[0]) == (5, f"x.sem: {line}")


def test_each_role_of_a_sketch(base_install: None, semtool: Semtool) -> None:
    """The painter, then the ControlNet, then torch."""
    lines = np.zeros((64, 64), np.uint8)
    lines[20:22] = 255
    Path("x.sem").write_bytes(refcodec.encode(sketch=lines, caption="a line", method="pics"))
    painter, control = ["--model", "painter=some/painter"], ["--model", "controlnet=some/net"]
    decode = ["decode", "x.sem", "-o", "y.png"]
    assert "nothing fills the role painter" in semtool(*decode, *control).line
    assert "nothing fills the role controlnet" in semtool(*decode, *painter).line
    assert semtool(*decode, *painter, *control).line == (
        "SEM-E-805 dependency-missing: painting a picture needs torch, which is not installed; "
        "pip install 'refcodec[models]'"
    )


def test_a_folder_without_a_model(base_install: None, semtool: Semtool) -> None:
    Path("x.sem").write_bytes(refcodec.encode(text="a red barn", size=(64, 64)))
    Path("empty").mkdir()
    for place, what in (("empty", "is an empty folder"), ("./gone", "gone")):
        line = semtool("decode", "x.sem", "--model", f"painter={place}").line
        assert line.startswith("SEM-E-801 model-unavailable: ")
        assert what in line
        assert line.endswith(f", and {INSTALL}")


def test_with_torch_the_remedy_is_the_model_alone(
    place: Path, semtool: Semtool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_cache, "has_torch", lambda: True)
    Path("x.sem").write_bytes(refcodec.encode(text="a red barn", size=(64, 64)))
    line = semtool("decode", "x.sem").line
    assert line.endswith(", a folder or a hub id; semtool decode --symbols writes the symbols without it")


@pytest.fixture
def endpoint() -> Iterator[str]:
    """An endpoint that answers with one grey picture."""
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 90, 90)).save(stream, "PNG")
    answer = json.dumps({"data": [{"b64_json": base64.b64encode(stream.getvalue()).decode()}]}).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1#model"
        server.shutdown()


def test_an_endpoint_needs_no_torch(base_install: None, endpoint: str, semtool: Semtool) -> None:
    Path("x.sem").write_bytes(refcodec.encode(text="a red barn", size=(64, 64)))
    done = semtool("decode", "x.sem", "-o", "y.png", "--model", f"painter={endpoint}")
    assert (done.status, done.line) == (
        0,
        "note: no reflections: nothing fills the role captioner or language, which they need",
    )
    assert np.asarray(Image.open("y.png")).tolist() == np.full((64, 64, 3), 90).tolist()
    Path("z.sem").write_bytes(refcodec.encode(caption="a red barn", size=(64, 64)))
    done = semtool("decode", "z.sem", "--model", f"painter={endpoint}")  # pics takes no endpoint
    assert (done.status, done.out) == (5, b"")
    assert "this method does not take an endpoint for it" in done.line
