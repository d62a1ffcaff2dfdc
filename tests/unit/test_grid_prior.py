# SPDX-License-Identifier: MIT
"""drafts/grids.md: bodies of tiny and of random priors, by refcodec and by the decoder of the text."""

from __future__ import annotations

import copy
import json
import tracemalloc
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import micro as micro_adapter
from refcodec.errors import Code, SemError
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.drafts import grids
from refcodec.payloads.drafts.grid_prior import IndexPrior, build
from refcodec.payloads.drafts.grid_shapes import shapes, symbol_count, well_formed
from refcodec.payloads.drafts.grids import IndexGrids
from semdrafts import grids as text
from tools.bench.index_prior import load_prior
from tools.vectors.models import package_files
from tools.vectors.models.priors import CHECKERBOARD, COARSE_TO_FINE, ONE_PASS, PRIORS, GridSpec, prior

Package = tuple[dict[str, Any], dict[str, Any]]
MICRO = micro_adapter.load()
SIZES = ((1, 1), (8, 8), (17, 31), (40, 24), (64, 48))


def declared(package: Package) -> Package:
    symbols, tensors = package
    return symbols | {"tensors": package_files.declare(tensors)}, tensors


@lru_cache
def tiny(name: str) -> IndexPrior:
    return build(*declared(PRIORS[name]()))


def context_of(model: IndexPrior, size: tuple[int, int], **more: Any) -> CodingContext:
    return CodingContext({"v": model.v, "grids": model.grids}, size, model=model, backend=NumpyBackend(), **more)


def random_grids(model: IndexPrior, size: tuple[int, int], seed: int) -> IndexGrids:
    rng = np.random.default_rng(seed)
    found = shapes({"grids": model.grids}, size)
    return IndexGrids(tuple(rng.integers(0, model.v, shape).astype(np.uint16) for shape in found))


class Part:
    """A section as the micro-decoder has it."""

    offset = 0

    def __init__(self, body: bytes) -> None:
        self.body = body


def text_model(package: Package) -> Any:
    """The model that the decoder of the text makes of a package, without its files."""
    symbols, tensors = declared(package)
    found = {
        name: (symbols["tensors"][name]["dtype"], MICRO.Tensor(list(t.shape), t.ravel().tolist()))
        for name, t in tensors.items()
    }

    class Opened:
        """The micro-decoder, whose packages are open already."""

        def __getattr__(self, name: str) -> Any:
            return getattr(MICRO, name)

        def open_package(self, _package: Any, members: Any) -> Any:
            if set(symbols) != set(members):
                MICRO.bad_model("`symbols` has not exactly the members of the table")
            return symbols, found

    return text.load(Opened(), None, {"v": symbols["v"], "grids": symbols["grids"]})


def by_text(model: Any, parameters: dict[str, Any], size: tuple[int, int], body: bytes) -> list[Any]:
    sizes = text.shapes(parameters, *size)
    found: list[Any] = MICRO.stream(Part(body), lambda coder: text.index_grids(MICRO, coder, model, sizes, MICRO.Run()))
    return [index for grid in found for row in grid for index in row]


# --- round trips -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PRIORS)
def test_both_decoders_give_back_what_was_encoded(name: str, size: tuple[int, int]) -> None:
    model, value = tiny(name), random_grids(tiny(name), size, 7)
    context = context_of(model, size)
    body = grids.encode(value, context)
    decoded = grids.decode(body, context)
    assert decoded.serialise() == value.serialise()
    assert decoded.shape == [list(shape) for shape in shapes(context.parameters, size)]
    assert symbol_count(context.parameters, *size) == sum(grid.size for grid in value.grids)
    assert by_text(text_model(PRIORS[name]()), dict(context.parameters), size, body) == decoded.to_json()


ENTRIES = st.one_of(st.sampled_from([4, 5, 8, 16]), st.tuples(st.integers(1, 4), st.integers(1, 4)).map(list))


