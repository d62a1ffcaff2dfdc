# SPDX-License-Identifier: MIT
"""SPEC §13: the payload on the tiny models and on random ones, against a walk in plain integers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference_networks as plain
from default_environment import TABLES
from hypothesis import given, settings
from hypothesis import strategies as st

from refcodec.entropy import gaussians
from refcodec.errors import SemError
from refcodec.methods import rdo
from refcodec.networks import package
from refcodec.networks.context_model import pass_sites
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.symbol_model import SymbolModel, build
from refcodec.networks.tensors import declare
from refcodec.networks.torch_backend import TorchBackend
from refcodec.networks.trace import Tracer
from refcodec.payloads import latents as elic_latents
from refcodec.payloads.latents import ElicLatents, decode, encode, replay, shapes

torch = pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("elic-tiny", "elic-tiny-2", "sketch-tiny")
SIZES = ((1, 1), (63, 65), (64, 64), (1, 200), (130, 64), (200, 130))


@lru_cache
def tiny(name: str) -> SymbolModel:
    return package.load(ROOT / "test_vectors" / "models" / name)


def residuals(seed: int, spread: float = 1.5, wild: float = 0.0) -> elic_latents.ResidualSource:
    """Random symbols, most of them small, some far outside the tables; always such that y-hat stays in int16."""
    rng = np.random.default_rng(seed)

    def choose(_rate: int, _k: int, _step: int, mean: Any, table: Any) -> Any:
        s = np.rint(rng.normal(0, spread, mean.shape)).astype(np.int32)
        s = np.where(rng.random(mean.shape) < wild, rng.integers(-1100, 1101, mean.shape), s)
        s = np.clip(s, -((32768 + mean) // 64), (32767 - mean) // 64)
        return np.where(table == 0, 0, s).astype(np.int32)

    return choose


def z_of(model: SymbolModel, size: tuple[int, int], seed: int, wild: float = 0.0) -> Any:
    rng = np.random.default_rng(seed + 1000)
    shape = (model.hyper, *shapes(*size)[0])
    return np.where(rng.random(shape) < wild, rng.integers(-32767, 32768, shape), rng.integers(-3, 4, shape)).astype(
        np.int32
    )


def same(a: ElicLatents, b: ElicLatents) -> bool:
    return a.rate == b.rate and np.array_equal(a.z, b.z) and np.array_equal(a.y, b.y)


@pytest.mark.parametrize("name", NAMES)
def test_round_trips_at_every_rate_and_size(name: str) -> None:
    model, numpy_, torch_ = tiny(name), NumpyBackend(), TorchBackend()
    for rate in range(model.rates):
        for i, size in enumerate(SIZES):
            wild = 0.05 if i % 2 else 0.0
            body, sent = encode(
                rate, z_of(model, size, i, wild), residuals(i, wild=wild), model, size, numpy_, tables=TABLES
            )
            assert sent.y.shape == (model.m, *shapes(*size)[1])
            for backend in (numpy_, torch_):
                got = decode(body, model, size, backend, tables=TABLES)
                assert same(got, sent)
                assert got.serialise() == sent.serialise()
            again, _ = encode(rate, sent.z, replay(sent, model, size), model, size, torch_, tables=TABLES)
            assert again == body


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_random_symbols_come_back(data: st.DataObject) -> None:
    model = tiny(data.draw(st.sampled_from(NAMES)))
    size = data.draw(st.tuples(st.integers(1, 140), st.integers(1, 140)))
    rate, seed = data.draw(st.integers(0, model.rates - 1)), data.draw(st.integers(0, 1000))
    spread, wild = data.draw(st.sampled_from((0.0, 0.3, 3.0, 60.0))), data.draw(st.sampled_from((0.0, 0.2)))
    body, sent = encode(
        rate, z_of(model, size, seed, wild), residuals(seed, spread, wild), model, size, NumpyBackend(), tables=TABLES
    )
    got = decode(body, model, size, NumpyBackend(), tables=TABLES)
    assert same(got, sent)
    serialised = got.serialise()
    assert len(serialised) == 1 + 2 * (sent.z.size + sent.y.size)
    assert serialised[0] == rate
    assert np.array_equal(np.frombuffer(serialised[1:], ">i2"), np.concatenate([sent.z.ravel(), sent.y.ravel()]))


def outcome(body: bytes, model: SymbolModel, size: tuple[int, int]) -> bytes | int:
    """The symbols, serialised, or the code of the error."""
    try:
        return decode(body, model, size, NumpyBackend(), tables=TABLES).serialise()
    except SemError as e:
        return e.code


@pytest.mark.parametrize("name", NAMES)
def test_no_other_body_means_the_same(name: str) -> None:
    model, size = tiny(name), (40, 30)
    body, sent = encode(1, z_of(model, size, 3), residuals(3, 0.8), model, size, NumpyBackend(), tables=TABLES)
    wanted = sent.serialise()
    assert outcome(body, model, size) == wanted
    others = {body[:n] for n in range(len(body))}
    others |= {body + bytes([b]) for b in range(0, 256, 5)} | {body + b"\0\0", body + body}
    others |= {body[:i] + bytes([body[i] ^ 1 << bit]) + body[i + 1 :] for i in range(len(body)) for bit in range(8)}
    others |= {body[:i] + body[i + 1 :] for i in range(len(body))} - {body}
    results = [outcome(other, model, size) for other in others]
    assert wanted not in results
    assert {r for r in results if isinstance(r, int)} <= {401, 402, 403}
    assert outcome(body + b"\0", model, size) == 402
    assert outcome(b"\xff\xff\xff\xff" + body, model, size) == 401


def test_bytes_from_strangers_are_symbols_or_an_error() -> None:
    model, rng = tiny("elic-tiny-2"), np.random.default_rng(0)
    for n in (0, 1, 2, 3, 5, 20, 200):
        for _ in range(4):
            body = rng.bytes(n)
            result = outcome(body, model, (9, 9))
            if isinstance(result, bytes):
                latents = decode(body, model, (9, 9), NumpyBackend(), tables=TABLES)
                assert (
                    encode(
                        latents.rate,
                        latents.z,
                        replay(latents, model, (9, 9)),
                        model,
                        (9, 9),
                        NumpyBackend(),
                        tables=TABLES,
                    )[0]
                    == body
                )


# -- replay, ranges, the skip rule


def test_replay_refuses_latents_that_no_stream_decodes_to() -> None:
    model, size = tiny("elic-tiny"), (64, 64)
    _, sent = encode(0, z_of(model, size, 1), residuals(1), model, size, NumpyBackend(), tables=TABLES)
    for change in (1, 63, -1):  # off the grid of 64
        y = sent.y.copy()
        y[2, 1, 1] += change
        with pytest.raises(ValueError, match="grid"):
            encode(
                0, sent.z, replay(ElicLatents(0, sent.z, y), model, size), model, size, NumpyBackend(), tables=TABLES
            )


def scaled(name: str, index: int) -> SymbolModel:
    """A tiny model whose scale index is the same everywhere."""
    from dataclasses import replace

    model = tiny(name)
    rows = [(replace(q, lo=index, hi=index), None) for q, _ in model.scales]
    return replace(model, scales=tuple(rows))


@pytest.mark.parametrize("name", NAMES)
def test_index_0_is_not_coded(name: str) -> None:
    model, size = scaled(name, 0), (100, 70)
    tracer = Tracer()
    body, sent = encode(1, z_of(model, size, 2) * 0, residuals(2), model, size, NumpyBackend(), tracer, tables=TABLES)
    # only the rate and z are coded, and y-hat is the mean wherever one looks
    assert len(body) <= 2 + sent.z.size
    assert same(decode(body, model, size, TorchBackend(), tables=TABLES), sent)
    digests = dict(tracer.entries)
    for k in range(len(model.groups)):
        for step in (0, 1):
            assert digests[f"group[{k}].pass[{step}].mean"] == digests[f"group[{k}].pass[{step}].y"]
    with pytest.raises(ValueError, match="skipped"):
        encode(1, sent.z, lambda *a: np.ones_like(a[3]), model, size, NumpyBackend(), tables=TABLES)
    y = sent.y + 64  # on the grid, but a symbol 1 where none can be
    with pytest.raises(ValueError, match="grid"):
        encode(1, sent.z, replay(ElicLatents(1, sent.z, y), model, size), model, size, NumpyBackend(), tables=TABLES)


def test_latents_outside_int16_are_403() -> None:
    """An encoder cannot write them and a decoder does not give them, though each symbol and mean is in range."""
    model, size = scaled("elic-tiny", 40), (64, 64)
    edge: dict[str, Any] = {}

    def first_beyond(_rate: int, k: int, step: int, mean: Any, _table: Any) -> Any:
        s = np.zeros_like(mean)
        if (k, step) == edge["at"]:
            s[0, 0] = (32767 - mean[0, 0]) // 64 + 1 if edge["above"] else -((32768 + mean[0, 0]) // 64) - 1
        return s

    for at in ((0, 0), (1, 1), (2, 0)):
        for above in (True, False):
            edge.update(at=at, above=above)
            with pytest.raises(SemError) as e:
                encode(0, z_of(model, size, 1), first_beyond, model, size, NumpyBackend(), tables=TABLES)
            assert e.value.code == 403
            with pytest.MonkeyPatch.context() as patch:  # what another encoder may write all the same
                patch.setattr(elic_latents, "_in_range", lambda _part: True)
                body, _ = encode(0, z_of(model, size, 1), first_beyond, model, size, NumpyBackend(), tables=TABLES)
            with pytest.raises(SemError) as e:
                decode(body, model, size, NumpyBackend(), tables=TABLES)
            assert e.value.code == 403


def test_the_ends_of_int16_are_reached() -> None:
    model, size = scaled("elic-tiny-2", 63), (64, 64)

    def ends(_rate: int, _k: int, step: int, mean: Any, _table: Any) -> Any:
        return (32767 - mean) // 64 if step else -((32768 + mean) // 64)

    body, sent = encode(1, z_of(model, size, 1), ends, model, size, NumpyBackend(), tables=TABLES)
    assert (int(sent.y.min()) < -32700, int(sent.y.max()) > 32700) == (True, True)
    assert same(decode(body, model, size, TorchBackend(), tables=TABLES), sent)


def test_what_cannot_be_written_is_a_mistake_of_the_caller() -> None:
    model, size = tiny("elic-tiny"), (64, 64)
    z = z_of(model, size, 0)
    for rate, bad_z, choose in (
        (model.rates, z, residuals(0)),
        (-1, z, residuals(0)),
        (0, z[:, :, :0], residuals(0)),
        (0, z + 40000, residuals(0)),
        (0, z, lambda *a: a[3][:, :-1] * 0),
        (0, z, lambda *a: np.zeros_like(a[3]) + 32768),
    ):
        with pytest.raises(ValueError, match=r"must|within|not a symbol"):
            encode(rate, bad_z, choose, model, size, NumpyBackend(), tables=TABLES)


# -- the graph, against plain integers


@pytest.mark.parametrize("name", NAMES)
def test_traces_agree_and_change_nothing(name: str) -> None:
    model, size = tiny(name), (130, 60)
    body, sent = encode(1, z_of(model, size, 7), residuals(7), model, size, NumpyBackend(), tables=TABLES)
    tracers = [Tracer() for _ in range(4)]
    backends: list[Any] = [NumpyBackend(), TorchBackend(), TorchBackend(channels_last=True)]
    for tracer, backend in zip(tracers, backends, strict=False):
        assert same(decode(body, model, size, backend, tracer, tables=TABLES), sent)
    encode(1, sent.z, replay(sent, model, size), model, size, NumpyBackend(), tracers[3], tables=TABLES)
    first = tracers[0]
    assert len(first.entries) > 20
    for other in tracers[1:]:
        assert first.first_difference(other.entries) is None
    shorter = first.entries[:-1]
    changed = [*first.entries[:5], (first.entries[5][0], "0" * 64), *first.entries[6:]]
    assert first.first_difference(shorter) == first.entries[-1][0]
    assert first.first_difference(changed) == first.entries[5][0]


def test_traces_hold_accumulators_beyond_32_bits() -> None:
    """Digests are over 64-bit values: a decoder that wraps must show."""
    seen: dict[str, Any] = {}
    maker = plain.Models(1)
    m = maker.model()
    model = built(m, maker.tensors)
    z = np.full((model.hyper, 1, 1), -30000, np.int32)
    for backend in (NumpyBackend(), TorchBackend()):
        encode(
            0,
            z,
            residuals(0),
            model,
            (64, 64),
            backend,
            lambda name, v: seen.setdefault(name, []).append(v),
            tables=TABLES,
        )
    a, b = seen["hyper_net[0]"]
    assert np.array_equal(a, b)
    wanted = plain.run(m["hyper_net"][:1], plain.requant(z.tolist(), m["z_input"], maker.tensors, 0), maker.tensors, 0)
    assert a.tolist() == wanted
    assert np.abs(a).max() > 2**31


def json_of(name: str) -> tuple[plain.Symbols, plain.Tensors]:
    folder = ROOT / "test_vectors" / "models" / name
    return package.read_manifest(folder)["symbols"], package.load_tensors(folder / "symbols.safetensors")


def built(m: plain.Symbols, t: plain.Tensors) -> SymbolModel:
    return build({**m, "tensors": declare(t)}, t)


def against_plain(m: plain.Symbols, t: plain.Tensors, model: SymbolModel, rate: int, z: Any, seed: int) -> None:
    """Means, indices and latents of every pass, by both backends, with trace and without."""
    size = (64 * z.shape[2], 64 * z.shape[1])
    choose = residuals(seed, 2.0, 0.1)
    told: list[tuple[Any, Any]] = []

    def noted(rate: int, k: int, step: int, mean: Any, table: Any) -> Any:
        told.append((mean.tolist(), table.tolist()))
        return choose(rate, k, step, mean, table)

    body, sent = encode(rate, z, noted, model, size, NumpyBackend(), tables=TABLES)
    sites = pass_sites(sent.y.shape[1], sent.y.shape[2], model.parity)

    def symbols(k: int, step: int, mean: list[list[int]], _index: Any) -> list[list[int]]:
        rows, cols = sites[step]
        part = sent.y[model.part(k), rows, cols] - np.array(mean)
        assert not (part % 64).any()
        return (part // 64).tolist()  # type: ignore[no-any-return]

    y, wanted = plain.walk(m, t, rate, z.tolist(), symbols)
    assert told == wanted
    assert sent.y.tolist() == y
    for backend in (NumpyBackend(), TorchBackend()):
        for trace in (None, Tracer()):
            assert same(decode(body, model, size, backend, trace, tables=TABLES), sent)


@pytest.mark.parametrize("name", NAMES)
def test_tiny_models_against_plain_integers(name: str) -> None:
    m, t = json_of(name)
    model = tiny(name)
    against_plain(m, t, model, model.rates - 1, z_of(model, (64, 64), 5, 0.2), 5)


@pytest.mark.parametrize("seed", range(24))
def test_random_models_against_plain_integers(seed: int) -> None:
    maker = plain.Models(seed)
    m = maker.model()
    model = built(m, maker.tensors)
    z = np.random.default_rng(seed).integers(-12, 12, (model.hyper, 1, 1 + seed % 2)).astype(np.int32)
    against_plain(m, maker.tensors, model, model.rates - 1, z, seed)


# -- choosing symbols


def test_costs_are_those_of_the_coder() -> None:

    table, bank = rdo.cost_table(gaussians(TABLES)), gaussians(TABLES)
    for j in (1, 5, 30, 63):
        cumulative, offset = bank.tables[j], bank.offsets[j]
        for v in (0, 1, 2, -offset, -offset + 1, -offset + 2, -offset + 5):
            s = v - offset
            inside = s < len(cumulative) - 2
            f = cumulative[s + 1] - cumulative[s] if inside else cumulative[-1] - cumulative[-2]
            more = 0 if inside else 2 + 2 * int(np.log2(v + offset))
            assert table[j, v] == pytest.approx(16 - np.log2(f) + more, rel=1e-5)


def test_rounding_and_nudging() -> None:
    r = np.array([[0.4, 0.6, -0.6, 1.5, -7.49, 900.2, 1e9, -1e9, 3.3]], np.float32)
    index = np.array([[9, 9, 9, 9, 9, 60, 60, 60, 0]], np.uint8)
    plainly = rdo.quantise(r, index, np.array([[np.inf]], np.float32), gaussians(TABLES))
    assert plainly.tolist() == [[0, 1, -1, 2, -7, 900, 32768, -32768, 0]]
    nothing = rdo.quantise(r, index, np.array([[1e-9]], np.float32), gaussians(TABLES))
    assert (np.abs(nothing) <= np.abs(plainly)).all()
    assert nothing[0, :4].tolist() == [0, 0, 0, 1]
    assert nothing[0, 4] == -7  # beyond the table 6 and 7 cost the same, and 7 is nearer
