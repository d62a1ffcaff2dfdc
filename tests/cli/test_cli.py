# SPDX-License-Identifier: MIT
"""`semtool` as people and scripts meet it: results, one line for every error, statuses, and no half-written file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool, contents, refused, valid
from numpy.typing import NDArray
from PIL import ExifTags, Image

from refcodec import codec, spec
from refcodec.container.key_value import encode as text_encode
from refcodec.networks import package_search
from tools.fuzz.valid_files import latent_file

ROOT = Path(__file__).resolve().parents[2]

TINY = ROOT / "test_vectors" / "models" / "elic-tiny"
NAME = "a ü\n\x1b[31m.sem"  # a space, a letter, a line break and a colour of the terminal

# A process in which torch cannot be imported, as after an installation without it.
WITHOUT_TORCH = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Hidden())
from refcodec.cli.main import main
sys.exit(main())
"""

# A shell's background jobs are born deaf to Ctrl-C.
HEARS_CTRL_C = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from refcodec.cli.main import main
sys.exit(main())
"""


def picture(height: int = 48, width: int = 80) -> NDArray[np.uint8]:
    """Smooth colours, and a texture on the right."""
    rows, cols = np.mgrid[0:height, 0:width]
    smooth = np.stack(
        [128 + 90 * np.sin(cols / 17 + rows / 23), 128 + 80 * np.cos(rows / 19), 90 + cols + rows * 0], -1
    )
    texture = np.random.default_rng(3).normal(0, 12, (height, width, 1)) * (cols > width // 2)[..., None]
    made: NDArray[np.uint8] = np.clip(smooth + texture, 0, 255).astype(np.uint8)
    return made


@pytest.fixture(scope="module")
def photo_sem() -> bytes:
    pytest.importorskip("torch")
    return codec.encode_file(picture(), quality=4).data


@pytest.fixture
def photo(place: Path) -> Path:
    path = place / "photo.png"
    Image.fromarray(picture()).save(path)
    return path


@pytest.fixture
def tiny(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of a tiny model, which SEM_MODELS names."""
    monkeypatch.setenv("SEM_MODELS", str(TINY.parent))
    path = place / "tiny.sem"
    path.write_bytes(latent_file(200, (70, 40), check=16, others={spec.PROVENANCE: text_encode({"by": "a\n\x1b[2Jb"})}))
    return path


# --- what the commands do ----------------------------------------------------------------------------------------