@st.composite
def packages(draw: st.DrawFn) -> Package:
    v = draw(st.integers(2, 20))
    count = draw(st.integers(1, 3))
    found = [
        GridSpec(
            draw(ENTRIES),
            tuple(sorted(draw(st.sets(st.integers(0, k - 1))))) if k else (),
            draw(st.sampled_from([ONE_PASS, CHECKERBOARD, COARSE_TO_FINE])),
            draw(st.integers(1, 3)),
        )
        for k in range(count)
    ]
    return prior(f"seed {draw(st.integers(0, 999))}", v, draw(st.integers(1, v)), found, draw(st.booleans()))


@settings(max_examples=25, deadline=None)
@given(packages(), st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_random_networks_round_trip_in_both_decoders(package: Package, width: int, height: int, seed: int) -> None:
    model, size = build(*declared(package)), (width, height)
    context = context_of(model, size)
    value = random_grids(model, size, seed)
    body = grids.encode(value, context)
    assert grids.decode(body, context).serialise() == value.serialise()
    assert by_text(text_model(package), dict(context.parameters), size, body) == value.to_json()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(PRIORS)), st.binary(max_size=40))
def test_any_bytes_are_an_error_or_the_one_body_of_their_indices(name: str, body: bytes) -> None:
    model, size = tiny(name), (24, 20)
    context, read = context_of(model, size), text_model(PRIORS[name]())
    found, by_the_text = (
        outcome(lambda: grids.decode(body, context)),
        outcome(lambda: by_text(read, dict(context.parameters), size, body)),
    )
    if isinstance(found, IndexGrids):
        assert grids.encode(found, context) == body
        assert by_the_text == found.to_json()
    else:
        assert found == by_the_text
        assert found in (Code.STREAM_INVALID, Code.STREAM_NOT_CANONICAL)


def outcome(decode: Callable[[], Any]) -> Any:
    """What a decoder gives, or the code of its error."""
    try:
        return decode()
    except (SemError, MICRO.SemError) as error:
        return int(error.code)


@pytest.mark.parametrize("name", PRIORS)
def test_every_flipped_bit_is_an_error_or_other_indices(name: str) -> None:
    model, size = tiny(name), (32, 24)
    context, value = context_of(model, size), random_grids(tiny(name), size, 3)
    body = grids.encode(value, context)
    for bit in range(8 * len(body)):
        damaged = bytearray(body)
        damaged[bit // 8] ^= 0x80 >> bit % 8
        try:
            other = grids.decode(bytes(damaged), context)
        except SemError:
            continue
        assert other.serialise() != value.serialise()


def test_an_index_depends_on_earlier_passes_only() -> None:
    """A change of the last pass leaves the indices before it, and a change of the first is seen by those behind it."""
    model, size = tiny("grids-tiny"), (64, 64)
    value = random_grids(model, size, 5)
    body = grids.encode(value, context_of(model, size))
    passes = model.sites(0, (8, 8))
    for number, same in ((6, True), (0, False)):
        other = value.grids[0].copy()
        sites = passes == number
        other[sites] = (other[sites] + 1) % model.v
        changed = grids.encode(IndexGrids((other,)), context_of(model, size))
        assert (changed[:10] == body[:10]) is same


def test_a_certain_index_takes_few_bytes() -> None:
    """Logits far apart make likely indices cheap: 4096 of them take less than 40 bytes."""
    symbols, tensors = prior("certain", 16, 4, [GridSpec(4, (), CHECKERBOARD)])
    tensors["logits.a"] = np.full((1, 16), -(1 << 44), "<i8")
    tensors["logits.a"][0, 9] = 1 << 44
    model = build(*declared((symbols, tensors)))
    value = IndexGrids((np.full((64, 64), 9, np.uint16),))
    body = grids.encode(value, context_of(model, (256, 256)))
    assert len(body) < 40
    assert grids.decode(body, context_of(model, (256, 256))).serialise() == value.serialise()


@pytest.mark.parametrize("name", PRIORS)
def test_torch_gives_the_same_body(name: str) -> None:
    pytest.importorskip("torch")
    from refcodec.networks.torch_backend import TorchBackend

    model, size = tiny(name), (40, 56)
    value = random_grids(model, size, 11)
    parameters = {"v": model.v, "grids": model.grids}
    other = CodingContext(parameters, size, model=model, backend=TorchBackend())
    assert grids.encode(value, other) == grids.encode(value, context_of(model, size))


def test_progress_rises_to_1_and_a_trace_names_each_pass() -> None:
    seen: list[float] = []
    named: list[str] = []
    model = tiny("grids-scales")
    more = {"progress": seen.append, "trace": lambda name, _: named.append(name)}
    grids.encode(random_grids(model, (24, 16), 1), context_of(model, (24, 16), **more))
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert named == ["grid[0].pass[0]", "grid[1].pass[0]", "grid[2].pass[0]", "grid[2].pass[1]"]


# --- values that a row cannot code -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        IndexGrids((np.zeros((2, 3), np.uint16),)),
        IndexGrids((np.zeros((2, 2), np.uint16), np.zeros((2, 2), np.uint16))),
        IndexGrids((np.full((2, 2), 14, np.uint16),)),
        IndexGrids(()),
    ],
)
def test_other_shapes_and_indices_are_refused_before_encoding(value: IndexGrids) -> None:
    with pytest.raises(ValueError, match=r"grids of this row|indices are"):
        grids.encode(value, context_of(tiny("grids-tiny"), (16, 16)))


