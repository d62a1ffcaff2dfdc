# SPDX-License-Identifier: MIT
"""What the decoders of this repository did not agree on when `conformance/differ.py` was put to them first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tools.vectors import mini
from tools.vectors.recipes_caption_faults import _zstd as zstd
from tools.vectors.recipes_codes import _codes as codes
from tools.vectors.recipes_consonant import body
from tools.vectors.recipes_model import PROBE, PROBES, Bad, body_of
from tools.vectors.recipes_model import _tensor as tensor
from tools.vectors.vector import Fault, explicit

CAT: Final = "4120636174206f6e2061206d61742e"  # A cat on a mat.

CAPTION: Final = (
    zstd("window-declared", "a window of 2^24 bytes, and a size that shows that it is not needed", "80700f0000007900" + "00" + CAT),
    zstd("window-next", "a window of 2^23 + 2^20 bytes, the next one", "80690f0000007900" + "00" + CAT),
    Fault("caption-zstd-block-type-bomb", "caption-zstd-unchecked", 401, (150, 177, 178),
          "a block of the kind that there is not, in a frame that declares too much: it has no length, and blocks are counted first",
          body(bytes.fromhex("faa0010001000f000061")), "S"),
    Fault("caption-zstd-bomb-declared-less", "caption-zstd-unchecked", 604, (141, 150, 172, 179),
          "65536 octets declared, and 131072 in one block: the block is judged before the number that was declared",
          body(bytes.fromhex("fa406800ff03001078")), "S"),
)  # fmt: skip


CLIP: Final = (
    codes(
        "clip-spelt",
        (111, 190),
        "a model whose files are spelt as no writer would, and have members that nobody has to know",
        (3, 2, 1, 0, 3, 2, 1, 0),
        202,
        check=16,
        model="clip-spelt",
        hash_bytes=8,
    ),
)


def headed(change: Callable[[dict[str, Any], bytes], bytes]) -> Callable[[bytes], bytes]:
    """symbols.safetensors with another header; `change` gives the data that stands behind it."""

    def blob(file: bytes) -> bytes:
        begin = 8 + int.from_bytes(file[:8], "little")
        header = json.loads(file[8:begin])
        data = change(header, file[begin:])
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + data

    return blob


def gap(header: dict[str, Any], data: bytes) -> bytes:
    for said in header.values():
        said["data_offsets"] = [offset + 8 for offset in said["data_offsets"]]
    return bytes(8) + data


def overlap(header: dict[str, Any], data: bytes) -> bytes:
    """`s30` lies on `s28`, which has the same byte."""
    begin, end = header["s30"]["data_offsets"]
    header["s30"]["data_offsets"] = header["s28"]["data_offsets"]
    for said in header.values():
        if said["data_offsets"][0] >= end:
            said["data_offsets"] = [offset - (end - begin) for offset in said["data_offsets"]]
    return data[:begin] + data[end:]


def spelt(header: dict[str, Any], data: bytes) -> bytes:
    header["sign"]["shape"] = [8.0]
    return data


@dataclass(frozen=True)
class Number(Bad):
    """A package whose `symbols` are the number 3, and a file that names their digest."""

    def files(self) -> dict[str, bytes]:
        head = explicit(PROBES[self.base].profile) + hashlib.sha256(b"3").digest()[: PROBE.hash_bytes]
        manifest = mini.frame(self.id, f"A fault: {self.note}.") | {"symbols": 3}
        text = (json.dumps(manifest, indent=1) + "\n").encode()
        return super().files() | {"manifest.json": text, "probe.sem": head + b"\x04" + body_of(self.base)}


BAD: Final = (
    Bad("tensors-trailing", 803, (111,), "a byte behind the last tensor", blob=lambda data: data + b"\0"),
    Bad("tensors-gap", 803, (111,), "eight bytes before the first tensor that belong to none", blob=headed(gap)),
    Bad(
        "tensors-overlap",
        803,
        (111,),
        "two tensors of the same bytes that lie on one another",
        tensor("s30", [[28]]),
        blob=headed(overlap),
    ),
    Bad(
        "clip-tiny-shape-spelt",
        803,
        (111,),
        "a shape of 8.0 in the file of tensors, whose numbers are integers",
        blob=headed(spelt),
        base="clip-tiny",
    ),
    Bad(
        "format-version-missing",
        705,
        (116,),
        "no `format_version`",
        text=lambda data: data.replace(b' "format_version": 1,\n', b""),
    ),
    Number(
        "symbols-as-number", 801, (114,), "`symbols` are a number, so that the package has no digest", base="clip-tiny"
    ),
)
