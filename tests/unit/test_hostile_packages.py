# SPDX-License-Identifier: MIT
"""SPEC §12: packages and registries made to cost time, memory or more. Each is refused within a second and 200 MB."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusal_probe import Probe
from safetensors.numpy import save

from refcodec import canonical_json
from refcodec.errors import SemError
from refcodec.networks import package, tensors
from refcodec.networks.package_files import open_package_file
from tools.vectors.models import tiny

DIGITS = "9" * 12_000_000
MANIFEST = {"format": "sem-model", "format_version": 1, "name": "hostile"}


@pytest.fixture(scope="module")
def probe() -> Iterator[Probe]:
    with Probe() as running:
        yield running


def folder_of(symbols: dict[str, Any], arrays: dict[str, Any], folder: Path) -> Path:
    """A package of these arrays, with the right digests."""
    symbols = {**symbols, "tensors": tensors.declare(arrays)}
    (folder / "manifest.json").write_text(json.dumps(MANIFEST | {"symbols": symbols}))
    (folder / "symbols.safetensors").write_bytes(save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))
    return folder


def sound(folder: Path) -> Path:
    return folder_of(*tiny.MODELS["elic-tiny"](), folder)


def raw(header: str, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with this header."""
    text = header.encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def tensor(shape: str = "[1]", offsets: str = "[0, 2]", dtype: str = '"I16"') -> bytes:
    return raw(f'{{"a": {{"dtype": {dtype}, "shape": {shape}, "data_offsets": {offsets}}}}}', b"\0\0")


