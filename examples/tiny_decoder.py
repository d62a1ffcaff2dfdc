# SPDX-License-Identifier: MIT
# %% [markdown]
# # Write a tiny decoder
#
# The format is made to be implemented. Here a decoder of one kind of payload is written from SPEC.md, section by section, in
# about eighty lines that use nothing but Python's standard library: header (§4), range coder (§9), consonant text (§13.1)
# and check (§7). At the end it reads a real file and agrees with the reference codec.
#
# From it a decoder of everything grows a section at a time; `conformance/decoders/micro/semmicro.py` is one, and the vectors
# in `test_vectors/` show whether yours is right (docs/implementing.md).

# %%
import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import refcodec  # only for the data files of the format, and to compare with in the end

REGISTRY = json.loads(files("refcodec.registry").joinpath("registry.json").read_text("utf-8"))
ROWS = {row["id"]: row["binding"] for row in REGISTRY["profiles"]}
DIMS = json.loads(files("refcodec.registry").joinpath("dims.json").read_text("utf-8"))["classes"]
SIZES = {entry["class"]: (entry["width"], entry["height"]) for entry in DIMS}
CONSONANT_BIN = files("refcodec.payloads.data").joinpath("consonant.bin").read_bytes()
assert hashlib.sha256(CONSONANT_BIN).hexdigest().startswith("872e62782d59c015")  # the table of SPEC §13.1

# %% [markdown]
# ## The header, §4
#
# Two bytes of magic; a byte with version, check code and form; the profile; the size, as a class of Appendix A or as two
# varints; the check. This decoder reads the compact form: one payload, whose body ends where the file ends.


# %%
class Unsupported(Exception):
    """Something that this decoder leaves out."""


class Invalid(Exception):
    """The file breaks a rule of SPEC.md."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number and the offset behind it (SPEC §2)."""
    n = data[at] % 128
    while data[at] >= 128:
        at += 1
        n = (n + 1) * 128 + data[at] % 128
    return n, at + 1


def header(data: bytes) -> tuple[dict[str, Any], tuple[int, int], bytes, bytes, bytes]:
    """Return the binding of the row, width and height, the header's bytes that the check covers, the check, and the body."""
    if data[:2] != b"\xf5\x9e":
        raise Invalid("magic, SEM-R-010")
    version, check_code, sectioned, reserved = data[2] >> 5, data[2] >> 2 & 7, data[2] >> 1 & 1, data[2] & 1
    if version != 1 or sectioned or data[3] not in ROWS:
        raise Unsupported(f"version {version}, sectioned {sectioned}, profile {data[3]}")
    if check_code not in (0, 3, 5) or reserved:
        raise Invalid("descriptor, SEM-R-012 and SEM-R-013")
    size, at = SIZES.get(data[4]), 5
    if data[4] == 0:
        width, at = varint(data, at)
        height, at = varint(data, at)
        size = width + 1, height + 1
    if size is None:
        raise Invalid("dim class, SEM-R-018")
    end = at + {0: 0, 3: 2, 5: 4}[check_code]
    return ROWS[data[3]], size, data[:at], data[at:end], data[end:]


# %% [markdown]
# ## The range decoder, §9
#
# `code` is where in the current interval the file points; each symbol narrows the interval in proportion to its frequency.
# Python's integers have any size; elsewhere 64 bits are enough.


# %%
class RangeDecoder:
    """Symbols of a body, the first written first."""

    def __init__(self, body: bytes) -> None:
        self.body, self.at, self.range = body, 4, 2**32 - 1
        self.code = int.from_bytes(body[:4].ljust(4, b"\0"), "big")  # missing bytes are 0
        if self.code >= self.range:
            raise Invalid("SEM-R-080")

    def symbol(self, frequencies: bytes) -> int:
        """Return the index of the next symbol, by its table."""
        total, c, index = sum(frequencies), 0, 0
        while (b := self.range * (c + frequencies[index]) // total) <= self.code:
            c, index = c + frequencies[index], index + 1
        a = self.range * c // total
        self.code, self.range = self.code - a, b - a
        while self.range < 2**24:
            following = self.body[self.at] if self.at < len(self.body) else 0
            self.code, self.range, self.at = self.code * 256 + following, self.range * 256, self.at + 1
        return index


# %% [markdown]
# ## Consonant text, §13.1
#
# Sixteen letters. In the fixed code each takes four bits; in the coded one the table depends on the three letters before.


# %%
LETTERS = " ntsrhldcmfgpbkv"


def consonants(body: bytes, coded: bool) -> bytes:
    """Return the codes of a text, 0 to 15 each."""
    if not coded:
        if body.endswith(b"\0"):
            raise Invalid("SEM-R-161")
        halves = bytes(half for byte in body for half in (byte >> 4, byte & 15))
        return halves[:-1] if halves.endswith(b"\0") else halves
    decoder, codes = RangeDecoder(body), bytearray(3)  # a = b = c = 0
    while len(codes) <= 3 + 4096:
        a, b, c = codes[-3:]
        at = 17 * (256 * a + 16 * b + c)
        symbol = decoder.symbol(CONSONANT_BIN[at : at + 17])
        if symbol == 0:  # END
            if codes[3:].endswith(b"\0"):
                raise Invalid("SEM-R-162")
            return bytes(codes[3:])
        codes.append(symbol - 1)
    raise Unsupported("a text of more than 4096 letters")


# %% [markdown]
# ## The check, §7, and all of it together
#
# The check is keyed with the registry row, and covers the header and the symbols, not the bytes of the body: it would also
# find out a decoder that has gone wrong on the way.


# %%
def decode(data: bytes) -> tuple[str, tuple[int, int]]:
    """Return the consonants of a file, and width and height of its picture."""
    binding, size, head, check, body = header(data)
    if binding["compact"] != 1:
        raise Unsupported(f"payload kind {binding['compact']}")
    codes = consonants(body, coded=binding["parameters"]["1"]["code"] == "coded")
    canonical = json.dumps(binding, sort_keys=True, separators=(",", ":")).encode()
    key = hashlib.sha256(canonical).digest()
    if hashlib.sha256(key + head + b"\x81" + codes).digest()[: len(check)] != check:
        raise Invalid("check, SEM-R-060")
    return "".join(LETTERS[code] for code in codes), size


# %% [markdown]
# Does it agree? With the reference codec, on both codes, with a size that has a class and one that has none; and does a
# flipped bit show?

# %%
for profile in ("consonant", "consonant-coded"):
    for size in ((1024, 1024), (1000, 333)):
        data = refcodec.encode(text="old stone bridge over a river", size=size, profile=profile)
        text, decoded_size = decode(data)
        assert text == refcodec.symbols(data)["consonant"]
        assert decoded_size == size
        print(f"{profile:16}{len(data):3} bytes {size[0]}x{size[1]}  {text}")
Path("bridge.sem").write_bytes(data)

# %%
flipped = bytes([*data[:-1], data[-1] ^ 0x10])
try:
    decode(flipped)
except Invalid as error:
    print("a flipped bit is found:", error)

# %% [markdown]
# Left out: the sectioned form (§6), limits (§15), that a size which has a class must use it (SEM-R-019), the proof that a stream is canonical (§8), and six kinds of payload. A file
# cut off inside its header raises IndexError here, where a real decoder names SEM-E-202.
