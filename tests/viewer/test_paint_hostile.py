# SPDX-License-Identifier: MIT
"""Files and packages that are broken or hostile give an error of the format, and nothing large is made for them."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from viewer_node import ROOT, SHIPPED, PaintServer

import refcodec

VECTORS = ROOT / "test_vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_bytes())
SUITE = {folder.name: folder for folder in sorted((VECTORS / "models").iterdir())}
PROBE = VECTORS / "paint" / "paint-64x64.sem"
MEBIBYTE = 1 << 20
UNPAINTED = "SEM-E-801"  # of a file that no package here paints


def entries(expect: str) -> list[Any]:
    """Return parameters of all files of the suite that a decoder accepts or rejects, some at a time."""
    chosen = [entry for entry in MANIFEST["vectors"] if entry["expect"] == expect]
    return [pytest.param(chosen[i::20], id=f"{expect}-{i}") for i in range(20)]


@pytest.mark.parametrize("some", entries("reject"))
def test_invalid_files_of_the_suite(node: PaintServer, some: list[dict[str, Any]]) -> None:
    for entry in some:
        answers = node.paint((VECTORS / entry["file"]).read_bytes(), SUITE, preview=True)
        assert answers.error in (entry["error"], UNPAINTED), entry["id"]
        assert entry["tier"] != "H" or answers.error == entry["error"], entry["id"]


@pytest.mark.parametrize("some", entries("accept"))
def test_valid_files_of_the_suite_are_painted_or_refused(node: PaintServer, some: list[dict[str, Any]]) -> None:
    for entry in some:
        answers = node.paint((VECTORS / entry["file"]).read_bytes(), SUITE, maxPixels=1 << 16)
        assert answers.error in (None, UNPAINTED, "SEM-E-602"), entry["id"]
        assert answers.error is None or entry["tier"] != "P", entry["id"]


@pytest.mark.parametrize("entry", MANIFEST["painters"], ids=lambda entry: entry["id"])
def test_invalid_painters_of_the_suite(node: PaintServer, entry: dict[str, Any]) -> None:
    folder = VECTORS / entry["folder"]
    assert node.paint((VECTORS / entry["file"]).read_bytes(), {"broken": folder}).error == entry["error"]


@pytest.mark.parametrize("name", ["limit-pixels", "limit-pixels-exceeded", "bomb"])
def test_a_few_bytes_that_claim_a_large_picture(node: PaintServer, name: str) -> None:
    data = next((VECTORS / e["file"]).read_bytes() for e in MANIFEST["vectors"] if e["id"] == name)
    answers = node.paint(data, {**SUITE, **SHIPPED}, maxPixels=(1 << 24) + 1)  # a session of its own
    assert answers.error in ("SEM-E-601", "SEM-E-602")
    assert answers.memory <= MEBIBYTE


@pytest.mark.parametrize("count", [5, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("method", ["elic", "pics", "perco"])
def test_cut_and_flipped_files(node: PaintServer, method: str, count: int) -> None:
    data, random = example(method), np.random.default_rng(count)
    for end in {*random.integers(0, len(data), count // 2).tolist(), len(data) - 1}:
        assert node.paint(data[:end], preview=count == 5).error is not None, end
    for at in random.integers(0, len(data), count).tolist():
        flipped = bytearray(data)
        flipped[at] ^= 1 << int(random.integers(8))
        answers = node.paint(bytes(flipped), preview=count == 5, maxPixels=1 << 20)
        if method == "elic" or at >= len(data) - 20:
            assert answers.error is not None, at  # its check covers everything
        assert answers.error is None or answers.error.startswith("SEM-E-"), (at, answers.error)


def example(method: str) -> bytes:
    y, x = np.mgrid[0:70, 0:100]
    pixels = np.stack([2 * x, 3 * y, x + y], -1).astype(np.uint8)
    if method == "pics":
        return refcodec.encode(sketch=pixels[..., 2], caption="a slope", method="pics")
    if method == "perco":
        return refcodec.encode(pixels, method="perco", profile="perco-small")
    return refcodec.encode(pixels)


# --- packages -----------------------------------------------------------------------------------------------------


def safetensors(header: Mapping[str, Any], data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def parts(painter: bytes) -> tuple[dict[str, Any], bytes]:
    """Return header and data of a safetensors file."""
    length = struct.unpack("<Q", painter[:8])[0]
    return json.loads(painter[8 : 8 + length]), painter[8 + length :]


def package(
    folder: Path,
    architecture: Callable[[dict[str, Any]], object] | None = None,
    tensors: Callable[[bytes], bytes] | None = None,
    source: Path = SUITE["elic-paint"],
) -> Path:
    """Return a copy of a package with another architecture or file of tensors, and their right digest."""
    shutil.copytree(source, folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    if architecture is not None:
        architecture(manifest["painter"]["architecture"])
    if tensors is not None:
        painter = tensors((folder / "painter.safetensors").read_bytes())
        (folder / "painter.safetensors").write_bytes(painter)
        manifest["painter"]["sha256"] = hashlib.sha256(painter).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


ARCHITECTURES: dict[str, tuple[dict[str, Any], str]] = {
    "wider than its tensors": ({"widths": [8, 4, 6]}, "SEM-E-803"),
    "as wide as can be": ({"widths": [4096, 4096, 4096]}, "SEM-E-803"),
    "wider than can be": ({"widths": [4097, 4, 6]}, "SEM-E-803"),
    "two widths": ({"widths": [4, 4]}, "SEM-E-803"),
    "a width that is text": ({"widths": ["4", 4, 6]}, "SEM-E-803"),
    "widths of the synthesis alone": ({"synthesis_widths": [4, 4]}, "SEM-E-803"),
    "blocks without tensors": ({"synthesis_blocks": [[32, 32], [32, 32], [32, 32]]}, "SEM-E-803"),
    "too many blocks": ({"synthesis_blocks": [[33, 0], [3, 0], [3, 0]]}, "SEM-E-803"),
    "fewer blocks than tensors": ({"synthesis_blocks": [[0, 0], [0, 0], [0, 0]]}, "SEM-E-803"),
    "blocks below 0": ({"synthesis_blocks": [[-1, 0], [3, 0], [3, 0]]}, "SEM-E-803"),
    "other groups": ({"groups": [4, 4]}, "SEM-E-803"),
    "groups of another sum": ({"m": 9}, "SEM-E-803"),
    "m below 2": ({"m": 1}, "SEM-E-803"),
    "another hyper": ({"hyper": 5}, "SEM-E-803"),
    "more rates": ({"lambdas": [0.1] * 4}, "SEM-E-803"),
    "no rates": ({"lambdas": None}, "SEM-E-803"),
    "one channel": ({"channels": 1}, "SEM-E-803"),
    "two channels": ({"channels": 2}, "SEM-E-803"),
    "an unknown transform": ({"transform": "diffusion"}, "SEM-E-803"),
    "a transform that the viewer has not": ({"transform": "elic"}, "SEM-E-805"),
    "an unknown head": ({"scale_head": "cubic"}, "SEM-E-803"),
}


@pytest.mark.parametrize(("change", "code"), ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_architectures_that_do_not_fit(node: PaintServer, tmp_path: Path, change: dict[str, Any], code: str) -> None:
    folder = package(tmp_path / "model", lambda architecture: architecture.update(change))
    assert node.paint(PROBE.read_bytes(), {"model": folder}).error == code


@pytest.mark.parametrize("architecture", [None, [], "patch", {}])
def test_what_is_no_architecture(node: PaintServer, tmp_path: Path, architecture: object) -> None:
    folder = package(tmp_path / "model")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["painter"]["architecture"] = architecture
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert node.paint(PROBE.read_bytes(), {"model": folder}).error == "SEM-E-803"


def edited(change: Callable[[dict[str, Any]], object], data: bytes = b"") -> Callable[[bytes], bytes]:
    """Return the edit of a file of tensors that changes its header and appends data."""

    def edit(painter: bytes) -> bytes:
        header, before = parts(painter)
        change(header)
        return safetensors(header, before + data)

    return edit


def with_number(name: str, value: bytes) -> Callable[[bytes], bytes]:
    """Return the edit that gives the first number of a tensor these bytes."""

    def edit(painter: bytes) -> bytes:
        header, data = parts(painter)
        at = header[name]["data_offsets"][0]
        return safetensors(header, data[:at] + value + data[at + len(value) :])

    return edit


BIAS = "g_s.net.0.bias"
TENSORS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda painter: b"",
    "cut in the length": lambda painter: painter[:7],
    "cut in the header": lambda painter: painter[:100],
    "cut in the data": lambda painter: painter[:-1],
    "a byte more": lambda painter: painter + b"\0",
    "a header of 2^64 bytes": lambda painter: b"\xff" * 8 + painter[8:],
    "a header that is a list": lambda painter: struct.pack("<Q", 2) + b"[]",
    "a header that is no JSON": lambda painter: struct.pack("<Q", 2) + b"{{",
    "no tensors": lambda painter: safetensors({}, b""),
    "a tensor less": edited(lambda header: header.pop(BIAS)),
    "a tensor more": edited(
        lambda header: header.update(
            {"g_s.more": {"dtype": "F32", "shape": [1], "data_offsets": [n := ends(header), n + 4]}}
        ),
        b"\0" * 4,
    ),
    "an offset beyond the file": edited(lambda header: header[BIAS].update(data_offsets=[0, 1 << 40])),
    "offsets in reverse": edited(lambda header: header[BIAS].update(data_offsets=[4, 0])),
    "a shape of 2^60 numbers": edited(lambda header: header[BIAS].update(shape=[1 << 30, 1 << 30])),
    "a shape with a fraction": edited(lambda header: header[BIAS].update(shape=[6.5])),
    "another shape": edited(lambda header: header[BIAS].update(shape=[*header[BIAS]["shape"], 1])),
    "an integer tensor": edited(lambda header: header[BIAS].update(dtype="I16")),
    "an unknown dtype": edited(lambda header: header[BIAS].update(dtype="constructor")),
    "a tensor that is null": edited(lambda header: header.update({BIAS: None})),
    "infinity": with_number("g_s.net.0.weight", b"\0\x7c\x80\x7f"),
    "not a number": with_number("g_s.net.0.weight", b"\xff\xff\xff\xff"),
    "a gain of 0": with_number("inverse", b"\0" * 4),
}


def ends(header: Mapping[str, Any]) -> int:
    return max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")


@pytest.mark.parametrize("edit", TENSORS.values(), ids=TENSORS)
def test_tensors_that_do_not_fit(node: PaintServer, tmp_path: Path, edit: Callable[[bytes], bytes]) -> None:
    folder = package(tmp_path / "model", tensors=edit)
    assert node.paint(PROBE.read_bytes(), {"model": folder}).error == "SEM-E-803"


@pytest.mark.parametrize("file", ["manifest.json", "symbols.safetensors", "painter.safetensors"])
def test_cut_and_flipped_packages(node: PaintServer, tmp_path: Path, file: str) -> None:
    folder = package(tmp_path / "model")
    data, random = (folder / file).read_bytes(), np.random.default_rng(11)
    for at in random.integers(0, len(data), 40).tolist():
        for changed in (data[:at], data[:at] + bytes([data[at] ^ 1 << int(random.integers(8))]) + data[at + 1 :]):
            (folder / file).write_bytes(changed)
            error = node.paint(PROBE.read_bytes(), {"model": folder}).error
            assert error is None or error.startswith("SEM-E-"), (at, error)
            assert error is not None or file == "manifest.json", at


def test_codes_that_do_not_fit_their_profile(node: PaintServer, tmp_path: Path) -> None:
    for number, change in enumerate(
        ({"v": 512}, {"decoder_widths": [64, 128]}, {"dim": 0}, {"decoder_blocks": [3, 4]})
    ):
        folder = package(tmp_path / str(number), lambda a, c=change: a.update(c), source=SHIPPED["vq-small"])  # type: ignore[misc]
        assert node.paint(example("perco"), {"model": folder}).error == "SEM-E-803"


@pytest.mark.parametrize("packages", [{}, {"sketch-small": SHIPPED["sketch-small"]}], ids=["none", "another"])
def test_a_model_that_is_missing(node: PaintServer, packages: dict[str, Path]) -> None:
    answers = node.paint(example("elic"), packages)
    assert answers.error == "SEM-E-801"
    assert "2c8df2f9" in answers.messages[-1]["error"]["message"]