def listed(item: str, size: int = 12_000_000) -> str:
    return "[" + ",".join([item] * (size // (len(item) + 1))) + "]"


HEADERS: dict[str, Callable[[], bytes]] = {
    "a number of 12 million digits": lambda: tensor(f"[{DIGITS}]"),
    "12 MB of numbers of 4300 digits": lambda: tensor(listed("9" * 4300)),
    "a million numbers": lambda: tensor(listed("2147483647")),
    "six million axes of length 1": lambda: tensor(listed("1")),
    "a thousand axes": lambda: tensor("[" + ",".join(["1"] * 1000) + "]"),
    "an axis of 10^4000": lambda: tensor("[1" + "0" * 4000 + "]"),
    "no elements of 2^62 columns": lambda: tensor("[0, 4611686018427387904]", "[0, 0]"),
    "no elements of many columns": lambda: tensor("[0, 100, 100, 100, 100]", "[0, 0]"),
    "an axis that is true": lambda: tensor("[true]"),
    "an axis 1.0": lambda: tensor("[1.0]"),
    "an axis 1e0": lambda: tensor("[1e0]"),
    "an axis -1": lambda: tensor("[-1]", "[0, -2]"),
    "a shape that is an object": lambda: tensor("{}"),
    "offsets of 12 million digits": lambda: tensor("[1]", f"[0, {DIGITS}]"),
    "a million offsets": lambda: tensor("[1]", listed("0")),
    "one offset": lambda: tensor("[1]", "[2]"),
    "three offsets": lambda: tensor("[1]", "[0, 2, 2]"),
    "offsets that go back": lambda: tensor("[1]", "[2, 0]"),
    "offsets before the data": lambda: tensor("[1]", "[-2, 0]"),
    "offsets behind the file": lambda: tensor("[1]", "[2, 4]"),
    "offsets as floats": lambda: tensor("[1]", "[0.0, 2.0]"),
    "offsets as text": lambda: tensor("[1]", '"02"'),
    "a dtype of 12 MB": lambda: tensor(dtype='"' + "I" * 12_000_000 + '"'),
    "a dtype that is a list": lambda: tensor(dtype="[]"),
    "an entry that is a list": lambda: raw('{"a": []}'),
    "a name of 12 MB": lambda: raw('{"' + "n" * 12_000_000 + '": {}}'),
    "a name of escapes": lambda: raw('{"' + "\\u001b" * 2_000_000 + '": 0}'),
    "five million lists": lambda: raw(listed("[]", 16_000_000)),
    "two million objects": lambda: raw('{"a": ' + listed('{"":{}}', 16_000_000) + "}"),
    "a million members": lambda: raw("{" + ",".join(f'"{i}":0' for i in range(1_000_000)) + "}"),
    "a member a million times": lambda: raw("{" + ",".join(['"a":0'] * 1_000_000) + "}"),
    "eight million brackets": lambda: raw("[" * 8_000_000),
    "eight million braces": lambda: raw('{"a":' * 3_000_000),
    "commas, and quotes without end": lambda: raw("," * 300_000 + '"' + '\\"' * 7_000_000),
    "commas, and many strings": lambda: raw("[" + "," * 300_000 + '""' * 7_000_000),
    "characters of four bytes": lambda: raw('{"__metadata__": "' + "😀" * 4_000_000 + '"}', b"\0"),
    "an integer of -0 and 12 million zeros": lambda: tensor("[" + "0" * 12_000_000 + "]"),
    "a float of 12 million digits": lambda: tensor(f"[{DIGITS}.5]"),
    "an exponent of 12 million digits": lambda: tensor(f"[1e{DIGITS}]"),
    "bytes of the digits of no script": lambda: tensor("[" + "٣" * 100 + "]"),
    "a length of 2^64 - 1": lambda: b"\xff" * 8,
    "a length of 2^63": lambda: (1 << 63).to_bytes(8, "little") + b"{}",
    "nothing but a length": lambda: raw("", length=1),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers(name: str, probe: Probe, tmp_path: Path) -> None:
    sound(tmp_path)
    (tmp_path / "symbols.safetensors").write_bytes(HEADERS[name]())
    assert probe.refusal("package", tmp_path) == "SEM-E-803"


def test_a_header_of_a_million_tensors(probe: Probe, tmp_path: Path) -> None:
    sound(tmp_path)
    entry = '"{}":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}}'
    header = "{" + ",".join(entry.format(i, i, i + 1) for i in range(250_000)) + "}"
    (tmp_path / "symbols.safetensors").write_bytes(raw(header, bytes(250_000)))
    assert probe.refusal("package", tmp_path) == "SEM-E-803"


MEMBERS: dict[str, Callable[[], str]] = {
    "a number of 12 million digits": lambda: DIGITS,
    "a float of 12 million digits": lambda: f"{DIGITS}.5",
    "12 MB of numbers of 4300 digits": lambda: listed("9" * 4300),
    "a million numbers": lambda: listed("2147483647"),
    "five million lists": lambda: listed("[]", 16_000_000),
    "two million objects": lambda: listed('{"":{}}', 16_000_000),
    "a quarter of a million objects": lambda: listed('{"a":1}', 1_000_000),
    "a text of 12 MB": lambda: '"' + "a" * 12_000_000 + '"',
    "a text of escapes": lambda: '"' + "\\u0001" * 2_000_000 + '"',
    "a text of four bytes a character": lambda: '"' + "😀" * 3_000_000 + '"',
    "eight million brackets": lambda: "[" * 8_000_000,
    "900 brackets": lambda: "[" * 900 + "]" * 900,
}


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("member", ["kind", "tensors"])
def test_members_of_symbols(name: str, member: str, probe: Probe, tmp_path: Path) -> None:
    sound(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["symbols"][member] = "@"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest).replace('"@"', MEMBERS[name]()))
    assert probe.refusal("package", tmp_path) == "SEM-E-803"


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("member", ["format_version", "symbols"])
def test_members_of_a_manifest(name: str, member: str, probe: Probe, tmp_path: Path) -> None:
    sound(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text()) | {member: "@"}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest).replace('"@"', MEMBERS[name]()))
    assert probe.refusal("package", tmp_path) in ("SEM-E-803", "SEM-E-705")


