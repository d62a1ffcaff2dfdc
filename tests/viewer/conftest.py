# SPDX-License-Identifier: MIT
"""One process of node for the tests of a module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from viewer_node import PaintServer


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaintServer]:
    if shutil.which("node") is None:
        pytest.skip("there is no node")
    server = PaintServer(tmp_path_factory.mktemp("paint"))
    yield server
    server.close()
