# SPDX-License-Identifier: MIT
"""The viewer in headless Chromium: what it shows of files of every kind, and that nothing else happens."""

from __future__ import annotations

import io
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from provenance_files import with_provenance
from viewer_node import assert_near
from viewer_page import ROOT, SAMPLES, ViewerPage, serving

import refcodec
from refcodec import editing
from refcodec.decoder import decode_file
from tools.viewer import publish

pytestmark = pytest.mark.slow
KINDS = {
    "photograph.sem": "elic",
    "indices.sem": "vq",
    "sketch.sem": "sketch",
    "caption.sem": "caption",
    "consonants.sem": "consonant",
    "embedding.sem": "clip",
    "codes.sem": "pq",
}
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "\u202eevil\u2066",
    "javascript:alert(1)",
    "{}\\3c",
    "\x1b[2J\x1b]0;owned\x07\u009b31m",
    "\u061c\u200e\u200fgpj.exe",
    "a\u00ad\u200b\u2060\ufeff\U000e0041",
)
PROVENANCE = ("__proto__", "constructor", "model", "hasOwnProperty", "7")  # keys that objects of JavaScript have, too


@pytest.fixture(scope="module", params=["repository", "published"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page in the repository, and in a folder of its own."""
    folder, path = ROOT, "tools/viewer/index.html"
    if request.param == "published":
        folder, path = tmp_path_factory.mktemp("published") / "deep/er", ""
        publish.publish(folder)
    with serving(folder if path else folder.parent) as served:
        yield served + (path or "er/")


@pytest.fixture
def viewer(browser: Any, address: str) -> Iterator[ViewerPage]:
    context = browser.new_context(viewport={"width": 1200, "height": 900}, color_scheme="light")
    yield ViewerPage(context.new_page(), address).open()
    context.close()


def section_names(viewer: ViewerPage) -> list[str]:
    return [name.strip() for name in viewer.page.locator("#sections tbody td:first-child").all_inner_texts()]


# --- what it shows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_shown(viewer: ViewerPage, name: str) -> None:
    viewer.sample(name)
    inspection = refcodec.inspect(SAMPLES / name)
    assert viewer.error is None
    assert KINDS[name] in section_names(viewer)
    assert viewer.text("dd.good") == "16 bits, verified"
    assert f"{inspection.file_bytes:,} bytes" in viewer.text("#rate")
    assert f"{inspection.ubpp:,.0f} µbpp" in viewer.text("#rate")
    buttons = viewer.page.locator("#fields td button").all_inner_texts()
    assert buttons == [field.name.partition(".")[2] or field.name for field in inspection.fields]
    shown = "".join(viewer.page.locator("#bytes .hex > div").all_inner_texts()).replace(" ", "")
    data = (SAMPLES / name).read_bytes()[:2048]
    assert len(shown) >= 2 * len(data)
    viewer.check_quiet()


def test_symbols_are_those_of_the_reference(viewer: ViewerPage) -> None:
    viewer.sample("consonants.sem")
    assert viewer.text("blockquote") == refcodec.payload(SAMPLES / "consonants.sem").to_dict()["sections"][0]["value"]
    viewer.sample("caption.sem")
    assert viewer.text("blockquote") == refcodec.text(SAMPLES / "caption.sem").text
    assert "seed\n7\nsteps\n30" in viewer.text(".panels")
    viewer.sample("embedding.sem")
    codes = refcodec.symbols(SAMPLES / "embedding.sem")["clip"].ravel()
    grid = viewer.pixels(".panel canvas")
    drawn = grid[..., 0].ravel()[: codes.size]
    assert np.array_equal(drawn < 128, codes == 1)
    assert f"{codes.sum()} of them set" in viewer.text(".panel")
    viewer.sample("codes.sem")
    values = refcodec.symbols(SAMPLES / "codes.sem")["pq"].ravel()
    assert viewer.text(".panels p.mono") == " ".join(map(str, values))
    viewer.sample("indices.sem")
    indices = refcodec.symbols(SAMPLES / "indices.sem")["vq"]
    grid = viewer.pixels(".panel canvas")[..., :3]
    assert grid.shape[:2] == indices.shape
    same = indices[:, 1:] == indices[:, :-1]
    assert np.array_equal((grid[:, 1:] == grid[:, :-1]).all(axis=-1), same)


@pytest.mark.parametrize("name", ["photograph.sem", "indices.sem", "sketch.sem"])
def test_the_painted_picture_is_that_of_the_reference(viewer: ViewerPage, name: str) -> None:
    viewer.sample(name)
    assert re.search(r"painted in [0-9.]+ s", viewer.text("#picture figcaption"))
    if name == "sketch.sem":
        expected = np.asarray(Image.open(io.BytesIO(refcodec.symbol_files(SAMPLES / name)["sketch"].make(".png"))))
    else:
        expected = np.asarray(refcodec.decode(SAMPLES / name))
    assert_near(viewer.pixels(), expected)


def test_a_picture_can_be_kept(viewer: ViewerPage) -> None:
    viewer.sample("indices.sem")
    with viewer.page.expect_download() as download:
        viewer.page.get_by_role("button", name="Save as PNG").click()
    assert download.value.suggested_filename == "indices.png"
    saved = np.asarray(Image.open(io.BytesIO(Path(download.value.path()).read_bytes())))
    assert np.array_equal(saved, viewer.pixels())
    assert f"{Path(download.value.path()).stat().st_size:,} bytes" in viewer.text(".sizes")


def test_what_a_generator_needs_is_named(viewer: ViewerPage) -> None:
    for name, needed in (
        ("photograph.sem", False),
        ("indices.sem", False),
        ("sketch.sem", True),
        ("embedding.sem", True),
    ):
        viewer.sample(name)
        assert viewer.page.locator("#needed").count() == needed, name
    assert "semtool decode embedding.sem --model painter=" in viewer.text("#needed pre")


def test_previews_come_before_the_picture(viewer: ViewerPage) -> None:
    viewer.page.evaluate("""() => {
      globalThis.seen = [];
      new MutationObserver(() => seen.push(document.querySelector('#picture figcaption')?.textContent ?? ''))
        .observe(document.getElementById('result'), { subtree: true, childList: true, characterData: true });
    }""")
    viewer.sample("photograph.sem")
    seen = [text for text in viewer.page.evaluate("seen") if text]
    first = next(i for i, text in enumerate(seen) if text.startswith("Preview of"))
    last = next(i for i, text in enumerate(seen) if "painted in" in text)
    assert first < last
    assert "not verified" in seen[first]


# --- damaged and hostile files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ((SAMPLES / "damaged.sem").read_bytes(), "SEM-E-"),
        ((SAMPLES / "photograph.sem").read_bytes()[:1000], "SEM-E-301"),
        ((SAMPLES / "photograph.sem").read_bytes()[:4], "SEM-E-202"),
        ((SAMPLES / "indices.sem").read_bytes() + b"x", "SEM-E-306"),
        (b"", "SEM-E-201"),
        (b"GIF89a" + bytes(90), "SEM-E-201"),
        (bytes.fromhex("f59e2001008ffeff7f8ffeff7f"), "SEM-E-60"),
        (bytes.fromhex("f59e20c800ff7fff7f00"), "SEM-E-"),
    ],
)  # fmt: skip
def test_a_broken_file_gives_a_message_and_its_fields(viewer: ViewerPage, data: bytes, error: str) -> None:
    viewer.choose(data, "broken.sem")
    assert viewer.error is not None
    assert viewer.error.startswith(error)
    assert viewer.page.locator("#picture").count() == 0
    assert viewer.page.locator(".panel").count() == 0
    names = [f.name.partition(".")[2] or f.name for f in refcodec.inspect(data).fields]
    assert viewer.page.locator("#fields td button").all_inner_texts() == names
    viewer.check_quiet()
    viewer.sample("consonants.sem")
    assert viewer.error is None


def damaged(name: str, rng: random.Random) -> bytes:
    """Return a sample with a bit flipped, a byte set, or cut."""
    data = bytearray((SAMPLES / name).read_bytes())
    at = rng.choice((rng.randrange(min(len(data), 24)), rng.randrange(len(data))))
    change = rng.randrange(3)
    if change == 0:
        return bytes(data[:at])
    data[at] = data[at] ^ 1 << rng.randrange(8) if change == 1 else rng.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(data)


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_give_the_error_of_the_reference(viewer: ViewerPage, name: str) -> None:
    rng = random.Random(name)
    for _ in range(5):
        data = damaged(name, rng)
        try:
            decode_file(data)
            expected = None
        except refcodec.SemError as error:
            expected = error.id
        viewer.choose(data)
        if expected is None:
            assert viewer.error is None, data.hex()
        else:
            assert (viewer.error or "").startswith(expected), data.hex()
    viewer.check_quiet()


def test_a_cut_file_of_entire_sections_is_shown(viewer: ViewerPage) -> None:
    viewer.choose(editing.cut(refcodec.read(SAMPLES / "sketch.sem"), sections=1).data)
    assert viewer.error is None
    assert viewer.text("blockquote") == "a cup of coffee on a wooden table"


def spelled(text: str) -> str:
    """Return a text as the page shows it, with what is invisible spelled out."""
    return "".join(
        c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\u{{{ord(c):x}}}" for c in text
    )


@pytest.mark.parametrize("section", ["metadata", "provenance"])
def test_a_hostile_file_is_text(viewer: ViewerPage, section: str) -> None:
    notes = {f"k{i} {text}"[:60]: text for i, text in enumerate(HOSTILE)}
    data = refcodec.encode(text="a cat", size=(64, 64), **({"metadata": notes} if section == "metadata" else {}))
    data = data if section == "metadata" else with_provenance(data, notes)
    viewer.choose(data, "<img src=x onerror=alert(1)>\u202e.sem")
    page = viewer.page
    assert page.locator("img, script:not([src]), iframe").count() == 0
    assert page.locator("#result h2").first.inner_text() == "<img src=x onerror=alert(1)>\\u202e.sem"
    for text in HOSTILE:
        assert page.get_by_text(spelled(text), exact=True).count() >= 2, text
    shown = page.locator("body").inner_text()
    assert not [c for c in shown if not c.isprintable() and c not in "\n\t"]
    viewer.check_quiet()


def test_keys_that_objects_have_and_long_values_are_text(viewer: ViewerPage) -> None:
    values = {key: f"value of {key}" for key in PROVENANCE}
    data = with_provenance(refcodec.encode(text="a cat", size=(64, 64)), values | {"long": "\x1b[31m" * 12_000})
    viewer.choose(data)
    assert viewer.error is None
    for key, value in values.items():
        assert viewer.page.locator("dl.facts dt", has_text=key).count() >= 1
        assert viewer.page.get_by_text(value, exact=True).count() >= 2
    assert len(viewer.page.locator("body").inner_text()) < 100_000
    viewer.check_quiet()


def test_a_file_of_many_fields_is_bounded(viewer: ViewerPage) -> None:
    data = refcodec.encode(text="a cat", size=(64, 64), metadata={f"key {i:04}": "v" for i in range(1000)})
    begin = time.monotonic()
    viewer.choose(data + bytes(3_000_000))
    assert time.monotonic() - begin < 20
    assert viewer.page.locator("#result *").count() < 12_000
    before = viewer.page.locator("#fields td button").count()
    viewer.page.get_by_role("button", name="Show more fields").click()
    assert viewer.page.locator("#fields td button").count() > before


def test_a_file_that_is_too_large_is_refused(viewer: ViewerPage, tmp_path: Path) -> None:
    path = tmp_path / "large.sem"
    with path.open("wb") as file:
        file.truncate((1 << 26) + 1)
    viewer.page.set_input_files("#file", str(path))
    viewer.done()
    assert "67,108,865 bytes are more" in (viewer.error or "")


def test_a_job_can_be_stopped_and_another_file_opened(viewer: ViewerPage) -> None:
    viewer.page.locator("#samples button").first.click()
    viewer.page.get_by_role("button", name="Stop").click()
    viewer.done()
    assert viewer.status == "Stopped."
    viewer.page.locator("#samples button").first.click()
    viewer.sample("consonants.sem")
    viewer.page.wait_for_timeout(300)
    assert viewer.text("#result h2") == "consonants.sem"
    viewer.check_quiet()


def test_a_dropped_file_is_opened(viewer: ViewerPage) -> None:
    data = list((SAMPLES / "consonants.sem").read_bytes())
    viewer.page.evaluate(
        """(bytes) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], 'dropped.sem'));
          document.body.dispatchEvent(new DragEvent('dragover', { bubbles: true, cancelable: true, dataTransfer: transfer }));
          document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: transfer }));
        }""",
        data,
    )
    viewer.done()
    assert viewer.text("#result h2") == "dropped.sem"


def test_a_model_folder_can_be_added(viewer: ViewerPage) -> None:
    data, folder = (ROOT / "test_vectors/paint/paint-70x20.sem").read_bytes(), ROOT / "test_vectors/models/elic-paint"
    viewer.choose(data)
    assert (viewer.error or "").startswith("SEM-E-801")
    viewer.page.locator("summary").click()
    viewer.page.set_input_files("#folder", str(folder))
    viewer.page.get_by_text("Added: elic-paint").wait_for()
    viewer.choose(data)
    assert viewer.error is None
    assert_near(viewer.pixels(), np.asarray(refcodec.decode(data, models=folder)))
    viewer.check_quiet()


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b'{"format": "sem-model"}', b"\xff", None])
def test_a_folder_that_is_no_package_is_refused(viewer: ViewerPage, tmp_path: Path, manifest: bytes | None) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ("other.txt" if manifest is None else "manifest.json")).write_bytes(manifest or b"")
    viewer.page.locator("summary").click()
    viewer.page.set_input_files("#folder", str(tmp_path / "mine"))
    viewer.page.locator("#packages", has_text="manifest.json").wait_for()
    assert "Added" not in viewer.text("#packages")
    viewer.check_quiet()


# --- its policy -----------------------------------------------------------------------------------------------------


def test_requests_are_for_its_own_files(viewer: ViewerPage) -> None:
    viewer.sample("photograph.sem")
    viewer.sample("embedding.sem")
    viewer.check_quiet()
    assert any(url.endswith("gaussian.bin") for url in viewer.requests), "requests of the worker are seen"
    models = {url.rpartition("/models/")[2] for url in viewer.requests if url.endswith("painter.safetensors")}
    assert models == {"elic-small/painter.safetensors"}, "only the model of the file is loaded"


def test_the_policy_holds(viewer: ViewerPage) -> None:
    for script in (
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title=1'}))",
        "document.body.innerHTML = '<b>x</b>'",
        "document.body.setAttribute('onclick', 'document.title=1')",
        "document.body.append(Object.assign(document.createElement('style'), {textContent: '*{display:none}'}))",
        "fetch('http://192.0.2.1/x').catch(() => 0)",
        "new Image().src = 'http://192.0.2.1/x.png'",
        "new Worker('data:text/javascript,1')",
        "trustedTypes.createPolicy('other', {})",
    ):
        viewer.page.evaluate(f"() => {{ try {{ {script} }} catch {{}} }}")
    viewer.page.wait_for_timeout(200)
    refused = " ".join(viewer.page.evaluate("violations"))
    for directive in ("style-src-elem", "require-trusted-types-for", "trusted-types ", "connect-src", "img-src"):
        assert directive in refused, refused
    assert viewer.page.title() == ".sem viewer"