def test_limits_of_json() -> None:
    most = canonical_json.VALUES_MAX
    assert canonical_json.parse_json(f"[{'0,' * (most - 2)}0]".encode()) == [0] * (most - 1)
    assert canonical_json.parse_json(b'["' + b"," * (most - 1) + b'"]') == ["," * (most - 1)]
    assert canonical_json.parse_json(b"9" * 4300) == int("9" * 4300)
    for text in (f"[{'0,' * most}0]".encode(), b"9" * 4301, b"-" + b"9" * 4300, b"[" * 8_000_000, b"{" * 8_000_000):
        with pytest.raises(ValueError, match=r"JSON of more than|an integer of 4301"):
            canonical_json.parse_json(text)


# --- layers that share their tensors ------------------------------------------------------------------------------


THIN = {"m": "t.m", "s": "t.s", "lo": 0, "hi": 63}
GROUPS, RATES, WIDE = 16, 64, 4096


def of_many_nets(layers: list[Any], wide: int, more: dict[str, Any], last: int = 64) -> tuple[Any, Any]:
    """A model in which 31 nets are a conv to `wide` channels and then `layers`; its last index may reach `last`."""

    def conv(name: str) -> dict[str, Any]:
        return {"op": "conv", "w": f"{name}.w", "b": f"{name}.b", "stride": 1}

    def thin(**members: Any) -> dict[str, Any]:
        return {"op": "requant", **THIN, **members}

    def zeros(*shape: int) -> dict[str, Any]:
        return {"w": np.zeros((*shape, 1, 1), np.int16), "b": np.zeros(shape[0], np.int64)}

    symbols = {
        "kind": 7, "rates": RATES, "hyper": 1, "groups": [1] * GROUPS, "parity": 0, "order": "means-scales",
        "context": "ends", "z_input": THIN, "y_input": THIN, "anchor_heads": None,
        "hyper_net": [{"op": "deconv", "w": "up.w", "b": "up.b", "stride": 4}, thin()],
        "channel_nets": [None, *([conv("one" if k == 1 else "two"), *layers] for k in range(1, GROUPS))],
        "spatial_nets": [[conv("one"), *layers]] * GROUPS,
        "heads": [[conv("first"), thin()], *[[conv("other"), thin()]] * (GROUPS - 1)],
        "means": [THIN] * GROUPS, "scales": [*[THIN] * (GROUPS - 1), {**THIN, "hi": last}],
    }  # fmt: skip
    nets = {"one": zeros(wide, 1), "two": zeros(wide, 2), "first": zeros(2, wide + 1), "other": zeros(2, 2 * wide + 1)}
    arrays = {f"{name}.{part}": array for name, parts in nets.items() for part, array in parts.items()}
    arrays |= {
        "up.w": np.ones((1, 1, 5, 5), np.int16), "up.b": np.zeros(1, np.int64),
        "t.m": np.ones((1, 1), np.int16), "t.s": np.full((RATES, 1), 9, np.uint8),
        "z.offset": np.zeros((RATES, 1), np.int16), "z.size": np.ones((RATES, 1), np.int32),
        "z.freq": np.full(2 * RATES, 32768, np.uint16),
    }  # fmt: skip
    return symbols, arrays | more


def large_requants() -> tuple[list[Any], dict[str, Any]]:
    """Layers of one requant of a million bytes a tensor, which the largest m and the largest a together do not settle."""
    m, a = np.full((RATES, WIDE), 16384, np.int16), np.full((RATES, WIDE), 2**53 - 1 - 2**29, np.int64)
    m[0, 0], a[0, 0] = 32767, 0
    q = {"op": "requant", "m": "m", "s": "s", "a": "a", "lo": -32768, "hi": 32767}
    return [{"op": "requant", **THIN}, *[q] * 14], {"m": m, "a": a, "s": np.full((RATES, WIDE), 30, np.uint8)}