@pytest.mark.parametrize(
    ("parameters", "valid"),
    [
        ({"v": 2, "grids": [16]}, True),
        ({"v": 65536, "grids": [[1, 1024], 1024, 1]}, True),
        ({"v": 1, "grids": [16]}, False),
        ({"v": 65537, "grids": [16]}, False),
        ({"v": True, "grids": [16]}, False),
        ({"v": 4, "grids": []}, False),
        ({"v": 4, "grids": [16] * 17}, False),
        ({"v": 4, "grids": [0]}, False),
        ({"v": 4, "grids": [1025]}, False),
        ({"v": 4, "grids": [1.0]}, False),
        ({"v": 4, "grids": [[4]]}, False),
        ({"v": 4, "grids": [[4, 4, 4]]}, False),
        ({"v": 4, "grids": [[4, 0]]}, False),
        ({"v": 4, "grids": 16}, False),
        ({"v": 4, "grids": [16], "stride": 16}, False),
        ({"grids": [16]}, False),
    ],
)
def test_parameters_of_rows(parameters: dict[str, Any], valid: bool) -> None:
    assert well_formed(parameters) is valid
    try:
        by_the_text = text.valid(MICRO, parameters)
    except KeyError:
        by_the_text = False
    assert by_the_text is valid


# --- models that break a rule ----------------------------------------------------------------------------------------

Edit = Callable[[dict[str, Any], dict[str, Any]], object]


def at(*path: Any, value: Any) -> Edit:
    """Set a member of `symbols`."""

    def edit(symbols: dict[str, Any], _: dict[str, Any]) -> None:
        inner: Any = symbols
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value

    return edit


def tensor(name: str, values: Any) -> Edit:
    return lambda _, tensors: tensors.update({name: values})


def without_requantisation(layers: list[Any]) -> None:
    """Replace the last layer, and keep its tensors in use."""
    layers[1]["s"] = layers[-1]["s"]
    layers[-1] = {"op": "relu"}


