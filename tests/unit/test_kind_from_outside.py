# SPDX-License-Identifier: MIT
"""A payload kind that the library does not have, given to it by its descriptor alone: files of it are written, read,
inspected, held to limits, decoded and exported."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save
from strategies import CAPTION, private_row

import refcodec
from refcodec import entropy, spec
from refcodec.assemble import CodedPayload, FileTemplate, header_of
from refcodec.container.limits import symbol_count
from refcodec.decoder import decode_file
from refcodec.editing import strip, type_named
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.export import artifacts
from refcodec.networks.package import FORMAT, FORMAT_VERSION, symbol_digest
from refcodec.networks.tensors import declare
from refcodec.payloads.base import Kind, SymbolOption, TableForm, is_integer
from refcodec.payloads.caption.modes import Caption
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.exports import Artifact, ExportContext, image_bytes
from refcodec.payloads.kinds import KINDS, symbol_options
from refcodec.registry import Registry

ID = 0x3E  # SPEC §16 has yet to give it
PLAIN, SHARED, WITH_CAPTION = 230, 231, 232  # rows

# --- the kind: a mosaic of coloured tiles ------------------------------------------------------------------------


@dataclass(frozen=True)
class Mosaic:
    """Red, green and blue, each 0 … 255, of the tiles in raster order."""

    colours: tuple[int, ...]
    canonical = True

    @property
    def shape(self) -> list[list[int]]:
        return [[len(self.colours)]]

    def serialise(self) -> bytes:
        return bytes(self.colours)

    def to_json(self) -> list[int]:
        return list(self.colours)

    def arrays(self) -> NDArray[np.uint8]:
        return np.array(self.colours, np.uint8)


def well_formed(parameters: dict[str, Any]) -> bool:
    named = set(parameters) == {"side", "shares"} and type(parameters["shares"]) is bool
    return named and is_integer(parameters["side"], 1, 64)


def grid(parameters: Mapping[str, Any], width: int, height: int) -> tuple[int, int]:
    side = int(parameters["side"])
    return -(-height // side), -(-width // side)


def count_of(parameters: Mapping[str, Any], width: int, height: int) -> int:
    rows, columns = grid(parameters, width, height)
    return 3 * rows * columns


def walk(coder: entropy.Coder, context: CodingContext, colours: Sequence[int] | None = None) -> Mosaic:
    table = entropy.uniform(256) if context.model is None else entropy.cumulative(context.model.table)
    count = count_of(context.parameters, *context.size)
    return Mosaic(tuple(coder.symbol(table, None if colours is None else colours[i]) for i in range(count)))


def decode(body: bytes, context: CodingContext) -> Mosaic:
    coder = entropy.Decoder(body)
    value = walk(coder, context)
    coder.finish()
    return value


def encode(value: Mosaic, context: CodingContext) -> bytes:
    coder = entropy.Encoder()
    walk(coder, context, value.colours)
    return coder.finish()


def check_shares(members: Mapping[str, int], tensor: NDArray[Any]) -> None:
    if tensor.shape != (members["colours"],) or not (tensor >= 1).all():
        raise SemError(Code.MODEL_MALFORMED, "not a share of each level", path="shares")


def export(value: Mosaic, context: ExportContext) -> Artifact:
    tiles = value.arrays().reshape(*grid(context.parameters, *context.size), 3)
    return Artifact("mosaic", (".png",), lambda suffix: image_bytes(tiles, suffix))


MOSAIC = Kind(
    id=ID,
    name="mosaic",
    well_formed=well_formed,
    decode=decode,
    encode=encode,
    export=export,
    symbol_count=count_of,
    uses_model=lambda parameters: bool(parameters["shares"]),
    table=TableForm({"colours": 256}, "shares", "U16", check_shares),
    option=SymbolOption("mosaic", "F.npy", "Colours of tiles.", "array"),
    inputs=frozenset({"mosaic"}),
    model_inputs=frozenset({"mosaic"}),
)

# --- rows, a model and an environment of it ----------------------------------------------------------------------

SHARES = np.array([65536 - 255 * 8, *[8] * 255], np.uint16)  # level 0 is common
TENSORS = {"shares": SHARES}
SYMBOLS = {"kind": ID, "colours": 256, "tensors": declare(TENSORS)}


def rows(side: int = 16) -> bytes:
    """A registry document: mosaics alone, with a model, and beside a caption; tiles of side × side pixels."""
    plain, shared = {"side": side, "shares": False}, {"side": side, "shares": True}
    profiles = [
        private_row(PLAIN, compact=ID, kinds=[ID], parameters={str(ID): plain}, model=None),
        private_row(SHARED, compact=ID, kinds=[ID], parameters={str(ID): shared}, model=symbol_digest(SYMBOLS)),
        private_row(WITH_CAPTION, compact=ID, kinds=[2, ID], parameters={"2": CAPTION, str(ID): plain}, model=None),
    ]
    return json.dumps({"version": 1, "profiles": profiles}).encode()


def environment(kind: Kind = MOSAIC, side: int = 16, folders: tuple[Path, ...] = ()) -> Environment:
    registry = Registry.shipped(KINDS.extended_by(kind)).extended_by(rows(side))
    return Environment(registry, package_folders=folders)


def mosaic_file(
    profile: int, size: tuple[int, int], here: Environment, *, caption: str | None = None
) -> tuple[bytes, Mosaic]:
    """A file of arbitrary colours, and them."""
    row = here.registry.get(profile)
    value = Mosaic(tuple(i * 37 % 256 for i in range(count_of(row.parameters(ID), *size))))
    context = CodingContext(row.parameters(ID), size, model=model_of(here) if profile == SHARED else None)
    payloads = [CodedPayload(ID, MOSAIC.encode(value, context), value)]
    if caption is not None:
        payloads.append(CodedPayload(spec.CAPTION, b"\xf8" + caption.encode(), Caption(caption, None, "raw")))
    return FileTemplate(header_of(row, size, 16, None), None, {}).write(payloads), value


def model_of(here: Environment) -> Any:
    from refcodec.networks import package_cache

    return package_cache.table_model(here.locate_package(symbol_digest(SYMBOLS)), None, here.kinds)


def code_of(call: Any) -> int:
    with pytest.raises(SemError) as caught:
        call()
    return int(caught.value.code)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The folder of the model."""
    (tmp_path / "symbols.safetensors").write_bytes(save(TENSORS))
    manifest = {"format": FORMAT, "format_version": FORMAT_VERSION, "name": "shares", "symbols": SYMBOLS}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


