# SPDX-License-Identifier: MIT
"""`semtool bench rate`: optional anchors, efforts, seconds, outside metrics, CMMD and mIoU, and the report."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("scipy")

from cli_harness import Semtool, refused

from refcodec.cli.bench import (
    anchors,
    coders,
    commands,
    crops,
    measure,
    metric_command,
    metric_registry,
    seconds,
    set_distances,
)
from refcodec.errors import LimitError, SemError
from refcodec.limits import Limits

Bench = Callable[..., Any]
Pixels = Any
PSNR = metric_registry.Metric("psnr", "PSNR", "x", pair=lambda _, a, b: float(-np.abs(a.astype(float) - b).mean()))


def picture(height: int, width: int, seed: int = 1) -> Pixels:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    blobs = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)
    return np.clip(blobs + rng.normal(0, 6, blobs.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures in a folder."""
    target = tmp_path / "pictures"
    target.mkdir()
    for seed in (1, 2):
        Image.fromarray(picture(72, 88, seed)).save(target / f"{seed}.png")
    return target


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the codec of this package is asked for; JPEG stands in for it."""
    calls: list[dict[str, Any]] = []

    def stand_in(method: str, settings: Any, _models: Any, **more: Any) -> measure.Codec:
        calls.append(more)
        jpeg, effort = anchors.jpeg(), more.get("effort", 1)

        def encode(image: Image.Image, setting: measure.Setting) -> bytes:
            assert isinstance(setting, int)
            return jpeg.encode(image, setting + effort)

        return measure.Codec(f".sem {method}", f"{method} {more}", settings, encode, jpeg.decode)

    monkeypatch.setattr(coders, "refcodec", stand_in)
    monkeypatch.setattr(anchors, "JPEG_QUALITIES", (5, 10, 20, 40))
    return calls


@pytest.fixture
def bench(semtool: Semtool, folder: Path, asked: Any) -> Bench:
    """semtool bench rate on two pictures at two qualities: its JSON."""

    def call(*words: str | Path) -> Any:
        done = semtool("bench", "rate", folder, "--qualities", "5,40", "--metrics", "psnr", "--json", *words)
        assert done.status == 0, done.err
        return done.json

    return call


# --- anchors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "title", "settings"),
    [
        ("jpeg", "JPEG", (10, 50)),
        ("webp", "WebP", (10, 50)),
        ("avif", "AVIF", (10, 50)),
        ("avif-slow", "AVIF speed 0", (10, 50)),
        ("jxl", "JPEG XL", (30, 70)),
        ("jp2", "JPEG 2000", (0.5, 2.0)),
    ],
)
def test_every_format_gives_files_with_settings_in_its_identity(
    name: str, title: str, settings: Any, folder: Path
) -> None:
    if name == "jxl":
        pytest.importorskip("pillow_jxl")
    codec = anchors.FORMATS[name]()
    assert codec.name == title
    assert re.search(r"Pillow \d", codec.identity)
    low, high = measure.sweep(replace(codec, settings=settings), measure.load([folder]), [PSNR], None).average
    assert low.bpp < high.bpp
    assert low.values["psnr"] < high.values["psnr"]
    if name == "jp2":
        assert (low.bpp, high.bpp) == (pytest.approx(0.5, rel=0.2), pytest.approx(2.0, rel=0.1))


def test_formats_have_identities_of_their_own() -> None:
    slow, fast = anchors.avif_slow(), anchors.avif()
    assert "speed=0" in slow.identity
    assert "speed=6" in fast.identity
    assert list(anchors.ANCHORS) == ["jpeg", "webp", "avif"]
    assert "openjp" in anchors.jp2().identity or "jpg_2000 " in anchors.jp2().identity


def test_a_missing_plugin_is_a_notice_for_an_anchor_and_an_error_for_a_method(
    semtool: Semtool, folder: Path, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    words = ["bench", "rate", folder, "--qualities", "5,40", "--metrics", "psnr"]
    done = semtool(*words, "--anchors", "jxl,jpeg", "--json")
    assert done.status == 0
    assert list(done.json["curves"]) == [".sem elic", "JPEG"]
    assert done.line.startswith("note: the anchor jxl is left out")
    assert "pip install 'refcodec[jxl]'" in done.line
    refused(semtool(*words, "--method", "jxl"), 5, "SEM-E-805")


def test_defaults_are_those_of_before(bench: Bench) -> None:
    found = bench()
    assert list(found["curves"]) == [".sem elic", "JPEG", "WebP", "AVIF"]
    assert {"command", "window_bpp", "metrics", "codec", "pictures", "curves", "bd_rate"} <= set(found)


def test_rates_of_jpeg_2000(bench: Bench, semtool: Semtool, folder: Path) -> None:
    words = ["bench", "rate", folder, "--method", "jp2", "--metrics", "psnr"]
    points = semtool(*words, "--bpp", "0.5", "--bpp", "1", "--json").json["curves"]["JPEG 2000"]["average"]
    assert [point["wanted_bpp"] for point in points] == [0.5, 1]
    for more in (("--qualities", "5"), ("--profile", "x"), ("--efforts", "2")):
        refused(semtool(*words, *more), 2, "usage: ")


# --- efforts -----------------------------------------------------------------------------------------------------


def test_efforts_are_curves_compared_with_the_first(bench: Bench, asked: list[dict[str, Any]]) -> None:
    found = bench("--efforts", "1,5,9", "--anchors", "jpeg", "--window", "0.1", "8")
    assert [call.get("effort") for call in asked] == [None, 5, 9]
    assert "effort" not in asked[0]
    names = [".sem elic, effort 1", ".sem elic, effort 5", ".sem elic, effort 9"]
    assert list(found["curves"]) == [*names, "JPEG"]
    pairs = [(each["codec"], each["anchor"]) for each in found["bd_rate"]]
    assert pairs == [(names[0], "JPEG")] + [(name, other) for name in names[1:] for other in (names[0], "JPEG")]


def test_without_efforts_nothing_is_passed_on(bench: Bench, asked: list[dict[str, Any]]) -> None:
    found = bench("--anchors", "none")
    assert list(found["curves"]) == [".sem elic"]
    assert [set(call) for call in asked] == [{"profile", "samples", "overrides"}]


def test_efforts_reach_the_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    from refcodec import codec
    from refcodec.foundation.resolve import Models

    given: list[Any] = []

    def encode_file(_image: Any, **options: Any) -> Any:
        given.append(options)
        raise InterruptedError

    monkeypatch.setattr(codec, "encode_file", encode_file)
    identities = set()
    for more in ({}, {"effort": 5}):
        made = coders.refcodec("elic", (3,), Models(), **more)
        identities.add(made.identity)
        with pytest.raises(InterruptedError):
            made.encode(Image.new("RGB", (8, 8)), 3)
    assert [options.get("effort") for options in given] == [None, 5]
    assert "effort" not in given[0]
    assert len(identities) == 2


@pytest.mark.parametrize("efforts", ["0", "10", "1,11", "x", "3-1", ""])
def test_efforts_are_from_1_to_9(semtool: Semtool, folder: Path, efforts: str) -> None:
    refused(semtool("bench", "rate", folder, "--efforts", efforts), 2, "usage: ")


def test_other_codecs_have_no_effort(semtool: Semtool, folder: Path) -> None:
    for words in (("--method", "jpeg"), ("--codec-cmd", "a {input}", "b {input}")):
        done = semtool("bench", "rate", folder, "--efforts", "1,2", *words)
        refused(done, 2, "usage: ")
        assert "are for the methods of .sem" in done.line


# --- seconds -----------------------------------------------------------------------------------------------------


def test_seconds_of_every_curve(bench: Bench) -> None:
    found = bench("--anchors", "jpeg")["seconds"]
    assert list(found) == [".sem elic", "JPEG"]
    assert [row["quality"] for row in found["JPEG"]] == [5, 10, 20, 40]
    for row in found[".sem elic"]:
        assert row.keys() == {"quality", "encode_s", "encode_cpu_s", "decode_s", "decode_cpu_s"}
        assert min(row.values()) >= 0
        assert row["encode_s"] > 0


def test_seconds_are_of_encoding_and_of_decoding_alone(folder: Path) -> None:
    import time

    jpeg, log = anchors.jpeg(), []

    def encode(image: Image.Image, setting: measure.Setting) -> bytes:
        log.append("encode")
        time.sleep(0.2)
        return jpeg.encode(image, setting)

    codec = replace(jpeg, settings=(10, 20), encode=encode, prepare=lambda: (log.append("prepare"), time.sleep(0.2))[0])
    found = measure.sweep(codec, measure.load([folder]), [PSNR], None)
    assert log == ["prepare", *["encode"] * 4]
    for each in found.seconds:
        assert 0.2 <= each.encode_s < 0.39
        assert each.decode_s < 0.19
        assert each.encode_cpu_s < 0.19


def test_seconds_of_the_cache_are_not_measured_again(folder: Path, tmp_path: Path) -> None:
    codec = replace(anchors.jpeg(), settings=(10, 20))

    def never(*_: Any) -> Any:
        raise AssertionError("measured again")

    first = measure.sweep(codec, measure.load([folder]), [PSNR], tmp_path / "cache")
    cached = replace(codec, encode=never, decode=never, prepare=never)
    assert measure.sweep(cached, measure.load([folder]), [PSNR], tmp_path / "cache") == first


def test_mean_seconds() -> None:
    assert seconds.mean([seconds.Seconds(1, 2, 3, 4), seconds.Seconds(3, 2, 1, 0)]) == seconds.Seconds(2, 2, 2, 2)


def test_the_text_has_seconds_in_its_tables(semtool: Semtool, folder: Path, asked: Any) -> None:
    done = semtool("bench", "rate", folder, "--qualities", "5,40", "--metrics", "psnr", "--anchors", "jpeg")
    lines = done.text.splitlines()
    assert lines[4].split() == ["bpp", "PSNR", "encode", "s", "CPU", "s", "decode", "s", "CPU", "s"]
    start = next(i for i, line in enumerate(lines) if line.startswith("seconds per picture"))
    assert [line.split()[0] for line in lines[start + 2 :]] == [".sem", "JPEG"]


# --- outside metrics ---------------------------------------------------------------------------------------------

DIFFERENCE = """
import sys
import numpy as np
from PIL import Image
a, b = (np.asarray(Image.open(path), dtype=float) for path in sys.argv[1:3])
print(abs(a - b).mean())
"""


@pytest.fixture
def difference(tmp_path: Path) -> str:
    """A command that prints the mean difference of two pictures."""
    path = tmp_path / "difference.py"
    path.write_text(DIFFERENCE)
    return f'"{sys.executable}" "{path}"'


@pytest.mark.parametrize("template", ["{}", "{} {{original}} {{decoded}}"])
def test_a_command_is_a_metric(bench: Bench, difference: str, template: str) -> None:
    found = bench("--anchors", "jpeg", "--window", "0.1", "8", "--metric-cmd", "l1:lower", template.format(difference))
    low, high = found["curves"][".sem elic"]["average"]
    assert low["l1"] > high["l1"] > 0
    assert [(each["metric"], each["average"] is not None) for each in found["bd_rate"]] == [
        ("psnr", True),
        ("l1", True),
    ]
    assert found["metrics"][1]["name"] == "l1"


def test_the_value_is_that_of_the_command(difference: str) -> None:
    a, b = np.full((4, 6, 3), 100, np.uint8), np.full((4, 6, 3), 103, np.uint8)
    metric = metric_command.metric_of("l1:lower", difference)
    assert metric.pair is not None
    assert metric.pair("x", a, b) == pytest.approx(3)
    assert (metric.higher, metric_command.metric_of("l1", difference).higher) == (False, True)
    swapped = metric_command.metric_of("l1", f"{difference} {{decoded}} {{original}}")
    assert swapped.pair is not None
    assert swapped.pair("x", a, b) == pytest.approx(3)


def test_the_identity_follows_the_files_of_the_command(difference: str, tmp_path: Path) -> None:
    before = metric_command.metric_of("l1", difference).identity
    assert metric_command.metric_of("l1", difference).identity == before
    (tmp_path / "difference.py").write_text(DIFFERENCE + "\n")
    assert metric_command.metric_of("l1", difference).identity != before


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('no number')", "printed no number, which is not a number"),
        ("print()", "printed nothing, which is not a number"),
        ("print(1, 2)", "printed 1 2, which is not a number"),
        ("print('nan')", "printed nan, which is not finite"),
        ("print('inf')", "printed inf, which is not finite"),
        ("import sys; sys.stdout.buffer.write(bytes(range(256)))", "which is not a number"),
        ("raise SystemExit('broken pipe dream')", "ended with status 1: broken pipe dream"),
        ("import os; os._exit(3)", "ended with status 3: no message"),
        ("import os; os.kill(os.getpid(), 9)", "ended with status -9"),
    ],
)
def test_what_is_wrong_with_a_command_is_one_line(
    semtool: Semtool, folder: Path, tmp_path: Path, code: str, reason: str
) -> None:
    path = tmp_path / "metric.py"
    path.write_text(code)
    words = ["bench", "rate", folder, "--method", "jpeg", "--qualities", "5", "--anchors", "none", "--metrics", "psnr"]
    done = semtool(*words, "--metric-cmd", "own", f'"{sys.executable}" -S "{path}"')
    refused(done, 7, "SEM-E-101")
    assert reason in done.line


def test_a_command_that_is_not_there_or_does_not_end(
    semtool: Semtool, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    words = ["bench", "rate", folder, "--method", "jpeg", "--qualities", "5", "--anchors", "none", "--metrics", "psnr"]
    refused(semtool(*words, "--metric-cmd", "own", "/nowhere/metric"), 7, "SEM-E-101")
    monkeypatch.setattr(commands, "COMMAND_SECONDS", 0.3)
    sleeping = f'"{sys.executable}" -S -c "import time; time.sleep(60)"'
    done = semtool(*words, "--metric-cmd", "own", sleeping)
    refused(done, 7, "SEM-E-101")
    assert "took more than 0.3 s" in done.line
    metric = metric_command.metric_of("own", sleeping, Limits(timeout=0.2).start())
    assert metric.pair is not None
    with pytest.raises(SemError, match="the time limit of the caller"):
        metric.pair("x", picture(8, 8), picture(8, 8))


@pytest.mark.parametrize(
    ("name", "command", "reason"),
    [
        ("psnr", "a", "is taken"),
        ("ms-ssim-db", "a", "is taken"),
        ("bpp", "a", "is taken"),
        ("", "a", "is not a name"),
        ("a b", "a", "is not a name"),
        ("<i>", "a", "is not a name"),
        ("x:best", "a", "is not a name"),
        ("x", "", "is empty"),
        ("x", "a 'b", "is not a command"),
        ("x", "a {original}", "but not {decoded}"),
        ("x", "a {decoded}", "but not {original}"),
    ],
)
def test_names_and_templates_are_checked(semtool: Semtool, folder: Path, name: str, command: str, reason: str) -> None:
    done = semtool("bench", "rate", folder, "--method", "jpeg", "--metric-cmd", name, command)
    refused(done, 2, "usage: ")
    assert reason in done.line


def test_two_commands_of_one_name(semtool: Semtool, folder: Path) -> None:
    done = semtool("bench", "rate", folder, "--metric-cmd", "x", "a", "--metric-cmd", "x:lower", "b")
    refused(done, 2, "usage: ")
    assert "two commands are named x" in done.line


# --- CMMD and mIoU -----------------------------------------------------------------------------------------------


def test_cmmd_of_known_sets() -> None:
    a = np.eye(3)
    assert set_distances.cmmd(a, a) == 0
    b = np.array([[1.0, 0, 0]])
    c = np.array([[0.0, 1, 0]])
    # one vector each, at a squared distance of 2
    assert set_distances.cmmd(b, c) == pytest.approx(1000 * (2 - 2 * np.exp(-2 / 200)))
    assert set_distances.cmmd(a, b) == pytest.approx(
        1000 * ((3 + 6 * np.exp(-0.01)) / 9 + 1 - 2 * (1 + 2 * np.exp(-0.01)) / 3)
    )


def test_miou_of_known_maps() -> None:
    pytest.importorskip("torch")
    from refcodec.cli.bench.metric_networks.segmentation import miou

    a = np.array([[0, 0, 1, 1]], np.int32)
    assert miou(a, a) == 1
    assert miou(a, np.array([[0, 1, 1, 1]], np.int32)) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert miou(a, np.array([[0, 0, 1, 7]], np.int32)) == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert miou(a, np.array([[5, 5, 5, 5]], np.int32)) == 0


@pytest.mark.parametrize(("metric", "role"), [("cmmd", "clip"), ("miou", "segmenter")])
def test_missing_models_are_named(semtool: Semtool, folder: Path, metric: str, role: str) -> None:
    pytest.importorskip("torch")
    done = semtool("bench", "rate", folder, "--method", "jpeg", "--metrics", metric)
    refused(done, 5, "SEM-E-801")
    assert metric in done.line
    assert f"--model {role}=" in done.line


@pytest.mark.slow
@pytest.mark.models
def test_cmmd_and_miou_of_tiny_models(semtool: Semtool, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    import metric_checkpoints

    for name in ("clip", "segmenter"):
        (tmp_path / name).mkdir()
    metric_checkpoints.write_clip(tmp_path / "clip")
    metric_checkpoints.write_segmenter(tmp_path / "segmenter")
    models = [word for name in ("clip", "segmenter") for word in ("--model", f"{name}={tmp_path / name}")]
    words = ["bench", "rate", folder, "--method", "jpeg", "--qualities", "5,95", "--anchors", "none", *models, "--json"]
    done = semtool(*words, "--metrics", "cmmd,miou,css")
    assert done.status == 0, done.err
    low, high = done.json["curves"]["JPEG"]["average"]
    assert low["cmmd"] > high["cmmd"] >= 0
    assert 0 <= low["miou"] < high["miou"] <= 1
    assert "cmmd" not in done.json["curves"]["JPEG"]["pictures"][0][0]
    one = semtool("bench", "rate", folder / "1.png", "--method", "jpeg", *models, "--metrics", "cmmd")
    refused(one, 2, "usage: ")
    assert "give several pictures" in one.line


# --- report ------------------------------------------------------------------------------------------------------


def test_crops_are_of_the_nearest_rate_and_the_most_detailed_part() -> None:
    points = [measure.Point(q, bpp, {}) for q, bpp in ((1, 0.05), (2, 0.11), (3, 0.19), (4, 0.4))]
    assert [crops.nearest(points, bpp).setting for bpp in (0.01, 0.1, 0.2, 0.27, 0.3, 9)] == [1, 2, 3, 3, 4, 4]
    pixels = np.full((400, 600, 3), 128, np.uint8)
    pixels[200:260, 330:420] = np.random.default_rng(1).integers(0, 256, (60, 90, 3))
    left, top, right, bottom = crops.detailed_box(pixels)
    assert (right - left, bottom - top) == (crops.WIDTH, crops.HEIGHT)
    assert left <= 330
    assert right >= 420
    assert top <= 200
    assert bottom >= 260
    assert crops.detailed_box(picture(40, 30)) == (0, 0, 30, 40)


def test_a_report_has_tables_curves_and_crops(
    bench: Bench, place: Path, folder: Path, difference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (
        "--anchors",
        "jpeg,webp",
        "--window",
        "0.1",
        "8",
        "--metric-cmd",
        "l1:lower",
        difference,
        "--cache",
        "kept",
    )
    found = bench(*words, "--html", "report.html", "--crop-bpp", "0.5", "--crop-bpp", "2")
    text = (place / "report.html").read_text(encoding="utf-8")
    percent = found["bd_rate"][0]["average"]["percent"]
    assert f"{percent:+.1f} %" in text
    assert text.count("<figure><figcaption>") == 2  # one panel a metric
    assert text.count('<img src="data:image/png') == 2 * 2 * 4  # pictures, rates; the original and three codecs
    for row in found["seconds"].values():
        mean = sum(each["encode_s"] for each in row) / len(row)
        assert f"<td>{mean:.3f} s</td>" in text
    for name in (".sem elic", "JPEG", "WebP", "l1", "1.png", "2.png"):
        assert name in text
    monkeypatch.setattr(crops, "_png", lambda _: "AAAA")
    again = bench(*words, "--html", "report.html", "--crop-bpp", "0.5", "--crop-bpp", "2")
    assert again["seconds"] == found["seconds"]
    assert (place / "report.html").read_text().count("base64,AAAA") == 4  # originals alone: the others are in the cache


def test_a_report_of_one_codec(semtool: Semtool, folder: Path, place: Path) -> None:
    words = [
        "bench",
        "rate",
        folder,
        "--method",
        "jpeg",
        "--qualities",
        "5,40",
        "--anchors",
        "none",
        "--metrics",
        "psnr",
    ]
    assert semtool(*words, "--html", "report.html").status == 0
    text = (place / "report.html").read_text(encoding="utf-8")
    assert "<h1>Rate and distortion of JPEG</h1>" in text
    assert "Bits at equal quality" not in text


def test_the_json_file_and_the_report_agree(semtool: Semtool, folder: Path, place: Path, asked: Any) -> None:
    words = ["bench", "rate", folder, "--qualities", "5,40", "--metrics", "psnr", "--anchors", "jpeg"]
    done = semtool(*words, "-o", "rate.json", "--html", "report.html")
    assert (done.status, done.err) == (0, "")
    document = json.loads((place / "rate.json").read_text())
    for point in document["curves"]["JPEG"]["average"]:
        assert f"<td>{point['bpp']:.4f}</td><td>{point['psnr']:.3f}</td>" in (place / "report.html").read_text()


def test_a_report_that_cannot_be_written(semtool: Semtool, folder: Path, place: Path) -> None:
    refused(semtool("bench", "rate", folder, "--html", "nowhere/report.html"), 7, "SEM-E-102")
    refused(semtool("bench", "rate", folder, "--html", ""), 7, "SEM-E-102")


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
def test_the_children_of_a_command_end_with_it(folder: Path, tmp_path: Path) -> None:
    script, left = tmp_path / "metric.sh", tmp_path / "left"
    script.write_text(f"sleep 3\ntouch '{left}'\n")
    metric = metric_command.metric_of("own", f"sh -c \"sh '{script}'; true\"", Limits(timeout=0.5).start())
    assert metric.pair is not None
    with pytest.raises(LimitError, match="not done in"):
        metric.pair("", picture(8, 8), picture(8, 8))
    time.sleep(3.5)
    assert not left.exists()


@pytest.mark.parametrize("rate", ["nan", "inf", "0", "-1", "64", "1e308"])
def test_rates_of_crops(semtool: Semtool, folder: Path, rate: str) -> None:
    done = semtool("bench", "rate", folder, "--method", "jpeg", "--html", "report.html", "--crop-bpp", rate)
    assert done.status == 2
    assert "above 0 and below 64" in done.line


@pytest.mark.parametrize("names", [("--html", "--plot"), ("-o", "--html"), ("-o", "--plot")])
@pytest.mark.parametrize("name", ["one.file", "-"])
def test_outputs_have_names_of_their_own(
    semtool: Semtool, folder: Path, place: Path, names: tuple[str, str], name: str
) -> None:
    done = semtool("bench", "rate", folder, "--method", "jpeg", names[0], name, names[1], name)
    assert done.status == 2
    assert "is named for two outputs" in done.line
    assert not (place / name).exists()