def test_requants_that_share_their_tensors(probe: Probe, tmp_path: Path) -> None:
    layers, more = large_requants()
    assert probe.refusal("package", folder_of(*of_many_nets(layers, WIDE, more), tmp_path)) == "SEM-E-804"
    assert probe.measure("package", folder_of(*of_many_nets(layers, WIDE, more, 63), tmp_path)).outcome == "ok"
    more["a"][5, 5] += 1
    assert probe.refusal("package", folder_of(*of_many_nets(layers, WIDE, more, 63), tmp_path)) == "SEM-E-804"


def test_requants_without_addends_that_share_their_shifts(probe: Probe, tmp_path: Path) -> None:
    layers, more = large_requants()
    bare = [{name: value for name, value in layer.items() if name != "a"} for layer in layers]
    del more["a"]
    assert probe.refusal("package", folder_of(*of_many_nets(bare, WIDE, more), tmp_path)) == "SEM-E-804"


def test_requants_of_small_tensors_for_many_rates_and_channels(probe: Probe, tmp_path: Path) -> None:
    more, layers = {"a": np.full((1, WIDE), 2**40, np.int64)}, []
    for i in range(14):
        more[f"m{i}"], more[f"s{i}"] = np.full((RATES, 1), 5, np.int16), np.full((1, WIDE), 30, np.uint8)
        layers.append({"op": "requant", "m": f"m{i}", "s": f"s{i}", "a": "a", "lo": 0, "hi": 9})
    assert probe.refusal("package", folder_of(*of_many_nets(layers, WIDE, more), tmp_path)) == "SEM-E-804"


@pytest.mark.parametrize(("kernel", "code"), [(1, "SEM-E-804"), (9, "SEM-E-607")])
def test_convolutions_that_share_their_weights(probe: Probe, tmp_path: Path, kernel: int, code: str) -> None:
    """What 217 layers ask for is beyond every level, though they share 42 MB; within the levels the bounds say no."""
    more: dict[str, Any] = {"W": np.zeros((512, 512, kernel, kernel), np.int16), "B": np.zeros(512, np.int64)}
    layers = [
        {"op": "requant", **THIN},
        *[{"op": "conv", "w": "W", "b": "B", "stride": 1}, {"op": "requant", **THIN}] * 7,
    ]
    assert probe.refusal("package", folder_of(*of_many_nets(layers, 512, more), tmp_path)) == code


def test_bias_beyond_every_sum(probe: Probe, tmp_path: Path) -> None:
    for bias in (-(2**63), 2**63 - 1, 2**37 + 1):
        symbols, arrays = of_many_nets([{"op": "requant", **THIN}], 4, {}, 63)
        arrays["one.b"][1] = bias
        assert probe.refusal("package", folder_of(symbols, arrays, tmp_path)) == "SEM-E-804"


def test_addends_beyond_every_product(probe: Probe, tmp_path: Path) -> None:
    for addend in (-(2**63), 2**63 - 1, 2**53):
        more = {"a": np.array([[addend]], np.int64)}
        layers = [{"op": "requant", **THIN, "a": "a"}]
        assert probe.refusal("package", folder_of(*of_many_nets(layers, 4, more, 63), tmp_path)) == "SEM-E-804"


# --- files that are no files, or do not stay what they are ---------------------------------------------------------

NAMES = ["manifest.json", "symbols.safetensors"]


def replace_by(how: str, path: Path) -> None:
    path.unlink()
    if how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    elif how == "zeros":
        path.symlink_to("/dev/zero")
    elif how == "loop":
        path.symlink_to(path.name)
    elif how == "nowhere":
        path.symlink_to("nowhere")
    elif how == "terabyte":
        path.touch()
        os.truncate(path, 1 << 40)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("how", "code"), [
    ("pipe", 801), ("folder", 801), ("zeros", 801), ("loop", 801), ("nowhere", 801), ("terabyte", 803),
])  # fmt: skip
def test_files_that_are_no_files(how: str, code: int, name: str, probe: Probe, tmp_path: Path) -> None:
    sound(tmp_path)
    replace_by(how, tmp_path / name)
    assert probe.refusal("package", tmp_path) == f"SEM-E-{code}"