# --- what the library makes of it --------------------------------------------------------------------------------


def test_a_file_is_written_and_read() -> None:
    here = environment()
    data, _ = mosaic_file(PLAIN, (40, 20), here)
    container = refcodec.read(data, environment=here)
    assert (container.sections[0].type, container.header.sectioned) == (spec.CRITICAL | ID, False)
    assert refcodec.write(container) == data
    assert code_of(lambda: refcodec.read(data, environment=Environment())) == Code.UNSUPPORTED_PROFILE


def test_it_stands_beside_other_kinds_and_is_edited() -> None:
    here = environment()
    data, value = mosaic_file(WITH_CAPTION, (40, 20), here, caption="tiles")
    container = refcodec.read(data, environment=here)
    assert [section.type for section in container.sections] == [0x82, 0x80 | ID]
    assert refcodec.write(container) == data
    assert [section.kind for section in refcodec.payload(data, environment=here).sections] == ["caption", "mosaic"]
    alone = strip(container, {spec.CRITICAL | spec.CAPTION}).data
    assert decode_file(alone, environment=here).value(ID) == value
    assert type_named("mosaic", here.kinds) == spec.CRITICAL | ID


def test_a_section_of_it_is_known_by_the_environment_alone() -> None:
    """SEM-R-043 where the kind is not known, SEM-R-042 where it is and the row has none of it."""
    whole = refcodec.encode(caption="a", size=(64, 64), method="pics", provenance=True)
    at = whole.index(b"\x82", 8)
    other = whole[:at] + bytes([spec.CRITICAL | ID]) + whole[at + 1 :]
    assert code_of(lambda: refcodec.read(other)) == Code.UNSUPPORTED_SECTION
    assert code_of(lambda: refcodec.read(other, environment=environment())) == Code.SECTION_KIND