def test_a_photo_there_and_back(semtool: Semtool, photo: Path) -> None:
    pytest.importorskip("torch")
    made = semtool("encode", photo, "--quality", "4", "--json")
    assert (made.status, made.err) == (0, "")
    valid("encode", made.json)
    data = photo.with_suffix(".sem").read_bytes()
    assert made.json["bytes"] == len(data)
    assert made.json["bpp"] == pytest.approx(8 * len(data) / (80 * 48))
    painted = semtool("decode", "photo.sem", "-o", "painted.jpg", "--json")
    valid("decode", painted.json)
    assert painted.json == {
        "file": "painted.jpg",
        "width": 80,
        "height": 48,
        "check": "ok",
        "complete": True,
        "what": "picture",
        "files": [{"file": "painted.jpg", "what": "picture"}],
        "models": {"painter": "elic-small"},
    }
    with Image.open("painted.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (80, 48))
        assert image.getexif()[ExifTags.Base.ImageDescription] == "synthesised from a .sem description"
        assert image.getexif()[ExifTags.Base.Model] == "painter elic-small"
    semtool("decode", "photo.sem", "-o", "painted.png")
    with Image.open("painted.png") as image:
        assert image.info["Description"] == "synthesised from a .sem description"
        assert image.info["Model"] == "painter elic-small"
    for command in ("inspect", "verify", "payload"):
        said = semtool(command, "photo.sem", "--json")
        assert (said.status, said.err) == (0, "")
        valid(command, said.json)
        assert semtool(command, "photo.sem").status == 0


def test_text_of_encode_verify_and_payload(semtool: Semtool, photo: Path) -> None:
    pytest.importorskip("torch")
    made = semtool("encode", photo, "-o", "x.sem", "--bpp", "0.9")
    size = Path("x.sem").stat().st_size
    assert made.text == f"x.sem: {size} bytes, {size / 480:.4f} bpp ({size / 480 * 1e6:.0f} µbpp), elic, 80x48\n"
    assert size <= 0.9 * 480
    assert semtool("verify", "x.sem").text == "x.sem: valid, canonical, check ok, level 1\n"
    lines = semtool("payload", "x.sem").text.splitlines()
    assert lines[0] == "elic"
    assert [line.split()[0] for line in lines[1:]] == ["sha256", "shape", "rate"]


def test_a_bound_out_of_reach_is_a_notice(semtool: Semtool, photo: Path) -> None:
    pytest.importorskip("torch")
    made = semtool("encode", photo, "--bpp", "0.001")
    assert made.status == 0
    assert made.line == "note: 0.001 bpp cannot be reached: this is the smallest file of this model"


def test_bounds_within_reach_and_beyond_it(semtool: Semtool, photo: Path) -> None:
    pytest.importorskip("torch")
    for bpp, reached in ((0.001, False), (1.2, True), (50, False)):
        made = semtool("encode", photo, "-o", "x.sem", "--bpp", bpp, "--json")
        assert made.status == 0
        valid("encode", made.json)
        assert (made.json["bpp_target"], made.json["reached"]) == (bpp, reached)
        assert len(made.json["notices"]) == (not reached)
        assert made.json["bytes"] == Path("x.sem").stat().st_size
        if reached:
            assert made.json["bpp"] <= bpp
            assert semtool("encode", photo, "-o", "y.sem", "--bpp", bpp, "--strict-bpp").status == 0
            assert Path("y.sem").read_bytes() == Path("x.sem").read_bytes()
    assert made.line == "note: 50 bpp cannot be reached: this is the largest file of this model"
    plain = semtool("encode", photo, "-o", "z.sem", "--quality", "4", "--json").json
    assert (plain["bpp_target"], plain["reached"]) == (None, None)


@pytest.mark.parametrize("bpp", ["0.001", "50"])
def test_a_strict_bound_out_of_reach_writes_nothing(semtool: Semtool, photo: Path, bpp: str) -> None:
    pytest.importorskip("torch")
    before = contents(photo.parent)
    done = semtool("encode", photo, "-o", "x.sem", "--bpp", bpp, "--strict-bpp")
    refused(done, 6, f"SEM-E-606 limit-file: {bpp} bpp cannot be reached: files of this picture have ")
    assert contents(photo.parent) == before
    said = semtool("encode", photo, "-o", "x.sem", "--bpp", bpp, "--strict-bpp", "--json")
    valid("error", said.json)
    assert (said.status, said.line, said.json["error"]["code"]) == (6, done.line, "SEM-E-606")
    advised = said.json["error"]["hint"].split()[4]
    assert semtool("encode", photo, "-o", "x.sem", "--bpp", advised, "--strict-bpp").status == 0
    piped = semtool("encode", photo, "-o", "-", "--bpp", bpp, "--strict-bpp")
    assert (piped.status, piped.out) == (6, b"")


def test_a_quality_with_decimals(semtool: Semtool, photo: Path, photo_sem: bytes) -> None:
    sizes = []
    for quality in ("4", "4.0", "4.3", "4.8", "5"):
        made = semtool("encode", photo, "--force", "--quality", quality)
        assert (made.status, made.err) == (0, "")
        sizes.append(photo.with_suffix(".sem").stat().st_size)
    assert sizes == sorted(sizes)
    assert sizes[0] == sizes[1] == len(photo_sem) < sizes[2] < sizes[3] < sizes[4]


def test_standard_input_and_output(semtool: Semtool, photo: Path, photo_sem: bytes) -> None:
    piped = semtool("encode", "--quality", "4", stdin=photo.read_bytes())
    assert piped.out == photo_sem
    assert piped.line.startswith("-: ")
    painted = semtool("decode", "-", "--json", stdin=photo_sem)
    assert painted.out.startswith(b"\x89PNG")
    assert json.loads(painted.err)["file"] == "-"
    assert semtool("verify", "-", stdin=photo_sem).text == "-: valid, canonical, check ok, level 1\n"
    assert semtool("inspect", "-", "--json", stdin=photo_sem).json["file_bytes"] == len(photo_sem)
    page = semtool("inspect", "-", "--html", "-", stdin=photo_sem)
    assert page.out.startswith(b"<!doctype html>")
    assert page.out.endswith(b"</html>\n")


def test_symbols_are_numpy_arrays(semtool: Semtool, tiny: Path) -> None:
    done = semtool("decode", tiny, "--symbols")
    assert done.text == f"{tiny.with_suffix('.npz')}: latents, 70x40, check ok\n"
    with np.load(tiny.with_suffix(".npz")) as arrays:
        assert [(arrays[name].dtype, arrays[name].shape) for name in ("z", "y")] == [
            ("int16", (4, 1, 2)),
            ("int16", (8, 4, 8)),
        ]
        assert arrays["rate"] == 0


def test_explicit_model_provenance_and_checks(semtool: Semtool, photo: Path) -> None:
    pytest.importorskip("torch")
    semtool("encode", photo, "--explicit-model", "--hash-bytes", "16", "--provenance", "--check", "32")
    said = semtool("inspect", "photo.sem", "--json").json
    assert said["check"] == {"bits": 32, "state": "unchecked"}
    assert [section["kind"] for section in said["sections"]] == ["provenance", "elic"]
    assert {"hash_code", "model_hash"} <= {field["name"] for field in said["fields"]}
    assert semtool("verify", "photo.sem").text.endswith("valid, canonical, check ok, level 1\n")
    semtool("encode", photo, "--check", "0")
    assert semtool("verify", "photo.sem").text.endswith("valid, canonical, no check, level 1\n")


def test_notices_say_what_was_done_to_the_picture(semtool: Semtool, place: Path) -> None:
    pytest.importorskip("torch")
    Image.new("RGBA", (1, 1), (0, 0, 0, 100)).save("clear.png")
    frames = [Image.new("RGB", (9, 5), colour) for colour in ("red", "blue")]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    clear = semtool("encode", "clear.png", "--background", "00ff00", "--json")
    assert clear.line == "note: Transparent parts were flattened on the background 0, 255, 0."
    assert clear.json["notices"] == [clear.line.removeprefix("note: ")]
    assert (clear.json["width"], clear.json["height"]) == (1, 1)
    assert semtool("encode", "moving.gif").line == "note: The first of 2 frames was taken."
    assert semtool("decode", "clear.sem", "-o", "one.png").status == 0


def test_inspect_shows_every_field_and_no_raw_control_character(semtool: Semtool, tiny: Path) -> None:
    text, said = semtool("inspect", tiny, "--hex").text, semtool("inspect", tiny, "--json").json
    for field in said["fields"]:
        assert field["name"].rpartition(".")[2] in text
    assert "a\\n\\x1b[2Jb" in text
    assert "\x1b" not in text + semtool("payload", tiny).text + semtool("inspect", tiny, "--json").text
    assert f"{tiny}: .sem version 1, elic, 70x40\n" in text
    assert tiny.read_bytes()[-2:].hex(" ") in text


def test_the_page_of_inspect(semtool: Semtool, tiny: Path, place: Path) -> None:
    class Balanced(HTMLParser):
        open: list[str]

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            assert tag not in ("script", "link", "img")
            self.open += [] if tag == "meta" else [tag]

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    hostile = place / "<script>alert(1)<"
    hostile.write_bytes(tiny.read_bytes() + bytes(9000))
    assert semtool("inspect", hostile, "--html", "page.html").status == 3
    page = Path("page.html").read_text()
    parser = Balanced()
    parser.open = []
    parser.feed(page)
    assert parser.open == []
    assert "a\\n\\x1b[2Jb" in page
    assert "… 4904 more bytes" in page
    for name in ("magic", "check_code", "sections[0]", "trailing", "SEM-E-306"):
        assert name in page


@pytest.mark.parametrize("command", ["inspect", "verify", "payload", "decode"])
def test_names_of_any_kind(semtool: Semtool, tiny: Path, command: str) -> None:
    tiny.rename(NAME)
    done = semtool(command, NAME, *(["--symbols"] if command == "decode" else []))
    assert done.status == 0
    assert "\x1b" not in done.text
    assert semtool(command, f"no {NAME}").line.isprintable()


def test_help_says_what_there_is(semtool: Semtool) -> None:
    text = semtool("--help").text
    for command in ("encode", "decode", "inspect", "verify", "payload", "strip", "cut", "add"):
        assert f"\n  {command} " in text
        assert semtool(command, "--help").text.startswith(f"Usage: semtool {command} ")
    assert semtool("--version").text.startswith("semtool ")
    bare = semtool()
    assert (bare.status, bare.out) == (2, b"")
    assert bare.err.startswith("Usage: semtool ")


# --- verify ------------------------------------------------------------------------------------------------------


def test_verify_judges_every_file_and_ends_with_the_first_fault(semtool: Semtool, tiny: Path) -> None:
    Path("cut.sem").write_bytes(tiny.read_bytes()[:-1])
    Path("empty.sem").write_bytes(b"")
    done = semtool("verify", tiny, "cut.sem", "missing.sem", "empty.sem")
    assert done.status == 3
    assert [line.partition(": ")[2] for line in done.text.splitlines()] == [
        "valid, canonical, check ok, level 1",
        "invalid, SEM-E-301 section-truncated",
        "unreadable, SEM-E-101 cannot-read",
        "invalid, SEM-E-201 not-a-sem-file",
    ]
    assert [line.partition("SEM-E-")[2][:3] for line in done.err.splitlines()] == ["301", "101", "201"]
    said = semtool("verify", tiny, "cut.sem", "missing.sem", "empty.sem", "--json")
    valid("verify", said.json)
    assert [row["valid"] for row in said.json["files"]] == [True, False, None, False]
    assert semtool("verify", "missing.sem", tiny).status == 7
    tiny.write_bytes(latent_file() + b"\0")
    assert semtool("verify", tiny, "--json").json["files"][0]["canonical"] is False


def test_verify_where_the_model_is_missing(semtool: Semtool, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEM_MODELS")
    done = semtool("verify", tiny, "--json")
    assert done.status == 5
    row = done.json["files"][0]
    assert (row["valid"], row["check"], row["complete"], row["error"]["code"]) == (None, "unchecked", True, "SEM-E-801")
    assert ": model unavailable, SEM-E-801" in semtool("verify", tiny).text
    assert semtool("verify", tiny, "--model", TINY).status == 0
    assert semtool("verify", tiny, "--model", TINY.parent).status == 0
    assert semtool("inspect", tiny, "--json").json["model"]["available"] is False
    assert semtool("inspect", tiny, "--model", TINY, "--json").json["model"]["name"] == "elic-tiny"


def test_verify_of_an_incomplete_file(semtool: Semtool, tiny: Path) -> None:
    whole = tiny.read_bytes()
    tiny.write_bytes(whole[: whole.index(b"\x87")])  # the end of the first section
    assert semtool("verify", tiny).text.endswith(": valid, canonical, check ok, level 1, incomplete\n")
    assert semtool("inspect", tiny, "--json").json["complete"] is False
    assert ", incomplete\n" in semtool("inspect", tiny).text
    assert semtool("decode", tiny, "--symbols").line.startswith("SEM-E-704 ")


def test_verify_tells_where_a_trace_parts(semtool: Semtool, photo: Path) -> None:
    pytest.importorskip("torch")
    semtool("encode", photo, "--trace")
    assert semtool("verify", "photo.sem", "--trace", "--json").json["files"][0]["parts_at"] is None
    path = Path("photo.sem.trace.json")
    trace = json.loads(path.read_bytes())
    name = trace["entries"][9]["name"]
    trace["entries"][9]["sha256"] = "0" * 64
    path.write_text(json.dumps(trace))
    assert semtool("verify", "photo.sem", "--trace").text.endswith(f", differs from the encoder at {name}\n")
    path.write_text("[]")
    done = semtool("verify", "photo.sem", "--trace")
    assert done.status == 7
    assert done.line.startswith("SEM-E-101 cannot-read: photo.sem.trace.json is not a digest file; ")
    path.unlink()
    assert semtool("verify", "photo.sem", "--trace").text.endswith(", level 1, no trace\n")
    refused(semtool("verify", "-", "--trace"), 2, "usage: ")


# --- what goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "status", "start"),
    [
        (["inspect"], 2, "usage: Missing argument 'IN.sem'; see semtool inspect --help"),
        (["inspect", "--frob", "x"], 2, "usage: No such option '--frob'"),
        (["frob"], 2, "usage: No such command 'frob'"),
        (["verify"], 2, "usage: "),
        (["payload", "a", "b"], 2, "usage: "),
        (["inspect", "missing.sem"], 7, "SEM-E-101 cannot-read: missing.sem: "),
        (["decode", "missing.sem"], 7, "SEM-E-101 "),
        (["payload", "missing.sem"], 7, "SEM-E-101 "),
        (["encode", "missing.png"], 7, "SEM-E-101 "),
        (["encode", ""], 7, "SEM-E-101 "),
        (["encode", "."], 7, "SEM-E-101 "),
        (["decode", ".."], 7, "SEM-E-101 "),
        (["inspect", "folder"], 7, "SEM-E-101 "),
        (["encode", "folder/"], 7, "SEM-E-101 "),
        (["encode", "empty"], 7, "SEM-E-103 "),
        (["encode", "text.txt"], 7, "SEM-E-103 "),
        (["encode", "cut.png"], 7, "SEM-E-104 "),
        (["encode", "wide.png"], 7, "SEM-E-105 "),
        (["encode", "tiny.sem"], 2, "usage: tiny.sem is named as a .sem file"),
        (["encode", "tiny.sem", "-o", "x.sem"], 7, "SEM-E-103 "),
        (["encode", "photo.png", "-o", "photo.png"], 2, "usage: photo.png is the input itself"),
        (["encode", "photo.png", "-o", "link.png"], 2, "usage: link.png is the input itself"),
        (["decode", "tiny.sem", "-o", "./tiny.sem"], 2, "usage: "),
        (["decode", "photo.sem"], 2, "usage: photo.png is there already"),
        (["decode", "tiny.sem", "-o", "x.gif"], 2, "usage: cannot write pictures as .gif"),
        (["decode", "tiny.sem", "--text"], 4, "SEM-E-704 unsupported-kind: the file holds no text"),
        (["decode", "tiny.sem", "--alternatives"], 2, "usage: --alternatives needs --text"),
        (["inspect", "tiny.sem", "--html", "tiny.sem"], 2, "usage: "),
        (["encode", "photo.png", "-o", "no/x.sem"], 7, "SEM-E-102 cannot-write: no/x.sem: there is no folder no; "),
        (["encode", "photo.png", "-o", "folder"], 7, "SEM-E-102 "),
        (["decode", "tiny.sem", "-o", "empty/x.png"], 7, "SEM-E-102 "),
        (["inspect", "tiny.sem", "--html", "no/x.html"], 7, "SEM-E-102 "),
        (["encode", "photo.png", "--quality", "3", "--bpp", "1"], 2, "usage: give quality or bpp, not both"),
        (["encode", "photo.png", "--quality", "0"], 2, "usage: "),
        (["encode", "photo.png", "--quality", "11"], 2, "usage: "),
        (["encode", "photo.png", "--quality", "10.5"], 2, "usage: "),
        (["encode", "photo.png", "--quality", "0.99"], 2, "usage: "),
        (["encode", "photo.png", "--quality", "nan"], 2, "usage: quality is a number from 1 to 10"),
        (["encode", "photo.png", "--quality", "inf"], 2, "usage: "),
        (["encode", "photo.png", "--quality", "5,3"], 2, "usage: "),
        (["encode", "photo.png", "--quality", "5.3", "--bpp", "1"], 2, "usage: give quality or bpp, not both"),
        (["encode", "photo.png", "--bpp", "inf"], 2, "usage: bpp is a number above 0 and below 64"),
        (["encode", "photo.png", "--bpp", "0"], 2, "usage: bpp is a number above 0 and below 64"),
        (["encode", "photo.png", "--bpp", "1e9"], 2, "usage: bpp is a number above 0 and below 64"),
        (["encode", "photo.png", "--strict-bpp"], 2, "usage: strict_bpp needs a bpp"),
        (["encode", "photo.png", "--bpp", "nan"], 2, "usage: bpp is a number above 0 and below 64"),
        (["encode", "photo.png", "--bpp", "-1"], 2, "usage: bpp"),
        (["encode", "photo.png", "--check", "8"], 2, "usage: "),
        (["encode", "photo.png", "--level", "3"], 2, "usage: "),
        (["encode", "photo.png", "--background", "red"], 2, "usage: "),
        (["encode", "photo.png", "--method", "clip"], 5, "SEM-E-801 model-unavailable: nothing fills the role image_embedder (a CLIP vision model)"),
        (["encode", "photo.png", "--method", "x"], 2, "usage: method 'x' is unknown"),
        (["encode", "photo.png", "--caption", "x"], 2, "usage: model elic-small has no text adapter: a caption cannot steer it"),
        (["encode", "photo.png", "--size", "8x8"], 2, "usage: a picture has its own size"),
        (["encode", "--size", "8x8"], 2, "usage: a picture has its own size"),
        (["encode", "photo.png", "--profile", "77"], 4, "SEM-E-702 "),
        (["encode", "photo.png", "--profile", "²"], 4, "SEM-E-702 "),
        (["encode", "photo.png", "--model", "folder"], 5, "SEM-E-801 model-unavailable: folder holds no model package"),
        (["encode", "photo.png", "--model", "no"], 5, "SEM-E-801 "),
        (["decode", "tiny.sem", "--model", "no"], 5, "SEM-E-801 "),
        (["payload", "tiny.sem", "--model", "broken"], 5, "SEM-E-803 "),
        (["encode", "photo.png", "--model", "broken"], 5, "SEM-E-803 "),
    ],
)  # fmt: skip
def test_every_error_is_one_line_and_writes_nothing(
    semtool: Semtool, photo: Path, tiny: Path, place: Path, args: list[str], status: int, start: str
) -> None:
    Path("folder").mkdir()
    Path("broken").mkdir()
    Path("broken/manifest.json").write_text("[" * 99999)
    Path("empty").write_bytes(b"")
    Path("text.txt").write_text("no picture")
    Path("cut.png").write_bytes(photo.read_bytes()[:900])
    Path("link.png").symlink_to("photo.png")
    Path("photo.sem").write_bytes(tiny.read_bytes())
    Image.new("1", (16_385, 1)).save("wide.png")
    before = contents(place)
    done = semtool(*args)
    refused(done, status, start)
    assert contents(place) == before
    said = semtool(*args, "--json")
    assert (said.status, said.line) == (status, done.line)
    valid("error", said.json)
    error = said.json["error"]
    assert error["message"] in said.line
    assert said.line.endswith(error["hint"])
    assert (error["code"] or "usage") == start.partition(" ")[0].rstrip(":")
    assert contents(place) == before


def test_where_standard_output_carries_the_file_the_error_object_does_not(semtool: Semtool, photo: Path) -> None:
    refused(semtool("encode", photo, "-o", "-", "--trace"), 2, "usage: --trace needs a named output")
    said = semtool("encode", photo, "-o", "-", "--trace", "--json")
    assert (said.status, said.out) == (2, b"")
    valid("error", json.loads(said.err[: said.err.rindex("}") + 1]))


@pytest.mark.parametrize(
    ("damage", "status", "code"),
    [
        (lambda d: b"", 3, 201),
        (lambda d: b"\xf5", 3, 201),
        (lambda d: b"\x89PNG\r\n\x1a\n" + d, 3, 201),
        (lambda d: d[:6], 3, 202),
        (lambda d: d[:30], 3, 301),
        (lambda d: d + b"\0", 3, 306),
        (lambda d: d[:2] + b"\x4e" + d[3:], 4, 701),
        (lambda d: d[:3] + b"\x4d" + d[4:], 4, 702),
        (lambda d: d[:4] + b"\xff" + d[5:], 3, 206),
        (lambda d: d[:5] + b"\xff\xff\xff\x7f\xff\xff\xff\x7f" + d[7:], 6, 601),
        (lambda d: d[:-1] + bytes([d[-1] ^ 1]), 3, 501),
    ],
)
def test_broken_files(semtool: Semtool, tiny: Path, damage: Callable[[bytes], bytes], status: int, code: int) -> None:
    tiny.write_bytes(damage(tiny.read_bytes()))
    for command in ("decode", "payload"):
        refused(semtool(command, tiny, *(["--symbols"] if command == "decode" else [])), status, f"SEM-E-{code} ")
    assert not tiny.with_suffix(".npz").exists()
    judged = semtool("verify", tiny)
    assert judged.status == status
    assert f"SEM-E-{code} " in judged.text
    assert f"SEM-E-{code} " in judged.line
    looked = semtool("inspect", tiny, "--json")
    valid("inspect", looked.json)
    if code != 501:  # a payload's check is not computed
        assert looked.status == status
        assert looked.line.startswith(f"SEM-E-{code} ")
        assert looked.json["errors"][0]["code"] == f"SEM-E-{code}"
        assert f"SEM-E-{code} " in semtool("inspect", tiny).text


def test_limits_of_a_level(semtool: Semtool, place: Path) -> None:
    Path("long.sem").write_bytes(bytes.fromhex("F59E2CC800") + b"\x80\xff\x00" + b"\x00" + b"\x00\x00")
    assert semtool("inspect", "long.sem").line.startswith("SEM-E-601 ")
    assert semtool("inspect", "long.sem", "--level", "2").status == 0
    row = semtool("verify", "long.sem", "--json").json["files"][0]
    assert (row["level"], row["valid"]) == (2, None)
    with open("vast.sem", "wb") as file:
        file.truncate(1 << 40)
    for command in ("inspect", "verify", "payload"):
        assert semtool(command, "vast.sem").status == 6


def test_registry_and_models_of_the_environment(semtool: Semtool, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEM_MODELS", os.pathsep.join(["no", "/dev/null", str(TINY.parent)]))
    assert semtool("verify", tiny).status == 0
    monkeypatch.setenv("SEM_REGISTRY", "no.json")
    for command in ("inspect", "verify", "payload"):
        done = semtool(command, tiny)
        assert done.status == 7
        assert done.line.startswith("SEM-E-101 cannot-read: cannot read the registry no.json: ")
        assert done.line.endswith("No such file or directory; correct the file, or unset SEM_REGISTRY")


def test_a_payload_whose_table_is_not_here(semtool: Semtool, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {
        "id": 240,
        "name": "words",
        "status": "draft",
        "recommended": None,
        "notes": "",
        "binding": {
            "id": 240,
            "method": 2,
            "compact": 1,
            "kinds": [1],
            "fit": {"rule": "none"},
            "colour": "srgb8",
            "model": None,
            "parameters": {"1": {"code": "coded", "table": 64 * "0"}},
        },
    }
    Path("rows.json").write_text(json.dumps({"version": 1, "profiles": [row]}))
    Path("words.sem").write_bytes(bytes.fromhex("F59E20F00B123456"))
    monkeypatch.setenv("SEM_REGISTRY", "rows.json")
    assert semtool("inspect", "words.sem", "--json").json["method"] == "consonant"
    for command in ("payload", "decode"):
        refused(
            semtool(command, "words.sem", *(["--symbols", "-o", "x.txt"] if command == "decode" else [])),
            5,
            "SEM-E-801 ",
        )
    assert semtool("verify", "words.sem").text == "words.sem: model unavailable, SEM-E-801 model-unavailable\n"
    refused(semtool("encode", "x.png", "--profile", "words"), 2, "usage: profile words is of method consonant")


def test_a_model_without_its_painter(semtool: Semtool, tiny: Path) -> None:
    pytest.importorskip("torch")
    refused(semtool("decode", tiny), 5, "SEM-E-801 ")
    assert not tiny.with_suffix(".png").exists()


# --- what goes wrong in the middle -------------------------------------------------------------------------------


def test_ctrl_c_while_encoding(semtool: Semtool, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(codec, "encode_file", interrupted)
    done = semtool("encode", photo)
    assert (done.status, done.out, done.line) == (130, b"", "interrupted; no file is left half written")
    told = semtool("encode", photo, "--json")
    valid("error", told.json)
    assert (told.status, told.json["error"]["family"]) == (130, "interrupted")
    assert not photo.with_suffix(".sem").exists()


def test_ctrl_c_and_a_full_disk_while_writing(semtool: Semtool, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tiny.with_suffix(".npz")
    target.write_bytes(b"as it was")
    for fault, status in ((KeyboardInterrupt(), 130), (OSError(28, "No space left on device"), 7)):

        def stop(*_: Any, fault: BaseException = fault) -> None:
            raise fault

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", stop)
            done = semtool("decode", tiny, "--symbols", "-o", target)
        assert (done.status, done.out) == (status, b"")
        assert done.line
        assert target.read_bytes() == b"as it was"


@pytest.mark.parametrize(
    ("fault", "status", "start"),
    [
        (MemoryError(), 6, "SEM-E-605 "),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 5, "SEM-E-805 "),
        (
            PermissionError(13, "Permission denied", "/somewhere"),
            7,
            "SEM-E-101 cannot-read: /somewhere: Permission denied",
        ),
        (KeyError("oops"), 1, "bug: KeyError: 'oops' at test_cli.py:"),
    ],
)
def test_faults_that_nobody_expects(
    semtool: Semtool, tiny: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int, start: str
) -> None:
    def raises(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(package_search, "find", raises)
    refused(semtool("payload", tiny), status, start)
    if status == 1:
        monkeypatch.setenv("SEMTOOL_TRACEBACK", "1")
        with pytest.raises(KeyError, match="oops"):
            semtool("payload", tiny)


# --- real processes ----------------------------------------------------------------------------------------------


def shell(*args: str, code: str = "", **given: Any) -> subprocess.CompletedProcess[bytes]:
    start = ["-c", code] if code else ["-m", "refcodec.cli"]
    return subprocess.run([sys.executable, *start, *args], check=False, capture_output="stdout" not in given, **given)


def test_a_reader_that_goes_away(tiny: Path) -> None:
    for args in (["inspect", str(tiny), "--hex"], ["--help"], ["decode", str(tiny), "--symbols", "-o", "-"]):
        read, write = os.pipe()
        os.close(read)
        done = shell(*args, stdout=write, stderr=subprocess.PIPE)
        os.close(write)
        assert (done.returncode, done.stderr) == (7, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(tiny: Path, semtool: Semtool) -> None:
    for args in (
        ["inspect", str(tiny)],
        ["verify", "--json", str(tiny)],
        ["--help"],
        ["decode", str(tiny), "--symbols", "-o", "-"],
    ):
        with open("/dev/full", "wb") as full:
            done = shell(*args, stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 7
        assert done.stderr.startswith(b"SEM-E-102 ")
        assert done.stderr.count(b"\n") == 1
    refused(semtool("decode", tiny, "--symbols", "-o", "/dev/full"), 7, "SEM-E-102 cannot-write: /dev/full: ")


def test_closed_streams_and_odd_encodings(tiny: Path) -> None:
    quoted = f"'{sys.executable}' -m refcodec.cli"
    for command, status, out, err in (
        (f"{quoted} inspect '{tiny}' >&-", 7, b"", b"SEM-E-102 "),
        (f"{quoted} inspect - <&-", 7, b"", b"SEM-E-101 "),
        (f"{quoted} verify no.sem 2>&-", 7, b"no.sem: unreadable", b""),
        (f"PYTHONIOENCODING=ascii {quoted} inspect '{tiny}'", 0, b"\\xb5bpp", b""),
    ):
        done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
        assert done.returncode == status
        assert out in done.stdout
        assert done.stderr.startswith(err)
        assert done.stderr.count(b"\n") == bool(err)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_ctrl_c(place: Path) -> None:
    os.mkfifo("pipe")
    with (
        subprocess.Popen(
            [sys.executable, "-c", HEARS_CTRL_C, "inspect", "pipe"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
        open("pipe", "wb"),
    ):  # opens when the program has opened its end: from then on it waits for bytes
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"interrupted; no file is left half written\n")


def test_without_torch(photo: Path, photo_sem: bytes) -> None:
    Path("x.sem").write_bytes(photo_sem)
    for args in (["encode", "photo.png", "--device", "cuda"], ["decode", "x.sem", "--device", "cuda"]):
        done = shell(*args, code=WITHOUT_TORCH)
        assert (done.returncode, done.stdout) == (5, b"")
        assert done.stderr.startswith(b"SEM-E-805 dependency-missing: ")
        assert done.stderr.count(b"\n") == 1
    for args in (["inspect", "x.sem"], ["verify", "x.sem"], ["payload", "x.sem"], ["decode", "x.sem", "--symbols"]):
        assert shell(*args, code=WITHOUT_TORCH).returncode == 0
    assert sorted(path.name for path in Path().iterdir()) == ["photo.png", "x.npz", "x.sem"]