def test_a_sparse_file_of_the_largest_size(probe: Probe, tmp_path: Path) -> None:
    sound(tmp_path)
    for content, size in ((b"", tensors.FILE_BYTES_MAX), (raw("{}", length=1 << 24), 1 << 27)):
        (tmp_path / "symbols.safetensors").write_bytes(content)
        os.truncate(tmp_path / "symbols.safetensors", size)
        assert probe.refusal("package", tmp_path) == "SEM-E-803"


def test_a_painter_of_another_digest_is_refused_before_it_is_parsed(probe: Probe, tmp_path: Path) -> None:
    sound(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["painter"] = {"file": "p.safetensors", "sha256": "0" * 64}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "p.safetensors").write_bytes(HEADERS["five million lists"]())
    os.truncate(tmp_path / "p.safetensors", 1 << 27)
    assert probe.refusal("painter", tmp_path) == "SEM-E-802"


def with_painter(folder: Path) -> tuple[dict[str, Any], bytes]:
    """A package with a painter of one tensor: its manifest, and the painter's bytes."""
    sound(folder)
    data = save({"a": np.arange(1000, dtype=np.float32)})
    (folder / "p.safetensors").write_bytes(data)
    return {"painter": {"file": "p.safetensors", "sha256": hashlib.sha256(data).hexdigest()}}, data


def test_a_file_that_changes_between_its_digest_and_its_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, data = with_painter(tmp_path)
    read, path = tensors.read_layout, tmp_path / "p.safetensors"

    def changing(change: Callable[[], Any]) -> None:
        def changed(file: Any) -> Any:
            places = read(file)
            change()
            return places

        path.write_bytes(data)
        monkeypatch.setattr(tensors, "read_layout", changed)

    changing(lambda: path.write_bytes(data[:-1] + b"\x01"))  # in place
    with pytest.raises(SemError) as caught:
        package.load_part(tmp_path, manifest, "painter")
    assert caught.value.code == 802
    changing(lambda: os.truncate(path, len(data) - 4))
    with pytest.raises(SemError) as caught:
        package.load_part(tmp_path, manifest, "painter")
    assert (caught.value.code, caught.value.what) == (803, "it has become shorter while it was read")
    (tmp_path / "other").write_bytes(data[:-1] + b"\x01")
    changing(lambda: os.replace(tmp_path / "other", path))  # by another file: the one that was opened is used
    assert package.load_part(tmp_path, manifest, "painter")[1]["a"].tolist() == list(range(1000))


def test_a_file_that_becomes_a_pipe_while_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes")
    os.mkfifo(tmp_path / "symbols.safetensors")
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    with pytest.raises(SemError) as caught, open_package_file(tmp_path / "symbols.safetensors", 9):
        pass
    assert caught.value.code == 801


# --- registries and sets ------------------------------------------------------------------------------------------


def row(bound: Any = (), **members: Any) -> dict[str, Any]:
    """A private row with these members, and these of its binding."""
    path = Path(canonical_json.__file__).parent / "registry" / "registry.json"
    shipped = next(row for row in json.loads(path.read_text())["profiles"] if row["name"] == "consonant")
    binding = shipped["binding"] | {"id": 250} | dict(bound)
    return {**shipped, "id": 250, "name": "private", "binding": binding, **members}


@pytest.mark.parametrize("member", ["id", "name", "binding"])
@pytest.mark.parametrize("name", MEMBERS)
def test_members_of_a_registry(name: str, member: str, probe: Probe, tmp_path: Path) -> None:
    text = json.dumps({"version": 1, "profiles": [row(**{member: "@"})]}).replace('"@"', MEMBERS[name]())
    (tmp_path / "rows.json").write_text(text)
    if name.startswith("a text") and member == "name":
        return  # valid, however long
    assert probe.refusal("registry", tmp_path / "rows.json") == "SEM-E-101"


