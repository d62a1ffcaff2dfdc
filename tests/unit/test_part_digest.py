# SPDX-License-Identifier: MIT
"""Digests of an identity (SPEC §12): what is equal, what is not, and the worked values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refcodec.canonical_json import ascii_name, canonical_json
from refcodec.errors import SemError
from refcodec.foundation import identity
from refcodec.foundation.folder_digest import folder_sha256
from refcodec.foundation.part_digest import tensors_digest, vocabulary_digest

DTYPES = {"<f2": "F16", "<f4": "F32", "<f8": "F64", "<u2": "BF16", "<i8": "I64"}
RNG = np.random.default_rng(3)
TENSORS: dict[str, Any] = {
    "vision_model.a": RNG.normal(size=(3, 5)).astype("<f4"),
    "visual_projection.weight": np.array([1e9, -0.0, 6e-8, 2049.0], "<f4"),
    "text_model.embeddings.token_embedding.weight": np.array([[1.5, 2.5]], "<f4"),
    "vision_model.embeddings.position_ids": np.arange(4, dtype="<i8"),
}
IMAGE = ("vision_model.", "visual_projection.")


def write(path: Path, tensors: dict[str, Any]) -> Path:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, tensor in tensors.items():
        offsets = [len(data), len(data) + tensor.nbytes]
        header[name] = {"dtype": DTYPES[tensor.dtype.str], "shape": list(tensor.shape), "data_offsets": offsets}
        data += tensor.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def test_the_digest_of_tensors_is_that_of_the_specification(tmp_path: Path) -> None:
    entries = {}
    with np.errstate(over="ignore"):
        for name in ("vision_model.a", "visual_projection.weight"):
            values = TENSORS[name].astype("<f2").tobytes()
            entries[name] = {"shape": list(TENSORS[name].shape), "sha256": hashlib.sha256(values).hexdigest()}
    expected = hashlib.sha256(canonical_json(entries)).hexdigest()
    assert tensors_digest([write(tmp_path / "a.safetensors", TENSORS)], IMAGE) == expected


def _rounded(dtype: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(tensors: dict[str, Any]) -> dict[str, Any]:
        with np.errstate(over="ignore"):
            return {n: t if t.dtype.str == "<i8" else t.astype(dtype) for n, t in tensors.items()}

    return change


EQUAL: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "float16": _rounded("<f2"),
    "float64": _rounded("<f8"),
    "another order": lambda t: dict(reversed(t.items())),
    "without other tensors": lambda t: {name: t[name] for name in t if name.startswith(IMAGE)},
    "other integers": lambda t: t | {"vision_model.embeddings.position_ids": np.arange(9, dtype="<i8")},
    "digits beyond binary16": lambda t: t | {"vision_model.a": t["vision_model.a"].astype("<f2").astype("<f4")},
}
OTHER: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "a value": lambda t: t | {"vision_model.a": t["vision_model.a"] * np.float32(1.01)},
    "a sign of zero": lambda t: t | {"visual_projection.weight": np.abs(t["visual_projection.weight"])},
    "a shape": lambda t: t | {"vision_model.a": t["vision_model.a"].reshape(5, 3)},
    "a name": lambda t: {name.replace(".a", ".b"): tensor for name, tensor in t.items()},
    "a tensor more": lambda t: t | {"vision_model.c": np.zeros(1, "<f4")},
    "a tensor less": lambda t: {name: t[name] for name in t if name != "vision_model.a"},
}


@pytest.mark.parametrize("name", EQUAL)
def test_copies_of_a_model_are_equal(tmp_path: Path, name: str) -> None:
    before = tensors_digest([write(tmp_path / "a.safetensors", TENSORS)], IMAGE)
    assert tensors_digest([write(tmp_path / "b.safetensors", EQUAL[name](TENSORS))], IMAGE) == before


@pytest.mark.parametrize("name", OTHER)
def test_other_models_are_not(tmp_path: Path, name: str) -> None:
    before = tensors_digest([write(tmp_path / "a.safetensors", TENSORS)], IMAGE)
    assert tensors_digest([write(tmp_path / "b.safetensors", OTHER[name](TENSORS))], IMAGE) != before


def test_shards_and_bfloat16(tmp_path: Path) -> None:
    names = list(TENSORS)
    files = [write(tmp_path / f"{i}.safetensors", {name: TENSORS[name]}) for i, name in enumerate(names)]
    assert tensors_digest(files, IMAGE) == tensors_digest([write(tmp_path / "a.safetensors", TENSORS)], IMAGE)
    exact = np.array([1.5, -2.0], "<f4")
    bits = (exact.view("<u4") >> 16).astype("<u2")
    both = [write(tmp_path / f"{t.dtype}.safetensors", {"x": t}) for t in (exact, bits)]
    assert tensors_digest(both[:1]) == tensors_digest(both[1:])


def test_a_prefix_that_versions_of_a_library_leave_out(tmp_path: Path) -> None:
    name = "embeddings.token_embedding.weight"
    whole = write(tmp_path / "a.safetensors", TENSORS)
    short = write(tmp_path / "b.safetensors", {name: TENSORS[f"text_model.{name}"]})
    digests = {tensors_digest([path], ("embeddings.token",), "text_model.") for path in (whole, short)}
    assert len(digests) == 1


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", {"x": np.zeros(2, "<f4")})
    before = tensors_digest([path])
    write(path, {"x": np.zeros(3, "<f4")})
    assert tensors_digest([path]) != before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 8,
        b"\xff" * 40,
        *(
            len(header).to_bytes(8, "little") + header + b"\0" * 4
            for header in (
                b"[]",
                b'{"x": {}}',
                b'{"x": {"dtype": "F32", "shape": [Infinity], "data_offsets": [0, 4]}}',
                b'{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1e999]}}',
                b'{"x": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 4]}}',
                b'{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}',
            )
        ),
    ],
)
def test_files_that_are_no_tensors(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(SemError) as caught:
        tensors_digest([tmp_path / "a.safetensors"])
    assert caught.value.id == "SEM-E-803"
    with pytest.raises(SemError) as caught:
        tensors_digest([tmp_path / "none.safetensors"])
    assert caught.value.id == "SEM-E-801"


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        5,
        {"a": -1},
        {"a": 1.0},
        {"model": {"vocab": [[]]}},
        {"model": {"vocab": [5]}},
        {"model": {}},
        {"model": {"vocab": {"a": 1}}, "added_tokens": 5},
        {"model": {"vocab": {"a": 1}}, "added_tokens": [{"content": 5, "id": 2}]},
        {"model": {"vocab": {"a": 1}}, "added_tokens": [{"content": [], "id": 2}]},
        {"model": {"vocab": {"a": 1}}, "added_tokens": [{"id": 2}]},
    ],
    ids=repr,
)
def test_files_that_are_no_vocabulary(tmp_path: Path, document: Any) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    with pytest.raises(SemError) as caught:
        vocabulary_digest([tmp_path / "tokenizer.json"])
    assert (caught.value.id, caught.value.path) == ("SEM-E-803", "identity")
    assert caught.value.hint == "name the folder of the model; if this is it, get it again"


def test_a_vocabulary_is_the_same_in_every_form(tmp_path: Path) -> None:
    vocabulary = {"<|endoftext|>": 2, "café</w>": 0, "a": 1}
    forms: dict[str, Any] = {
        "whole.json": {"model": {"vocab": vocabulary}, "added_tokens": [{"content": "<|endoftext|>", "id": 2}]},
        "added.json": {
            "model": {"vocab": {"a": 1, "café</w>": 0}},
            "added_tokens": [{"content": "<|endoftext|>", "id": 2}],
        },
        "unigram.json": {"model": {"vocab": [["café</w>", -1.0], ["a", -2.0], ["<|endoftext|>", 0.0]]}},
        "vocab.json": dict(reversed(vocabulary.items())),
    }
    for name, document in forms.items():
        (tmp_path / name).write_text(json.dumps(document, ensure_ascii=name == "vocab.json"), encoding="utf-8")
    expected = hashlib.sha256("0 café</w>\n1 a\n2 <|endoftext|>\n".encode()).hexdigest()
    assert {vocabulary_digest([tmp_path / name]) for name in forms} == {expected}
    (tmp_path / "other.json").write_text(json.dumps(vocabulary | {"a": 0, "café</w>": 1}))
    assert vocabulary_digest([tmp_path / "other.json"]) != expected
    for text in ("[]", "{}", '{"a": "1"}', '{"model": {}}', "not JSON"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(SemError) as caught:
            vocabulary_digest([tmp_path / "bad.json"])
        assert caught.value.id == "SEM-E-803"


def test_names_in_ascii_stay_unique() -> None:
    assert [ascii_name(name) for name in ("é", "\\xe9", "日")] == ["\\xe9", "\\\\xe9", "\\u65e5"]


def test_names_of_files_enter_the_digest_of_a_folder_in_ascii(tmp_path: Path) -> None:
    (tmp_path / "é\\n.json").write_bytes(b"{}")
    entries = b'{"\\\\xe9\\\\\\\\n.json":"%s"}' % hashlib.sha256(b"{}").hexdigest().encode()
    assert folder_sha256(tmp_path) == hashlib.sha256(entries).hexdigest()


@pytest.mark.parametrize(
    ("value", "stated"),
    [
        ("image_embedder sha256:0123456789abcdef", {"image_embedder": "0123456789abcdef"}),
        ("a b/c@d sha256:01234567, b sha256:89abcdef", {"a": "01234567", "b": "89abcdef"}),
        ("elic-small 2c8df2f9", {}),
        ("a sha256:0123456", {}),
        ("a sha256:0123456G", {}),
        ("a sha256:" + "0" * 65, {}),
        ("a sha256:01234567 sha256:89abcdef", {}),
        (" sha256:01234567", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_what_a_provenance_states(value: str, stated: dict[str, str]) -> None:
    assert identity.stated_in({"model": value}) == stated
