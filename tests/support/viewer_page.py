# SPDX-License-Identifier: MIT
"""The viewer in headless Chromium: one page, with everything that it asks for, logs or violates."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from tools.viewer import publish, screenshots

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tools/viewer/samples"
CHROMIUM = screenshots.chromium()
WAIT = 60_000  # milliseconds
# Violations of the policy are events of the document; Chromium also logs them.
_LISTEN = "globalThis.violations=[];document.addEventListener('securitypolicyviolation',e=>violations.push(e.violatedDirective+' '+e.blockedURI))"
_PIXELS = """(selector) => {
  const canvas = document.querySelector(selector);
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let text = '';
  for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
  return [canvas.height, canvas.width, btoa(text)];
}"""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback address; gives the address."""
    with publish.server(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@dataclass
class ViewerPage:
    """A page of Playwright at the viewer."""

    page: Any
    address: str
    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def open(self) -> ViewerPage:
        """Go to the page and wait until it can be used."""
        page = self.page
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        page.on("response", lambda response: response.status >= 400 and self.failures.append(response.url))
        page.on("requestfailed", lambda request: self.failures.append(request.url))
        page.add_init_script(_LISTEN)
        page.goto(self.address)
        page.locator("#samples button").first.wait_for()
        return self

    def sample(self, name: str) -> ViewerPage:
        """Take the sample of this file name."""
        self.page.locator(f"#samples button[data-file='{name}']").click()
        return self.done()

    def choose(self, data: bytes, name: str = "x.sem") -> ViewerPage:
        """Choose a file of these bytes."""
        self.page.set_input_files("#file", {"name": name, "mimeType": "application/octet-stream", "buffer": data})
        return self.done()

    def done(self) -> ViewerPage:
        """Wait until the page has nothing more to do."""
        self.page.locator("#result[aria-busy=false]").wait_for(timeout=WAIT, state="attached")
        return self

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        return str(self.page.locator(selector).first.inner_text())

    @property
    def status(self) -> str:
        return self.text("#status")

    @property
    def error(self) -> str | None:
        """Return the error that the page shows."""
        return self.text(".error") if self.page.locator(".error").count() else None

    def pixels(self, selector: str = "#picture canvas") -> NDArray[np.uint8]:
        """Return a canvas, uint8[H, W, 4]."""
        height, width, data = self.page.evaluate(_PIXELS, selector)
        return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)

    def check_quiet(self) -> None:
        """Check that nothing was logged, refused by the policy, missing, or asked of another server."""
        assert self.console == []
        assert self.page.evaluate("violations") == []
        assert self.failures == []
        foreign = [
            url
            for url in self.requests
            if urlsplit(url).scheme not in ("blob", "data") and not url.startswith(self.own)
        ]
        assert foreign == []

    @property
    def own(self) -> str:
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}/"