@pytest.mark.parametrize("member", ["kinds", "fit", "parameters", "model", "method", "unknown"])
@pytest.mark.parametrize(
    "name", ["a number of 12 million digits", "five million lists", "900 brackets", "a text of 12 MB"]
)
def test_members_of_a_binding(name: str, member: str, probe: Probe, tmp_path: Path) -> None:
    text = json.dumps({"version": 1, "profiles": [row(bound={member: "@"})]}).replace('"@"', MEMBERS[name]())
    (tmp_path / "rows.json").write_text(text)
    allowed = ("SEM-E-101", "ok") if member == "unknown" else ("SEM-E-101",)
    assert probe.refusal("registry", tmp_path / "rows.json") in allowed


@pytest.mark.parametrize("how", ["folder", "zeros", "loop", "nowhere", "terabyte"])
def test_registries_that_are_no_files(how: str, probe: Probe, tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text("{}")
    replace_by(how, tmp_path / "rows.json")
    assert probe.refusal("registry", tmp_path / "rows.json") == "SEM-E-101"


@pytest.mark.parametrize("name", [name for name in HEADERS if "length" not in name][::5])
def test_any_json_as_a_set_of_models(name: str, probe: Probe, tmp_path: Path) -> None:
    text = HEADERS[name]()[8 : 8 + (1 << 20)]
    (tmp_path / "models.json").write_bytes(b'{"format": "sem-models", "format_version": 1, "roles": ' + text + b"}")
    assert probe.refusal("set", tmp_path) == "SEM-E-803"


# --- anything else -------------------------------------------------------------------------------------------------

NUMBERS = st.sampled_from(
    ["0", "-1", "1.0", "true", "null", "9" * 4300, "9" * 5000, str(2**31), str(2**63), "1e999", "1e5"]
)
REPEATED = st.builds(
    lambda item, n: "[" + ",".join([item] * n) + "]", NUMBERS, st.sampled_from([0, 1, 2, 33, 1000, 300_000])
)
NESTED = st.builds(
    lambda n, left: left * n, st.sampled_from([1, 500, 2000, 100_000]), st.sampled_from(["[", '{"a":', "[["])
)
TEXTS = st.builds(
    lambda c, n: f'"{c * n}"', st.sampled_from(["a", "\\n", "é", "\\ud800", ","]), st.sampled_from([1, 100, 1_000_000])
)
ANYTHING = NUMBERS | REPEATED | NESTED | TEXTS | st.just("{}") | st.just('["I16"]')


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*at, key)
            yield from places(value[key], (*at, key))


def planted(document: Any, at: tuple[Any, ...], text: str) -> str:
    """The JSON of a document in which this text stands at a place."""
    inner = document
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = "@"
    return json.dumps(document).replace('"@"', text)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_anything_anywhere(data: st.DataObject, probe: Probe, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "anything"
    folder.mkdir(exist_ok=True)
    sound(folder)
    text = data.draw(ANYTHING)
    if data.draw(st.booleans()):
        manifest = json.loads((folder / "manifest.json").read_text())
        at = data.draw(st.sampled_from(list(places(manifest))))
        (folder / "manifest.json").write_text(planted(manifest, at, text))
    else:
        whole = (folder / "symbols.safetensors").read_bytes()
        begin = 8 + int.from_bytes(whole[:8], "little")
        header = json.loads(whole[8:begin])
        at = data.draw(st.sampled_from(list(places(header))))
        (folder / "symbols.safetensors").write_bytes(raw(planted(header, at, text), whole[begin:]))
    assert probe.refusal("package", folder) in ("ok", "SEM-E-705", "SEM-E-802", "SEM-E-803", "SEM-E-804")
