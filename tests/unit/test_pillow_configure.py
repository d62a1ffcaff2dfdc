# SPDX-License-Identifier: MIT
"""Arguments of the decoder for Pillow: `configure`, and `decode_options` of one image."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from pillow_files import file_bytes, opened, same

import refcodec
from refcodec.pillow import configure
from refcodec.pillow.decoding import options_of_process


@pytest.fixture(autouse=True)
def defaults() -> object:
    yield
    configure()


def test_arguments_of_decode_are_those_of_images_opened_later() -> None:
    before = opened(file_bytes())
    configure(level=2, keep_metadata=True)
    after = opened(file_bytes())
    assert (before.decode_options, after.decode_options) == ({}, {"level": 2, "keep_metadata": True})
    configure(level=1)
    assert opened(file_bytes()).decode_options == {"level": 1}
    configure()
    assert opened(file_bytes()).decode_options == {}


def test_an_image_has_its_own() -> None:
    shares = list[float]()
    first, second = opened(file_bytes()), opened(file_bytes())
    first.decode_options["progress"] = shares.append
    second.load()
    assert not shares
    first.load()
    assert shares[-1] == 1


def test_models_reach_the_decoder(tmp_path: Path) -> None:
    image = opened(refcodec.encode(text="old stone bridge", size=(64, 48)))
    image.decode_options["models"] = {"painter": tmp_path / "absent"}
    with pytest.raises(OSError, match="absent"):
        image.load()


def test_loading_can_be_tried_again() -> None:
    image = opened(file_bytes())
    image.decode_options["limits"] = refcodec.Limits(max_pixels=100)
    with pytest.raises(OSError, match="SEM-E-602"):
        image.load()
    image.decode_options.clear()
    assert same(image.copy(), refcodec.decode(file_bytes()))


def test_limits_reach_the_decoder() -> None:
    configure(limits=refcodec.Limits(max_pixels=100))
    with pytest.raises(OSError, match="SEM-E-602"):
        opened(file_bytes()).load()


@pytest.mark.parametrize("name", ["sample", "samples", "path", "modls"])
def test_unknown_arguments_are_refused(name: str) -> None:
    configure(level=2)
    with pytest.raises(TypeError, match=rf"configure\(\) got an unexpected keyword argument '{name}'"):
        configure(**{name: 1})  # type: ignore[misc]
    assert opened(file_bytes()).decode_options == {"level": 2}


def test_values_of_another_type_are_refused_by_name() -> None:
    configure(limits=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"limits is a refcodec\.Limits, not int"):
        opened(file_bytes()).load()
    with pytest.raises(TypeError, match=r"environment is a refcodec\.Environment, not int"):
        configure(environment=5)  # type: ignore[arg-type]


def test_wrong_values_are_refused_on_loading() -> None:
    image = opened(file_bytes())
    image.decode_options["seed"] = 7  # not read by method elic
    with pytest.raises(ValueError, match="seed"):
        image.load()


def test_another_thread_has_the_old_options_or_the_new_ones() -> None:
    """Whatever it interrupts: an image without limits would decode without them."""
    seen = list[dict[str, Any]]()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code is configure.__code__:
            seen.append(options_of_process())
            return trace
        return None

    configure(level=2, keep_metadata=True)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        configure(level=1, seed=7)
    finally:
        sys.settrace(before)
    assert len(seen) > 4
    assert all(each in ({"level": 2, "keep_metadata": True}, {"level": 1, "seed": 7}) for each in seen)
    assert options_of_process() == {"level": 1, "seed": 7}
