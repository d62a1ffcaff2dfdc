# SPDX-License-Identifier: MIT
"""Latents with a declared schedule (drafts/scheduled.md): round trips, the schedule of ELIC against kind 7, and models that
are refused."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import reference_networks as plain
from hypothesis import given, settings
from hypothesis import strategies as st

from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.networks import package, package_search
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.scheduled_model import Coded, ScheduledModel, build
from refcodec.networks.symbol_model import build as build_elic
from refcodec.networks.tensors import declare
from refcodec.networks.trace import Tracer
from refcodec.payloads import latents as elic_latents
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.drafts.scheduled import KIND, encode_from, shapes, symbol_count, well_formed
from refcodec.payloads.latents import ElicLatents
from refcodec.table_files import SHIPPED as TABLES
from tools.drafts import schedules
from tools.drafts.cases.scheduled import MODELS

relaxed = settings(deadline=None, max_examples=25)


def built(symbols: dict[str, Any], tensors: dict[str, Any]) -> ScheduledModel:
    return build({**symbols, "tensors": declare(tensors)}, tensors)


@lru_cache
def model(name: str) -> ScheduledModel:
    return built(*MODELS[name]())


def context(of: ScheduledModel, size: tuple[int, int], **more: Any) -> CodingContext:
    assert well_formed(of.numbers)
    return CodingContext(of.numbers, size, model=of, backend=NumpyBackend(), **more)


def residuals(seed: int, spread: float = 1.5, wild: float = 0.0) -> Any:
    """Random symbols such that y-hat stays in int16."""
    rng = np.random.default_rng(seed)

    def choose(_rate: int, _step: int, _coded: Any, mean: Any, index: Any) -> Any:
        s = np.rint(rng.normal(0, spread, mean.shape)).astype(np.int32)
        s = np.where(rng.random(mean.shape) < wild, rng.integers(-1100, 1101, mean.shape), s)
        s = np.clip(s, -((32768 + mean) // 64), (32767 - mean) // 64)
        return np.where(index == 0, 0, s).astype(np.int32)

    return choose


def z_of(of: ScheduledModel, size: tuple[int, int], seed: int) -> Any:
    shape = (of.hyper, *shapes(of.numbers, size)[0])
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.int32)


def same(a: ElicLatents, b: ElicLatents) -> bool:
    return a.rate == b.rate and np.array_equal(a.z, b.z) and np.array_equal(a.y, b.y)


# --- round trips -------------------------------------------------------------------------------------------------


@given(st.data())
@relaxed
def test_symbols_come_back_and_have_one_body(data: st.DataObject) -> None:
    of = model(data.draw(st.sampled_from(sorted(MODELS))))
    cell = of.stride * of.ratio
    size = data.draw(st.tuples(st.integers(1, 2 * cell), st.integers(1, 2 * cell)))
    rate, seed = data.draw(st.integers(0, of.rates - 1)), data.draw(st.integers(0, 1000))
    wild = data.draw(st.sampled_from((0.0, 0.2)))
    here = context(of, size)
    body, sent = encode_from(rate, z_of(of, size, seed), residuals(seed, 2.0, wild), here)
    assert sent.y.shape == (of.m, *shapes(of.numbers, size)[1])
    got = KIND.decode(body, here)
    assert same(got, sent)
    assert KIND.encode(got, here) == body
    assert 1 + got.z.size + got.y.size == symbol_count(of.numbers, *size)
    assert len(got.serialise()) == 1 + 2 * (got.z.size + got.y.size)


def test_every_site_is_coded_once() -> None:
    for name in MODELS:
        of = model(name)
        for shape in ((1, 1), (3, 5), (8, 8), (7, 2)):
            seen = np.zeros((len(of.groups), *shape), int)
            for step in of.steps:
                for coded in step.codes:
                    rows, cols = of.sites(coded, shape)
                    seen[coded.group, rows, cols] += 1
            assert (seen == 1).all()


def test_sites_are_those_of_the_pattern_in_raster_order() -> None:
    of = model("scheduled-three")  # one row of three columns: classes 0 2 1
    rows, cols = of.sites(Coded(0, (0, 1)), (2, 5))
    assert list(zip(rows.tolist(), cols.tolist(), strict=True)) == [
        (0, 0), (0, 2), (0, 3), (1, 0), (1, 2), (1, 3)
    ]  # fmt: skip


@given(st.binary(max_size=60), st.sampled_from(sorted(MODELS)))
@relaxed
def test_any_bytes_are_latents_or_an_error(body: bytes, name: str) -> None:
    here = context(model(name), (16, 16))
    try:
        got = KIND.decode(body, here)
    except SemError as error:
        code: int | None = int(error.code)
    else:
        code = None
        assert KIND.encode(got, here) == body
    assert code in (None, Code.STREAM_INVALID, Code.STREAM_NOT_CANONICAL, Code.VALUE_RANGE)


def test_latents_off_the_grid_are_refused() -> None:
    of = model("scheduled-four")
    here = context(of, (64, 64))
    _, sent = encode_from(0, z_of(of, (64, 64), 1), residuals(1), here)
    sent.y[0, 0, 0] += 1
    with pytest.raises(ValueError, match="do not lie on the grid"):
        KIND.encode(sent, here)


def test_a_trace_changes_nothing_and_names_every_step() -> None:
    of, tracer = model("scheduled-four"), Tracer()
    plainly, traced = context(of, (64, 64)), context(of, (64, 64), trace=tracer)
    z, source = z_of(of, (64, 64), 2), residuals
    assert encode_from(0, z, source(2), plainly)[0] == encode_from(0, z, source(2), traced)[0]
    names = {name for name, _ in tracer.entries}
    assert {
        f"steps[{i}].group[{k}].{what}" for i in range(4) for k in range(4) for what in ("mean", "index", "y")
    } <= names
    assert {"hyper_net[0]", "nets[2][1]", "steps[3].head[2]"} <= names


def test_a_net_is_run_again_only_where_its_groups_have_changed() -> None:
    of, tracer = model("scheduled-elic"), Tracer()
    encode_from(0, z_of(of, (64, 64), 3), residuals(3), context(of, (64, 64), trace=tracer))
    runs = [name for name, _ in tracer.entries if name.startswith("nets[") and name.endswith("][0]")]
    assert len(runs) == len(of.nets)  # the channel net of a group serves both of its passes


# --- the schedule of ELIC ----------------------------------------------------------------------------------------


def against_kind_7(symbols: dict[str, Any], tensors: dict[str, Any], size: tuple[int, int], seed: int) -> None:
    """The same symbols have the same body, and the body the same symbols."""
    elic = build_elic({**symbols, "tensors": declare(tensors)}, tensors)
    of = built(schedules.elic(symbols, tensors), tensors)
    backend = NumpyBackend()
    for rate in {0, elic.rates - 1}:
        z = z_of(of, size, seed)
        source = residuals(seed, 2.0, 0.1)
        body, sent = elic_latents.encode(rate, z, source, elic, size, backend, tables=TABLES)
        here = context(of, size)
        assert same(KIND.decode(body, here), sent)
        assert KIND.encode(sent, here) == body
        assert KIND.decode(body, here).serialise() == sent.serialise()


@pytest.mark.parametrize("seed", range(12))
def test_random_models_of_kind_7(seed: int) -> None:
    maker = plain.Models(seed)
    symbols = maker.model()
    against_kind_7(symbols, maker.tensors, (130, 65) if seed % 3 == 0 else (64, 64), seed)


@pytest.mark.parametrize("name", ["elic-tiny", "elic-tiny-2", "elic-square", "elic-mini", "edge-rates"])
def test_models_of_the_suite(name: str) -> None:
    from tools.vectors.build import MODELS as FOLDER

    symbols = package.read_manifest(FOLDER / name)["symbols"]
    tensors = package.load_tensors(FOLDER / name / "symbols.safetensors")
    del symbols["tensors"]
    against_kind_7(symbols, tensors, (64, 64), 5)


def test_the_embedded_model() -> None:
    folder = package_search.SHIPPED / "elic-small"
    symbols = package.read_manifest(folder)["symbols"]
    tensors = package.load_tensors(folder / "symbols.safetensors")
    del symbols["tensors"]
    against_kind_7(symbols, tensors, (64, 64), 7)


# --- models and rows ---------------------------------------------------------------------------------------------


def change(path: str, value: Any) -> dict[str, Any]:
    """`symbols` of the model of four passes with one member changed; None: without it."""
    symbols, tensors = copy.deepcopy(schedules.four_passes())
    symbols["tensors"] = declare(tensors)
    *places, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    inner: Any = symbols
    for part in places:
        inner = inner[part]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return symbols


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("pattern", None, 803),
        ("pattern", "0123", 803),
        ("pattern", [[0, 1], [2, 2]], 803),
        ("pattern.0", [], 803),
        ("pattern", [[0, 1], [3, 4]], 803),  # no class 2
        ("pattern", [[0, 1], [2]], 803),
        ("pattern.0.0", -1, 803),
        ("nets", {}, 803),
        ("nets.0.of", [], 803),
        ("nets.0.of", [0, 0], 803),
        ("nets.0.of", [0, 1, 2, 4], 803),
        ("nets.0.of", [0, 1, 2], 803),
        ("nets.0.layers", [], 803),
        ("nets.0.layers.0", "conv", 803),
        ("nets.0.also", 1, 803),
        ("steps.0.codes", [], 803),
        ("steps.0.codes.0.classes", [0, 1], 803),
        ("steps.0.codes.0", {"group": 0}, 803),
        ("steps.0.codes", [{"group": 1, "classes": [0]}, {"group": 0, "classes": [0]}], 803),
        ("steps.0.head", [], 803),
        ("steps.0.context", ["hyper"] * 17, 803),
        ("steps.0.context", [{"net": True}, "hyper"], 803),
        ("steps.0.context", [["hyper"]], 803),
        ("means", [], 803),
        ("scales.0.hi", 64, 804),
        ("ratio", 3, 803),
        ("ratio", 16, 803),
        ("stride", 0, 803),
        ("hyper_net.0.stride", 3, 803),
        ("order", "zigzag", 803),
        ("kind", None, 803),
    ],
)
def test_models_that_are_refused(path: str, value: Any, code: int) -> None:
    tensors = schedules.four_passes()[1]
    with pytest.raises(SemError) as caught:
        build(change(path, value), tensors)
    assert int(caught.value.code) == code


def test_steps_code_everything_and_use_every_net() -> None:
    four, tensors = schedules.four_passes()
    symbols: dict[str, Any] = {**four, "tensors": declare(tensors)}
    with pytest.raises(SemError, match="no step codes group 0 at class 1"):
        build({**symbols, "steps": symbols["steps"][:-1]}, tensors)
    unused = {**symbols, "nets": [*symbols["nets"], symbols["nets"][-1]]}
    with pytest.raises(SemError, match="a net that no step uses"):
        build(unused, tensors)


@pytest.mark.parametrize(
    ("name", "value", "valid"),
    [
        ("groups", [2, 2, 2, 2], True),
        ("groups", [], False),
        ("groups", "2222", False),
        ("groups", [2, 0, 2, 2], False),
        ("groups", [2, 1025], False),
        ("groups", [True, 2], False),
        ("m", 9, False),
        ("stride", 0, False),
        ("also", 1, False),
    ],
)
def test_parameters_of_a_row(name: str, value: Any, valid: bool) -> None:
    assert well_formed(model("scheduled-four").numbers | {name: value}) == valid


def test_progress_of_a_decode() -> None:
    of = model("scheduled-four")
    steps: list[float] = []
    here = context(of, (64, 64))
    body, _ = encode_from(0, z_of(of, (64, 64), 3), residuals(3), here)
    KIND.decode(body, context(of, (64, 64), progress=steps.append))
    assert steps == [(i + 1) / len(of.steps) for i in range(len(of.steps))]


def test_a_model_of_another_row_is_refused() -> None:
    for name, value in (("stride", 32), ("ratio", 2), ("hyper", 4), ("rates", 3), ("groups", [2, 2, 2, 1])):
        parameters = model("scheduled-four").numbers | {name: value}
        with pytest.raises(SemError) as caught:
            KIND.check_model(model("scheduled-four"), parameters)
        assert int(caught.value.code) == Code.MODEL_MALFORMED


def test_the_environment_finds_and_loads_it(tmp_path: Any) -> None:
    from refcodec.networks import package_cache
    from refcodec.payloads.kinds import WITH_DRAFTS
    from tools.drafts.suite import OUT

    here = Environment().with_drafts(OUT / "registry.json").with_packages(OUT / "models")
    row = here.registry.get(247)
    folder = here.locate_package(row.model or "")
    loaded = package_cache.payload_model(KIND, folder, row.model or "", WITH_DRAFTS)
    assert loaded.numbers == row.parameters(50)
    with pytest.raises(SemError):  # version 1 has no such model
        package.load_any(folder)


def test_memory_grows_with_the_picture() -> None:
    of = model("scheduled-four")
    small, large = (KIND.memory(context(of, (side, side))) for side in (64, 4096))
    assert 0 < small < large
