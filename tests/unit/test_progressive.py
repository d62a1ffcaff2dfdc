# SPDX-License-Identifier: MIT
"""Previews while a file is decoded: what they hold, that the last is the picture, and that nothing gets less strict."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from default_environment import TABLES

import refcodec
from refcodec import Limits, SemError, progress, spec
from refcodec.networks import package
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.symbol_model import SymbolModel
from refcodec.payloads import latents
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.latents import ElicLatents, encode, replay, shapes

torch = pytest.importorskip("torch")

from refcodec.networks.torch_backend import TorchBackend

ROOT = Path(__file__).resolve().parents[2]
SIZE = (130, 64)

pytestmark = pytest.mark.usefixtures("no_models_of_this_machine")


# --- latents -----------------------------------------------------------------------------------------------------


def drawn(model: SymbolModel, seed: int) -> tuple[bytes, ElicLatents]:
    """A body of random symbols, and its latents."""
    rng = np.random.default_rng(seed)

    def source(_rate: int, _k: int, _step: int, mean: Any, table: Any) -> Any:
        s = np.rint(rng.normal(0, 1.5, mean.shape)).astype(np.int32)
        return np.where(table == 0, 0, np.clip(s, -((32768 + mean) // 64), (32767 - mean) // 64)).astype(np.int32)

    z = rng.integers(-3, 4, (model.hyper, *shapes(*SIZE)[0])).astype(np.int32)
    return encode(model.rates - 1, z, source, model, SIZE, NumpyBackend(), tables=TABLES)


@pytest.mark.parametrize("name", ["elic-tiny", "elic-tiny-2", "sketch-tiny"])
@pytest.mark.parametrize("backend", [NumpyBackend, TorchBackend])
def test_a_preview_is_a_file_without_the_residuals_to_come(name: str, backend: Any) -> None:
    model = package.load(ROOT / "test_vectors" / "models" / name)
    body, expected = drawn(model, 3)
    context = CodingContext({}, SIZE, tables=TABLES, model=model, backend=backend())
    stages = latents.decode_in_stages(body, context)
    known = replay(expected, model, SIZE)
    for done in range(len(model.groups)):
        preview = next(stages)

        def source(rate: int, k: int, step: int, mean: Any, table: Any, done: int = done, known: Any = known) -> Any:
            return known(rate, k, step, mean, table) if k < done else np.zeros_like(mean)

        other = encode(expected.rate, expected.z, source, model, SIZE, NumpyBackend(), tables=TABLES)[1]
        assert (preview.rate, preview.z.tolist()) == (expected.rate, expected.z.tolist())
        assert np.array_equal(preview.y, other.y), done
    with pytest.raises(StopIteration) as end:
        next(stages)
    assert end.value.value.serialise() == expected.serialise()


@pytest.mark.parametrize("name", ["elic-tiny", "elic-tiny-2"])
def test_an_invalid_stream_is_refused_with_the_same_error(name: str) -> None:
    model = package.load(ROOT / "test_vectors" / "models" / name)
    body, _ = drawn(model, 4)
    context = CodingContext({}, SIZE, tables=TABLES, model=model, backend=NumpyBackend())
    codes = set()
    for changed in (body[:-1], body[: len(body) // 2], body + b"\0", body[:9] + b"\xff" * 8 + body[17:], b""):
        ends: list[Any] = []
        for run in (
            lambda data: latents.decode(data, model, SIZE, NumpyBackend(), tables=TABLES).serialise(),
            lambda data: progress.run(latents.decode_in_stages(data, context)).serialise(),
        ):
            try:
                ends.append(run(changed))  # other symbols: the check finds those
            except SemError as error:
                codes.add(error.code)
                ends.append((error.code, error.offset, error.what))
        assert ends[0] == ends[1], changed
        assert ends[0] != drawn(model, 4)[1].serialise()
    assert {401, 402} & codes


# --- files -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pixels() -> Any:
    rows, cols = np.mgrid[0:70, 0:100]
    smooth = np.stack([128 + 100 * np.sin(cols / 11), 128 + 90 * np.cos((rows + cols) / 13), rows * 2 + cols], -1)
    return np.clip(smooth + 8 * ((rows // 4 + cols // 4) % 2)[..., None], 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def data(pixels: Any) -> bytes:
    return refcodec.encode(pixels, quality=8)


def psnr(a: Any, b: Any) -> float:
    return 10 * math.log10(255**2 / float(np.mean((np.asarray(a, float) - np.asarray(b, float)) ** 2)))


@pytest.mark.parametrize("form", ["bytes", "path", "stream"])
def test_the_last_picture_is_that_of_decode(data: bytes, pixels: Any, form: str, tmp_path: Path) -> None:
    path = tmp_path / "x.sem"
    path.write_bytes(data)
    expected = refcodec.decode(data)
    given: Any = {"bytes": data, "path": path}.get(form) or path.open("rb")
    previews = list(refcodec.decode_progressive(given))
    if form == "stream":
        given.close()
    groups = refcodec.read(data).profile.parameters(spec.ELIC)["groups"]
    assert [preview.stage for preview in previews] == list(range(1, len(groups) + 2))
    assert [preview.final for preview in previews] == [False] * len(groups) + [True]
    last = previews[-1].image
    assert (last.tobytes(), last.info, last.mode) == (expected.tobytes(), expected.info, "RGB")
    assert all(preview.image.size == expected.size for preview in previews)
    assert {preview.image.info["Description"] for preview in previews[:-1]} == {
        "unverified preview of a .sem description"
    }
    quality = [psnr(pixels, preview.image) for preview in previews]
    assert quality == sorted(quality)
    assert quality[-1] > quality[0] + 6


def test_metadata_goes_into_every_picture(pixels: Any) -> None:
    exif = {"exif": "SUkqAAgAAAAAAAAAAAA="}
    data = refcodec.encode(pixels, metadata=exif)
    kept, left_out = (
        [preview.image.info for preview in refcodec.decode_progressive(data, keep_metadata=keep)]
        for keep in (True, False)
    )
    assert kept[-1] == refcodec.decode(data, keep_metadata=True).info
    assert left_out[-1] == refcodec.decode(data).info
    assert [set(info) for info in kept[:-1]] == [set(kept[-1])] * (len(kept) - 1)


def test_other_methods_have_one_picture(pixels: Any) -> None:
    data = refcodec.encode(pixels, method="perco")
    (only,) = refcodec.decode_progressive(data)
    assert (only.stage, only.final) == (1, True)
    assert only.image.tobytes() == refcodec.decode(data).tobytes()


def ends(previews: Iterator[Any]) -> tuple[int, SemError | None]:
    """The number of previews, and the error that ends them."""
    count = 0
    try:
        for preview in previews:
            assert not preview.final
            count += 1
    except SemError as error:
        return count, error
    return count, None


def error_of_decode(data: bytes) -> SemError:
    with pytest.raises(SemError) as caught:
        refcodec.decode(data)
    return caught.value


def test_a_failed_check_comes_after_the_previews(data: bytes) -> None:
    container = refcodec.read(data)
    at = next(field.offset for field in refcodec.inspect(data).fields if field.name == "check")
    flipped = bytes([*data[:at], data[at] ^ 1, *data[at + 1 :]])
    count, error = ends(refcodec.decode_progressive(flipped))
    expected = error_of_decode(flipped)
    assert isinstance(error, refcodec.CheckError)
    assert str(error) == str(expected)
    assert count == len(container.profile.parameters(spec.ELIC)["groups"])


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.95])
def test_a_truncated_file_has_the_error_of_decode(data: bytes, share: float) -> None:
    cut = data[: int(len(data) * share)]
    _, error = ends(refcodec.decode_progressive(cut))
    assert error is not None
    assert str(error) == str(error_of_decode(cut))


@pytest.mark.parametrize("at", range(12, 120, 9))
def test_flipped_files_have_the_error_of_decode(data: bytes, at: int) -> None:
    flipped = bytes([*data[:at], data[at] ^ 0x10, *data[at + 1 :]])
    _, error = ends(refcodec.decode_progressive(flipped))
    assert str(error) == str(error_of_decode(flipped))


def test_arguments_are_checked_before_the_first_picture(data: bytes) -> None:
    with pytest.raises(TypeError, match="colour"):
        refcodec.decode_progressive(data, colour=1)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="has no seed"):
        refcodec.decode_progressive(data, seed=3)
    with pytest.raises(refcodec.HeaderError):
        refcodec.decode_progressive(b"no file")


def test_limits_hold(data: bytes) -> None:
    with pytest.raises(refcodec.TimeLimitError):
        list(refcodec.decode_progressive(data, limits=Limits(timeout=1e-6)))
    with pytest.raises(refcodec.MemoryLimitError):
        list(refcodec.decode_progressive(data, limits=Limits(max_memory=1 << 20)))
    previews = refcodec.decode_progressive(data, limits=Limits(timeout=600))
    limits = next(previews)
    assert limits.stage == 1
    with pytest.raises(refcodec.LimitError):
        refcodec.decode_progressive(data, limits=Limits(max_pixels=100))


def test_previews_take_the_memory_of_two_context_models(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, str]] = []
    monkeypatch.setattr(Limits, "check_memory", lambda _self, predicted, what: asked.append((predicted, what)))
    refcodec.decode(data)
    (once,) = [predicted for predicted, what in asked if what.startswith("decoding")]
    asked.clear()
    list(refcodec.decode_progressive(data))
    assert [predicted for predicted, what in asked if what.startswith("decoding")] == [2 * once]


def test_progress_rises_to_the_end(data: bytes) -> None:
    shares: list[float] = []
    list(refcodec.decode_progressive(data, progress=shares.append))
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_the_host_program_keeps_its_settings_between_pictures(data: bytes) -> None:
    expected = refcodec.decode(data).tobytes()
    with torch.enable_grad():
        torch.set_default_dtype(torch.float64)
        try:
            for preview in refcodec.decode_progressive(data):
                assert preview.stage
                assert torch.is_grad_enabled()
                assert torch.get_default_dtype() == torch.float64
                assert torch.get_num_threads() == 1
        finally:
            torch.set_default_dtype(torch.float32)
    assert preview.image.tobytes() == expected


def test_an_abandoned_iterator_leaves_nothing_behind(data: bytes) -> None:
    previews = refcodec.decode_progressive(data)
    next(previews)
    del previews
    assert refcodec.decode(data).size == (100, 70)
