# SPDX-License-Identifier: MIT
"""What docs/results.json keeps of each bench's JSON, and what follows from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scipy")
pytest.importorskip("torch")

from refcodec.cli.bench.plot import svg
from tools.results import rate_tables, rates, store
from tools.results.catalogue import BENCHES

STORED = store.load()


def test_means_and_bd_rates_follow_from_points() -> None:
    points = {"a": [[1000, 30.0, 0.9], [2000, 33.0, 0.99]], "b": [[3000, 20.0, 0.9], [4000, 23.0, 0.9]]}
    codec = rates.Measured({"a": 8000, "b": 80000}, ("1", "2"), points, ((9, 1, 9, 2), (9, 3, 9, 4)))
    first, second = codec.means
    assert (first.bpp, first.psnr, first.ms_ssim) == (pytest.approx(0.65), 25.0, pytest.approx(0.9))
    assert second.ms_ssim_db == pytest.approx(15.0)  # the mean of 20 and 10 dB
    assert codec.cpu == (2, 3)


def test_half_the_bytes_are_minus_fifty_percent() -> None:
    def codec(share: float) -> rates.Measured:
        points = {
            "a": [
                [share * size, db, 1 - 10 ** (-db / 20)]
                for size, db in ((1000, 30), (2000, 33), (4000, 36), (8000, 39))
            ]
        }
        return rates.Measured({"a": 80000}, ("",) * 4, points, ())

    for metric in rates.METRICS:
        found = rates.saving(codec(0.5), codec(1), metric)
        assert found is not None
        assert [found.average, found.mean, found.worst] == pytest.approx([-50] * 3)


def document(percent: float) -> dict[str, Any]:
    """Return JSON as `semtool bench rate` writes it, of two codecs over one picture."""

    def curve(share: float) -> list[dict[str, float]]:
        pairs = enumerate(((1000, 30), (2000, 33), (4000, 36), (8000, 39)))
        return [
            {
                "quality": n,
                "bpp": share * 8 * size / 80000,
                "psnr": db,
                "ms-ssim": 1 - 10 ** (-db / 20),
                "ms-ssim-db": db / 2,
            }
            for n, (size, db) in pairs
        ]

    seconds = [{"encode_s": 1.0, "encode_cpu_s": 2.0, "decode_s": 3.0, "decode_cpu_s": 4.0}] * 4
    return {
        "window_bpp": [0.1, 0.8],
        "pictures": [{"name": "a.png", "sha256": ""}],
        "curves": {name: {"average": curve(share), "pictures": [curve(share)]} for name, share in (("x", 0.5), ("y", 1))},
        "seconds": {"x": seconds, "y": seconds},
        "bd_rate": [{"codec": "x", "anchor": "y", "metric": "psnr", "average": {"percent": percent}}],
    }  # fmt: skip


def test_reading_keeps_bytes_and_refuses_other_bd_rates(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (400, 200)).save(tmp_path / "a.png")
    figures = rates.read(document(-50.0), {"KODAK": tmp_path})
    assert figures["pictures"] == {"a.png": 80000}
    assert figures["codecs"]["x"]["points"]["a.png"][0] == [500, 30, 0.968377]
    assert figures["codecs"]["x"]["seconds"][0] == [1.0, 2.0, 3.0, 4.0]
    assert json.loads(json.dumps(figures)) == figures
    with pytest.raises(ValueError, match="BD-rate of x against y does not follow from its points"):
        rates.read(document(-49.9), {"KODAK": tmp_path})


def test_a_further_model_is_a_further_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rate_tables.MODELS, "medium", "--profile elic-medium")
    monkeypatch.setitem(rate_tables.MODELS, "", "")
    efforts = STORED.entries["kodak-efforts"]
    results = replace(STORED, entries={**STORED.entries, "kodak-medium-efforts": efforts, "photos-efforts": efforts})
    commands = {each.name: each.shown for each in rate_tables._benches()}
    assert commands["kodak-medium"] == "semtool bench rate KODAK --profile elic-medium"
    assert commands["photos-medium-efforts"].startswith("semtool bench rate HELD-OUT --profile elic-medium --efforts")
    labels = [name for name in rate_tables.lines_of(results, "kodak") if "elic-2" not in name]
    assert labels[:4] == [
        ".sem, effort 1", ".sem, effort 9", ".sem medium, effort 1", ".sem medium, effort 9",
    ]  # fmt: skip
    svg = rate_tables.plot(results, "photos")
    assert svg is not None
    assert ">.sem, effort 9<" in svg
    assert ">AVIF<" in svg
    assert rate_tables.plot(STORED, "photos") is None or "photos" in STORED.entries


def test_each_effort_is_listed_once_and_missing_anchors_are_those_of_the_set() -> None:
    stored = STORED.entries["kodak-efforts"]
    codecs = stored.figures["codecs"]
    ours = {name: codecs[name] for name in (rate_tables.EFFORT_1, rate_tables.EFFORT_9)}
    slower = {**codecs["AVIF"], "seconds": [[2 * s for s in row] for row in codecs["AVIF"]["seconds"]]}
    efforts = replace(stored, figures={**stored.figures, "codecs": {**ours, "AVIF": slower}})
    everything = {
        rate_tables.METHOD: ours[rate_tables.EFFORT_1],
        **{name: codecs[name] for name in rate_tables.ANCHORS},
    }
    base = replace(stored, figures={**stored.figures, "codecs": everything})
    results = replace(STORED, entries={"photos": base, "photos-efforts": efforts})
    first, second = rate_tables.compared(results, "photos")
    assert [first.label, second.label] == [".sem, effort 1", ".sem, effort 9"]
    assert set(second.anchors) == set(rate_tables.ANCHORS)
    assert first.anchors["AVIF"].cpu[0] * 2 == second.anchors["AVIF"].cpu[0]
    assert second.effort_1.points == ours[rate_tables.EFFORT_1]["points"]
    table = "\n".join(rate_tables.savings_table(results, "photos"))
    assert table.count("| .sem, effort 9 | 6 | effort 1 | -10.6 % |") == 1
    assert rate_tables._multiples(second.codec, second.anchors) == ("150", "21")


def rows(name: str, document: Any) -> list[tuple[str, str]]:
    """Return the rows of the page for JSON of a bench."""
    return BENCHES[name].rows(BENCHES[name].read(document, {}))


def test_a_legend_is_as_wide_as_its_longest_name() -> None:
    for name, left in (("AVIF", 420 - 110), (".sem medium, effort 9", 420 - 34 - 6 * 21)):
        drawn = svg({"PSNR, dB": {name: [(0.1, 20.0), (0.2, 30.0)], "x": [(0.1, 19.0)]}}, 1.0, "")
        assert f'<text x="{left + 28}" y="289">{name}</text>' in drawn


def test_seconds_and_memory_become_rows() -> None:
    times = {"encode, embedded model": 0.0917, "decode, embedded model": 0.0781, "semtool inspect, photo": 0.0868,
             "torch float64, exact": 1, "numpy float64, exact": 1}  # fmt: skip
    speed = {"rows": [{"name": name, "min_s": seconds, "ratio": 1.947} for name, seconds in times.items()]}
    assert [figure for _, figure in rows("speed", speed)] == [
        "encode 92 ms, decode 78 ms", "1.95 times torch's, 1.95 times numpy's", "87 ms",
    ]  # fmt: skip
    row = {"wall_s": 1.25, "cpu_s": 1.5, "peak_mb": 100.4}
    programs = dict.fromkeys(("encode", "decode", "verify"), row)
    base = {
        "environment_mb": 152.7,
        "packages_mb": {"numpy": 71.4},
        "pictures": [{"rows": {**programs, "png to avif": row, "avif to png": row}, "ratios": {key: {"wall_s": 3.69} for key in programs}}],
    }  # fmt: skip
    assert [figure for _, figure in rows("base", base)] == [
        "153 MB, numpy 71 of them", "decode 1.25 s and 100 MB, 3.7 times; encode 1.25 s and 100 MB, 3.7 times",
    ]  # fmt: skip
    large = {"pictures": [{"rows": {"this": programs, "other": programs}}]}
    ((what, figure),) = rows("large", large)
    assert what.endswith("(release 1.0.0, same run)")
    assert figure.startswith("encode 1.2 s, 100 MB (1.2 s, 100 MB); decode")
    assert rows("huge", {"pictures": [{"rows": {"this": programs}}]})[0][1] == "encode 0.1 GB, decode 0.1 GB"
    efforts = {"seconds": {f".sem elic, effort {e}": [{"encode_cpu_s": e + 0.004}] for e in (1, 2)}}
    assert rows("efforts", efforts) == [("CPU seconds of efforts 1 to 2, kodim20 at quality 5", "1, 2")]


def test_targets_become_one_row() -> None:
    states = [(0.1, "a", ""), (0.1, "b", ""), (0.6, "a", "high"), (0.6, "b", "low")]
    document = [{"bpp": bpp, "picture": picture, "state": state} for bpp, picture, state in states]
    assert rows("targets", document) == [
        ("`--bpp` 0.1 and 0.6 on 2 Kodak pictures",
         "2 files within 1 % below; 1 above the largest file of the model; 1 below its smallest"),
    ]  # fmt: skip


def test_exactness_becomes_rows() -> None:
    counts = {
        "flip": {"SEM-E-401 (status 3)": 7, "undetected": 1},
        "truncation": {"SEM-E-301 (status 3)": 2},
        "appended byte": {},
    }
    assert rows("damage", {"bytes": 9, "check": 16, "damage": counts}) == [
        ("a file of 9 bytes, check 16: all of 8 bit flips, 2 truncations, 0 appended bytes", "1 undetected"),
    ]  # fmt: skip
    report = {"decoder": {"tier": "P"}, "counts": {"passed": 5, "failed": 2, "skipped": 1}}
    assert rows("conformance-refcodec", report) == [("refcodec, tiers H to P, over 8 vectors", "2 failures, 1 skipped")]
    assert rows("exact", {"decoders": 11, "agree": 10})[0][1] == "10 of 11"
    assert rows("wrong-decoders", {"wrong_decoders": 255, "detected": 254})[0][1] == "254 of 255"
    with pytest.raises(TypeError):
        BENCHES["exact"].read([], {})


def test_descriptions_become_rows() -> None:
    share = {"words": 9, "exact": 91.234, "to_number": 94.58}
    ((what, figure),) = rows("restore", {"captions": share, "without function words": {**share, "exact": 84.6}})
    assert what == "entire unseen captions restored from their consonants, function words too"
    assert figure == "91.2 % exact, 94.6 % up to number"
    ((what, figure),) = rows("key-words", {**share, "exact": 87.41})
    assert what.startswith("key words of unseen captions, which is what method consonant sends")
    assert figure == "87.4 % exact, 94.6 % up to number"
    sketch = [
        {"map": "contours", "target": target, "codec": codec, "bytes": 700, "ms_ssim": quality, "f1_64": 0.5}
        for target in (0.015, 0.025)
        for codec, quality in (("sketch", 0.9), ("sketch", 0.8), ("AVIF", 0.7))
    ]
    assert rows("sketch", sketch)[0][1] == "0.850 and 0.500 (AVIF 0.700 and 0.500)"
    prior = [{"prior": 1338, "usage": 1928, "zlib": 1989}, {"prior": 1340, "usage": 1928, "zlib": 1989}]
    assert (
        rows("index-prior", prior)[0][1]
        == "draft kind 48, learned prior: 1339; kind 5 with its table: 1928; zlib: 1989"
    )
    assert rows("tokens", {"one count": 1928.29, "any count": 1930.1})[0][1] == "1928 with one count, 1930 with any"
    vq = {"codec": {"name": "x"}, "curves": {"x": {"average": [{"bpp": 0.03937, "psnr": 22.671, "ms-ssim": 0.81472}]}}}
    assert rows("vq", vq)[0][1] == "0.0394 bpp, 22.67 dB, MS-SSIM 0.815"


def test_texts_become_rows() -> None:
    names = [
        ("caption", "16 prompt token ids of 49408", 31, 38), ("clip", "768 dimensions, 1 bit", 96, 103),
        ("clip", "768 dimensions, 16 bit", 1534, 1541), ("vq", "8×12 indices of 256", 96, 103),
        ("caption", "2250 captions of 52.4 bytes", 8.661, 15.661), ("consonant", "2250 skeletons, four bits per letter", 13, 20),
        ("consonant", "the same, coded: 40.0 % shorter", 7.8, 14.8),
    ]  # fmt: skip
    document = [{"kind": kind, "what": what, "payload": payload, "file": file} for kind, what, payload, file in names]
    assert rows("text", document) == [
        ("captions of 52 characters that the tables have not seen, mean", "8.66 bytes, 15.7 as a file"),
        ("1-bit CLIP vector; PerCo 8×12 indices of 256; 16 prompt tokens, as files", "103; 103; 38 bytes"),
        ("consonant text, coded against four bits a letter", "40.0 % shorter"),
    ]