CONTEXT, NET = ("contexts", 0), ("nets", 0)
MALFORMED: dict[str, Edit] = {
    "another member": at("rates", value=1),
    "no member": lambda symbols, _: symbols.pop("split"),
    "one code word": at("v", value=1),
    "code words as true": at("v", value=True),
    "no grids": at("grids", value=[]),
    "split 0": at("split", value=0),
    "split above v": at("split", value=15),
    "two contexts for one grid": lambda symbols, _: symbols["contexts"].append(symbols["contexts"][0]),
    "a grid from itself": at(*CONTEXT, "from", value=[0]),
    "a context with another member": at(*CONTEXT, "parity", value=0),
    "no embedding": at(*CONTEXT, "embedding", value="absent"),
    "an embedding of other code words": tensor("embedding.0", np.ones((13, 3), "<i2")),
    "an embedding of one axis": tensor("embedding.0", np.ones(14, "<i2")),
    "an embedding of another type": tensor("embedding.0", np.ones((14, 3), "<i4")),
    "a schedule that is not square": at(*CONTEXT, "schedule", 0, value=[0, 1, 2]),
    "a schedule that names no pass": at(*CONTEXT, "schedule", 0, 1, value=7),
    "an empty schedule": at(*CONTEXT, "schedule", value=[]),
    "a pass without sites": lambda symbols, _: symbols["contexts"][0]["passes"].append({"step": 1, "net": 0}),
    "a site off its step": at(*CONTEXT, "passes", 4, "step", value=2),
    "a step that does not divide": at(*CONTEXT, "passes", 0, "step", value=3),
    "a pass of no net": at(*CONTEXT, "passes", 0, "net", value=2),
    "a net without a pass": lambda symbols, _: symbols["nets"].append(symbols["nets"][0]),
    "no nets": at("nets", value=[]),
    "an empty context": at(*NET, "context", value=[]),
    "a stride": at(*NET, "context", 0, "stride", value=2),
    "an enlargement": lambda symbols, _: symbols["nets"][0]["context"][0].update(op="deconv", stride=2),
    "an unknown operation": at(*NET, "context", 2, value={"op": "gelu"}),
    "a head as a list": at(*NET, "head", value=[]),
    "a head of other features": tensor("nets.0.head.w", np.ones((14, 5), "<i2")),
    "a head of other code words": tensor("nets.0.head.b", np.ones(13, "<i8")),
    "logits of other channels": tensor("logits.a", np.ones((1, 13), "<i8")),
    "a tensor without a use": tensor("spare", np.ones(1, "<i2")),
}  # fmt: skip
BOUNDS: dict[str, Edit] = {
    "features beyond int16": lambda symbols, _: without_requantisation(symbols["nets"][0]["context"]),
    "sums of a head beyond 2^37": lambda _, tensors: tensors["nets.0.head.b"].__setitem__(0, 2**37),
    "sums of a convolution": lambda _, tensors: tensors["nets.0.0.b"].__setitem__(0, -(2**37)),
    "logits beyond int16": at(*NET, "head", "logits", "hi", value=32768),
    "logits with lo above hi": at(*NET, "head", "logits", "lo", value=1501),
    "a shift of 0": tensor("s24", np.zeros((1, 1), "|u1")),
    "an addend of 2^53": lambda _, tensors: tensors["logits.a"].__setitem__((0, 0), 2**53),
}
EDITS = [(name, edit, Code.MODEL_MALFORMED, 803) for name, edit in MALFORMED.items()]
EDITS += [(name, edit, Code.MODEL_BOUNDS, 804) for name, edit in BOUNDS.items()]


@pytest.mark.parametrize(("edit", "code", "number"), [pytest.param(*e[1:], id=e[0]) for e in EDITS])
def test_models_that_break_a_rule_are_refused_by_both(edit: Edit, code: int, number: int) -> None:
    symbols, tensors = copy.deepcopy(PRIORS["grids-tiny"]())
    edit(symbols, tensors)
    with pytest.raises(SemError) as found:
        build(*declared((symbols, tensors)))
    assert found.value.code == code
    with pytest.raises(MICRO.SemError) as other:
        text_model((symbols, tensors))
    assert other.value.code == number


