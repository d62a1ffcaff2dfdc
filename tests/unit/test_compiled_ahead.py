# SPDX-License-Identifier: MIT
"""Compiled loops are loaded at the start of many files, rather than after as many values as loading them pays for."""

from __future__ import annotations

import pytest

from refcodec.entropy import compiled


@pytest.mark.parametrize(("times", "loaded"), [(1, False), (3, False), (4, True), (0, False)])
def test_what_will_be_repeated_counts_at_once(monkeypatch: pytest.MonkeyPatch, times: int, loaded: bool) -> None:
    kernels = object()
    monkeypatch.setattr(compiled, "_values_coded_in_python", 0)
    monkeypatch.setattr(compiled, "_kernels", lambda: kernels)
    assert compiled.compiled_loops(compiled.LOADING_VALUES_MIN // 4, None) is None
    compiled.will_repeat(times)
    found = compiled.compiled_loops(compiled.CALLING_VALUES_MIN, None)
    assert (found is kernels) == loaded
