# SPDX-License-Identifier: MIT
"""tools/train/small.py: codebooks, signs and usage tables become packages that decoders read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refcodec.networks import package_cache
from refcodec.payloads import clip_bits, pq_codes, vq_indices
from tools.train import small

RNG = np.random.default_rng(7)
VECTORS = RNG.normal(size=(80, 12)) * 0.5 + np.linspace(-0.6, 0.6, 12)


def run(tmp_path: Path, what: str, array: object, *more: str) -> tuple[Path, str]:
    np.save(tmp_path / "data.npy", np.asarray(array))
    folder = tmp_path / what
    small.main([what, str(tmp_path / "data.npy"), "--out", str(folder), "--name", what, *more])
    return folder, package_cache.table_model(folder).digest


def test_codebooks_code_vectors_better_than_chance(tmp_path: Path) -> None:
    folder, digest = run(tmp_path, "codebooks", VECTORS, "--parts", "3", "--words", "20")
    model = package_cache.table_model(folder, digest)
    assert model.tensor.shape == (3, 20, 4)
    again = [pq_codes.lookup(pq_codes.search(z, model.tensor), model.tensor) for z in VECTORS]
    lost = ((np.array(again) - VECTORS) ** 2).sum() / ((VECTORS - VECTORS.mean(0)) ** 2).sum()
    assert lost < 0.4
    assert (small.codebooks(VECTORS, 3, 20) == small.codebooks(VECTORS, 3, 20)).all()


def test_signs_shorten_vectors_of_their_kind(tmp_path: Path) -> None:
    folder, _ = run(tmp_path, "signs", VECTORS, "--bits", "1")
    prior = package_cache.table_model(folder).table
    parameters = {"d": 12, "b": 1, "prior": True}
    sizes = [len(clip_bits.encode(clip_bits.quantise(z, 1), parameters, prior)) for z in VECTORS]
    assert sum(sizes) < sum(len(clip_bits.encode(clip_bits.quantise(z, 1), parameters)) for z in VECTORS)


def test_usage_sums_and_shortens(tmp_path: Path) -> None:
    grids = RNG.integers(0, 6, (10, 6, 6)) ** 2 // 6
    folder, _ = run(tmp_path, "usage", grids, "--words", "7")
    table = package_cache.table_model(folder).table
    assert (sum(table), len(table)) == (65536, 7)
    parameters = {"v": 7, "stride": 16, "usage": True}
    one = grids[0].ravel().tolist()
    assert len(vq_indices.encode(one, parameters, (96, 96), table)) < len(vq_indices.encode(one, parameters, (96, 96)))


@given(st.integers(2, 40).flatmap(lambda v: st.tuples(st.just(v), st.lists(st.integers(0, v - 1), min_size=1))))
def test_a_code_used_more_often_has_the_larger_frequency(case: tuple[int, list[int]]) -> None:
    v, indices = case
    frequencies = small.usage(np.array(indices), v).astype(int)
    counts = np.bincount(indices, minlength=v)
    assert frequencies.sum() == 65536
    assert frequencies.min() >= 1
    order = np.argsort(counts, kind="stable")
    steps, more = np.diff(frequencies[order]), np.diff(counts[order]) > 0
    assert (steps[more] > 0).all()
    assert (np.abs(steps[~more]) <= 1).all()  # equal counts: one of them may get a unit of the remainder


@pytest.mark.parametrize(
    ("what", "array", "more"),
    [
        ("codebooks", VECTORS, ("--parts", "5")),
        ("codebooks", VECTORS[:3], ("--parts", "3", "--words", "4")),
        ("codebooks", VECTORS[0], ()),
        ("signs", VECTORS * np.nan, ()),
        ("usage", [[1, 9]], ("--words", "9")),
        ("usage", [[0, 0]], ("--words", "1")),
    ],
)
def test_what_cannot_be_counted_ends_in_one_line(
    tmp_path: Path, what: str, array: object, more: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit, match="error: "):
        run(tmp_path, what, array, *more)
    assert not (tmp_path / what).exists()