def test_it_is_inspected() -> None:
    here = environment()
    data, _ = mosaic_file(WITH_CAPTION, (40, 20), here, caption="tiles")
    seen = refcodec.inspect(data, environment=here)
    assert [section.kind for section in seen.sections] == ["caption", "mosaic"]
    assert not seen.errors


def test_its_symbols_are_decoded_and_checked() -> None:
    here = environment()
    data, value = mosaic_file(PLAIN, (40, 20), here)
    symbols = decode_file(data, environment=here)
    assert (symbols.value(ID), symbols.state) == (value, "ok")
    (section,) = refcodec.payload(data, environment=here).sections
    assert (section.kind, section.shape, section.value) == ("mosaic", [[18]], list(value.colours))
    damaged = data[:-1] + bytes([data[-1] ^ 1])
    assert code_of(lambda: decode_file(damaged, environment=here)) in (402, 501)


def test_limits_hold_before_the_body_is_opened() -> None:
    def never(_body: bytes, _context: CodingContext) -> Mosaic:
        raise AssertionError("the body was opened")

    here = environment(Kind(**vars(MOSAIC) | {"decode": never}), side=1)
    row, width, height = here.registry.get(PLAIN), 4096, 8192
    assert symbol_count(row, ID, width, height) == 3 * 2**25 > spec.LEVELS[1][4]
    header = header_of(row, (width, height), 0, None)
    payloads = [CodedPayload(ID, b"\1", Mosaic(()))]
    assert code_of(lambda: FileTemplate(header, None, {}).write(payloads)) == Code.LIMIT_SYMBOLS
    data = FileTemplate(header, None, {}, level=2).write(payloads)
    assert code_of(lambda: refcodec.payload(data, environment=here)) == Code.LIMIT_SYMBOLS
    assert [error.code for error in refcodec.inspect(data, environment=here).errors] == [Code.LIMIT_SYMBOLS]
    assert not refcodec.inspect(data, environment=here, level=2).errors


def test_it_is_exported() -> None:
    here = environment()
    data, value = mosaic_file(WITH_CAPTION, (40, 20), here, caption="tiles")
    found = artifacts(decode_file(data, environment=here))
    assert [(name, artifact.what) for name, artifact in found.items()] == [("caption", "caption"), ("mosaic", "mosaic")]
    with Image.open(io.BytesIO(found["mosaic"].make(".png"))) as image:
        assert image.size == (3, 2)
        assert tuple(image.tobytes()) == value.colours


def test_its_model_is_found_held_to_its_form_and_used(package: Path) -> None:
    here = environment(folders=(package,))
    data, value = mosaic_file(SHARED, (40, 20), here)
    symbols = decode_file(data, environment=here)
    assert (symbols.value(ID), symbols.folder) == (value, package)
    assert refcodec.inspect(data, environment=here).model.available
    assert code_of(lambda: decode_file(data, environment=environment())) == Code.MODEL_UNAVAILABLE
    broken = Kind(**vars(MOSAIC) | {"table": TableForm({"colours": 255}, "shares", "U16", check_shares)})
    assert code_of(lambda: decode_file(data, environment=environment(broken, folders=(package,)))) == 803


def test_rows_are_held_to_its_parameters() -> None:
    assert code_of(lambda: environment(side=65)) == Code.CANNOT_READ
    assert code_of(lambda: Registry.shipped().extended_by(rows())) == Code.CANNOT_READ


def test_its_option_is_listed_behind_the_others() -> None:
    names = [option.name for option in symbol_options(KINDS.extended_by(MOSAIC))]
    assert names == ["text", "caption", "vector", "codes", "indices", "sketch", "mosaic"]