def test_a_split_that_leaves_too_many_parts_is_refused() -> None:
    symbols, tensors = prior("wide", 20_000, 1, [GridSpec(16)])
    with pytest.raises(SemError) as found:
        build(*declared((symbols, tensors)))
    assert found.value.code == Code.MODEL_MALFORMED
    assert build(*declared((symbols | {"split": 2}, tensors))).split == 2


@pytest.mark.parametrize("value", [[1, 0], [0, 0], [2], [True]])
def test_grids_are_read_in_order_and_once(value: list[Any]) -> None:
    symbols, tensors = copy.deepcopy(PRIORS["grids-scales"]())
    symbols["contexts"][2]["from"] = value
    with pytest.raises(SemError) as found:
        build(*declared((symbols, tensors)))
    assert found.value.code == Code.MODEL_MALFORMED


def test_a_row_of_other_grids_refuses_the_model() -> None:
    model = tiny("grids-tiny")
    for parameters in ({"v": 15, "grids": [8]}, {"v": 14, "grids": [16]}, {"v": 14, "grids": [8, 8]}):
        with pytest.raises(SemError) as found:
            grids.KIND.check_model(model, parameters)
        assert found.value.code == Code.MODEL_MALFORMED
    grids.KIND.check_model(model, {"v": 14, "grids": [8]})


TRAINED = Path(__file__).resolve().parents[2] / "drafts" / "vectors" / "models" / "vq-small-prior"


@pytest.mark.slow
def test_the_trained_prior_finds_smooth_grids_likely_and_its_memory_is_predicted() -> None:
    model = load_prior(TRAINED)
    size = (16 * 128, 16 * 128)
    context, value = context_of(model, size), IndexGrids((np.full((128, 128), 5, np.uint16),))
    tracemalloc.start()
    body = grids.encode(value, context)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(body) < 128 * 128 * 10 / 8 / 3
    assert 0.8 < grids.KIND.memory(context) / peak < 1.25


def test_values_as_json_and_arrays() -> None:
    value = IndexGrids((np.array([[1, 2]], np.uint16), np.array([[700], [3]], np.uint16)))
    assert value.to_json() == [1, 2, 700, 3]
    assert json.dumps(value.to_json())
    assert value.serialise() == bytes([0, 1, 0, 2, 2, 188, 0, 3])
    assert {name: array.tolist() for name, array in value.arrays().items()} == {
        "grid0": [[1, 2]],
        "grid1": [[700], [3]],
    }
    assert IndexGrids((np.zeros((65, 64), np.uint16),)).to_json() is None


def test_packages_of_the_generator_do_not_change(tmp_path: Path) -> None:
    """The seeds of released vectors stay what they are."""
    assert {name: tiny(name).digest[:16] for name in PRIORS} == DIGESTS


DIGESTS = {
    "grids-tiny": "9f07fa647daeaee6",
    "grids-scales": "831d98bf357c0add",
    "grids-residual": "11f17b048e959073",
}


def test_a_context_without_a_convolution() -> None:
    """The features are the embedding, requantised: each site knows nothing but that it is not known."""
    symbols, tensors = prior("plain", 6, 3, [GridSpec(8, (), CHECKERBOARD, 4)])
    for net in symbols["nets"]:
        net["context"] = [{"op": "requant", "m": "m", "s": "s18", "lo": -900, "hi": 900}]
    used = {name for name in tensors if ".head." in name} | {"m", "s18", "s24", "logits.a", "embedding.0"}
    package = symbols, {name: tensors[name] for name in used}
    model, size = build(*declared(package)), (40, 24)
    context, value = context_of(model, size), random_grids(model, size, 2)
    body = grids.encode(value, context)
    assert grids.decode(body, context).serialise() == value.serialise()
    assert by_text(text_model(package), dict(context.parameters), size, body) == value.to_json()
    assert grids.KIND.memory(context) < 1 << 26
