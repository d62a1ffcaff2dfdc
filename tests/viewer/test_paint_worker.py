# SPDX-License-Identifier: MIT
"""The worker's messages: in a thread of node, and in a browser under a Content-Security-Policy."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from viewer_node import ROOT, SHIPPED, assert_near

import refcodec

WORKER = "tools/viewer/paint/worker.mjs"


@functools.cache
def example(width: int = 90, height: int = 70) -> bytes:
    y, x = np.mgrid[0:height, 0:width]
    return refcodec.encode(np.stack([2 * x % 256, 3 * y % 256, (x + y) % 256], -1).astype(np.uint8))


def job(number: object, data: bytes | None = None, **more: Any) -> dict[str, Any]:
    packages = {name: str(folder) for name, folder in SHIPPED.items()}
    file = base64.b64encode(example() if data is None else data).decode()
    return {"id": number, "file": file, "packages": packages, **more}


def run(*jobs: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the answers of one worker to these messages."""
    if shutil.which("node") is None:
        pytest.skip("there is no node")
    command = ["node", str(ROOT / "tests" / "support" / "worker_jobs.mjs")]
    done = subprocess.run(command, input=json.dumps(jobs), capture_output=True, text=True, check=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines()]


def ends(answers: list[dict[str, Any]]) -> list[tuple[object, str]]:
    """Return (id, "picture" or the code of an error) of the messages that end jobs, in order."""
    last = [m for m in answers if "picture" in m or "error" in m]
    return [(m["id"], "picture" if "picture" in m else m["error"]["code"]) for m in last]


def test_jobs_end_one_after_the_other() -> None:
    answers = run(job(1, preview=True), job("two", b"no file"), job(3))
    assert ends(answers) == [(1, "picture"), ("two", "SEM-E-201"), (3, "picture")]
    picture = next(m["picture"] for m in answers if "picture" in m)
    assert (picture["width"], picture["height"], picture["rgba"]) == (90, 70, 4 * 90 * 70)
    assert {m["id"] for m in answers if "preview" in m} == {1}
    assert [m["id"] for m in answers] == sorted((m["id"] for m in answers), key=[1, "two", 3].index)


def test_cancelled_jobs() -> None:
    """One that runs, one that waits, one that is not there; the job behind them is done."""
    large = example(1500, 1000)
    answers = run(
        job(1, large), job(2), job(3), {"id": 1, "cancel": True}, {"id": 2, "cancel": True}, {"id": 9, "cancel": True}
    )
    assert ends(answers) == [(1, "cancelled"), (2, "cancelled"), (3, "picture")]
    assert not any(m["id"] == 2 and "stage" in m for m in answers)


@pytest.mark.parametrize(
    "message",
    [
        {"id": 1},
        {"id": 1, "file": 7},
        {"id": 1, "file": ""},
        {"id": 1, "file": "AAAA", "packages": None},
        {**job(1), "packages": {}},
        job(1, data=b""),
    ],
    ids=["no file", "a number", "empty", "no packages", "no package", "no bytes"],
)
def test_messages_that_are_wrong_have_an_answer(message: dict[str, Any]) -> None:
    ((number, code),) = ends(run(message))
    assert (number, code[:6]) == (1, "SEM-E-")


def test_data_that_cannot_be_loaded() -> None:
    """node fetches no files."""
    (answer,) = [m for m in run({**job(1), "data": False}) if "error" in m]
    assert answer["error"]["code"] == "SEM-E-101"
    assert "cannot load its files" in answer["error"]["message"]


# --- in a browser -------------------------------------------------------------------------------------------------

POLICY = "default-src 'none'; script-src 'self'{wasm}; worker-src 'self'; connect-src 'self'"
IN_THE_PAGE = """
async ({worker, file, names}) => {
  const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
  const packages = {};
  for (const name of names) {
    packages[name] = {};
    for (const one of ["manifest.json", "symbols.safetensors", "painter.safetensors"]) {
      packages[name][one] = await bytes(`/refcodec/data/models/${name}/${one}`);
    }
  }
  const answers = [];
  const runs = new Worker(worker, {type: "module"});
  return new Promise((resolve, reject) => {
    runs.onerror = (event) => reject(new Error(event.message));
    runs.onmessage = ({data}) => {
      const shown = data.picture ?? data.preview;
      if (data.picture) data.picture.rgba = Array.from(data.picture.rgba);
      if (data.preview) data.preview.rgba = data.preview.rgba.length;
      answers.push(data);
      if (data.picture || data.error) resolve(answers);
    };
    runs.postMessage({id: 1, file: Uint8Array.from(file), packages, preview: true});
  });
}
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """The repository, and an empty page, under a policy."""

    policy = ""

    def guess_type(self, path: Any) -> str:
        return "text/javascript" if str(path).endswith(".mjs") else super().guess_type(path)

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>empty</title>")

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def page() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    browser_path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        pytest.skip("there is no Chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


@pytest.mark.slow
@pytest.mark.parametrize("wasm", [True, False])
def test_a_picture_in_a_browser(page: Any, wasm: bool) -> None:
    """Where the policy forbids WebAssembly, plain JavaScript paints the same picture."""
    policy = POLICY.format(wasm=" 'wasm-unsafe-eval'" if wasm else "")
    handler = type("Policed", (Handler,), {"policy": policy})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(ROOT))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address, seen = f"http://127.0.0.1:{server.server_port}/", list[str]()
        page.on("request", lambda request: seen.append(request.url))
        page.goto(address)
        arguments = {"worker": "/" + WORKER, "file": list(example()), "names": list(SHIPPED)}
        answers = page.evaluate(IN_THE_PAGE, arguments)
        server.shutdown()
    assert all(url.startswith(address) for url in seen)
    picture = answers[-1]["picture"]
    pixels = np.array(picture["rgba"], np.uint8).reshape(picture["height"], picture["width"], 4)
    assert_near(pixels, np.asarray(refcodec.decode(example())))
    assert any("preview" in m for m in answers)
