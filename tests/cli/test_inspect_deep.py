# SPDX-License-Identifier: MIT
"""semtool inspect states how far it has checked a file; --deep decodes the payloads; --html states what it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool, valid

import refcodec
from refcodec.editing import cut

KINDS = {
    "elic": {"image": np.full((40, 50, 3), 90, np.uint8), "quality": 3},
    "sketch": {"sketch": np.zeros((64, 64), np.uint8), "method": "pics", "caption": "a cat"},
    "vq": {"image": np.full((40, 50, 3), 90, np.uint8), "method": "perco", "caption": "a cat"},
    "consonant": {"text": "old stone bridge over a river", "size": (64, 64), "profile": "consonant-coded"},
}
ALONE = "header and sections alone, without a model"


def file_of(kind: str) -> bytes:
    settings: dict[str, Any] = dict(KINDS[kind])
    return refcodec.encode(settings.pop("image", None), **settings)


def deep_of(semtool: Semtool, name: str) -> tuple[int, Any]:
    done = semtool("inspect", name, "--deep", "--json")
    said = done.json
    valid("inspect", said)
    return done.status, said["deep"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_payload_that_was_not_decoded_is_said_not_to_be(semtool: Semtool, place: Path, kind: str) -> None:
    Path("x.sem").write_bytes(file_of(kind))
    plain = semtool("inspect", "x.sem")
    assert plain.status == 0
    assert f"checked    {ALONE}" in plain.text
    deep = semtool("inspect", "x.sem", "--deep")
    assert deep.status == 0
    assert ALONE not in deep.text
    assert "checked    header, sections and payloads" in deep.text
    assert "check      16 bits, ok" in deep.text
    assert "canonical  yes" in deep.text
    assert deep_of(semtool, "x.sem") == (0, {"valid": True, "canonical": True, "check": "ok", "error": None})
    assert "deep" not in semtool("inspect", "x.sem", "--json").json
    valid("inspect", semtool("inspect", "x.sem", "--json", "--memory", "--deep").json)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_payload(semtool: Semtool, place: Path, kind: str, damage: str) -> None:
    data = bytearray(file_of(kind))
    container = refcodec.read(bytes(data))
    compact, last = not container.header.sectioned, container.sections[-1]
    if damage == "truncated":
        data = data[: len(data) - 1]
    else:
        data[last.body_offset + len(last.body) // 2] ^= 0x21
    Path("x.sem").write_bytes(data)
    verified = semtool("verify", "x.sem", "--json")
    assert verified.status == 3
    plain, deep = semtool("inspect", "x.sem"), semtool("inspect", "x.sem", "--deep")
    assert deep.status == 3
    if compact or damage == "flipped":  # nothing in header and sections is wrong
        assert plain.status == 0
        assert ALONE in plain.text
        assert "decoding the payloads ended in the error below" in deep.text
        status, said = deep_of(semtool, "x.sem")
        assert (status, said["valid"]) == (3, False)
        assert said["error"] == verified.json["files"][0]["error"]
        assert "broken" in deep.text.splitlines()[0]
        assert said["error"]["code"] in deep.line
    else:
        assert plain.status == 3
        assert ALONE not in plain.text
        assert deep_of(semtool, "x.sem") == (3, None)


def test_a_missing_model_is_not_an_invalid_file(semtool: Semtool, place: Path) -> None:
    vectors = Path(__file__).resolve().parents[2] / "test_vectors"
    done = semtool("inspect", vectors / "elic" / "example.sem", "--deep", "--json")
    assert done.status == 5
    assert (done.json["deep"]["valid"], done.json["deep"]["error"]["code"]) == (None, "SEM-E-801")
    text = semtool("inspect", vectors / "elic" / "example.sem", "--deep").text
    assert "model not available" in text.splitlines()[0]
    assert "16 bits, not verified" in text


def test_a_cut_file_is_incomplete_and_valid(semtool: Semtool, place: Path) -> None:
    Path("x.sem").write_bytes(cut(refcodec.read(file_of("sketch")), sections=1).data)
    assert ALONE in semtool("inspect", "x.sem").text
    assert deep_of(semtool, "x.sem") == (0, {"valid": True, "canonical": True, "check": "ok", "error": None})


def test_the_page_that_was_written_is_named(semtool: Semtool, place: Path) -> None:
    Path("x.sem").write_bytes(file_of("elic"))
    done = semtool("inspect", "x.sem", "--html", "sub page.html", "--deep")
    assert done.status == 0
    assert done.text.splitlines()[-1] == "  page of these fields: sub page.html"
    page = Path("sub page.html").read_text(encoding="utf-8")
    assert "header, sections and payloads" in page
    said = semtool("inspect", "x.sem", "--html", "page.html", "--json").json
    valid("inspect", said)
    assert said["html"] == "page.html"
    assert ALONE in Path("page.html").read_text(encoding="utf-8")
    assert "html" not in semtool("inspect", "x.sem", "--json").json
    streamed = semtool("inspect", "x.sem", "--html", "-")
    assert streamed.out.endswith(b"</html>\n")
    assert b"page of these fields" not in streamed.out
    Path("x.sem").write_bytes(file_of("elic") + b"x" * 70000)
    broken = semtool("inspect", "x.sem", "--html", "page.html")
    assert (broken.status, broken.text.splitlines()[-1]) == (0, "  page of these fields: page.html")


def test_the_page_has_the_rate_of_each_field(semtool: Semtool, place: Path) -> None:
    Path("x.sem").write_bytes(file_of("elic"))
    semtool("inspect", "x.sem", "--html", "page.html")
    page = Path("page.html").read_text(encoding="utf-8")
    for field in refcodec.inspect("x.sem").fields:
        assert f"<td class='n'>{1e6 * field.bits / 2000:.1f}</td>" in page
