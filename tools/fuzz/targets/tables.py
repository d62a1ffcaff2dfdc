# SPDX-License-Identifier: MIT
"""Frequency tables: the parsers of gaussian.bin, of the tables of z, and of the tables of texts, on any numbers.

The first byte of an input chooses the parser. Parsers of normative files see only bytes of the right digest outside of
this target; here they must end in ValueError or in tables that code and decode.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random

import numpy as np

from diff_fuzz.packages import read as read_package
from refcodec import entropy
from refcodec.entropy.tables import GAUSSIANS
from refcodec.errors import SemError
from refcodec.networks.package import build_model, declare, load_tensors
from refcodec.networks.symbol_model import SymbolModel
from refcodec.payloads import consonant
from refcodec.payloads.latents import z_tables
from tools.fuzz.mutators import plain
from tools.fuzz.target import MODELS, ROOT, Target, refusal, require

MODEL = "elic-mini"


@lru_cache(maxsize=1)
def _model() -> tuple[dict[str, object], dict[str, np.ndarray]]:  # type: ignore[type-arg]
    folder = MODELS / MODEL
    return read_package(folder).symbols, load_tensors(folder / "symbols.safetensors")


def seeds() -> list[bytes]:
    """Return tables in the form of each parser."""
    data = ROOT / "refcodec"
    gaussians = (data / "entropy/data/gaussian.bin").read_bytes()
    texts = (data / "payloads/data/consonant.bin").read_bytes()
    _, tensors = _model()
    z = b"".join(tensors[f"z.{name}"].tobytes() for name in ("offset", "size", "freq"))
    return [b"\0" + gaussians[:4096], b"\0" + gaussians[:64], b"\1" + z, b"\2" + texts[:17], b"\2" + texts[17:34]]


def _code(bank: entropy.TableBank) -> None:
    """Require that the first, the last and an escaped value of some tables can be coded."""
    for index in range(0, len(bank), max(1, len(bank) // 3)):
        low = bank.offsets[index]
        values = [low, low + len(bank.tables[index]) - 3, 32767 if low < 0 else -32767]
        encoder = entropy.Encoder()
        numbers = np.array(values, np.int32)
        where = np.full(len(values), index, np.int32)
        encoder.array(bank, where, numbers)
        decoder = entropy.Decoder(encoder.finish())
        require(decoder.array(bank, where).tolist() == values, "a table does not decode what it coded")
        decoder.finish()


def run(data: bytes) -> str:
    """Parse tables, and code with them."""
    kind, data = data[:1], data[1:]
    try:
        if kind == b"\1":
            return _z(data)
        if kind == b"\2":
            table = consonant.Tables(data.ljust(17, b"\0")).after(0)
            require(len(table) == 18 and table[-1] <= 65536, "a table of consonants has 17 symbols")
            return "accepted, consonants"
        bank = GAUSSIANS.parse(data[: len(data) // 2 * 2])
    except ValueError:
        return "ValueError"
    except SemError as error:
        return refusal(error)
    _code(bank)
    return "accepted, gaussians"


def _z(data: bytes) -> str:
    """Build a model whose tables of z are these bytes."""
    symbols, tensors = _model()
    shape = tensors["z.offset"].shape
    count = tensors["z.offset"].size
    head = data.ljust(6 * count, b"\0")
    changed = tensors | {
        "z.offset": np.frombuffer(head[: 2 * count], "<i2").reshape(shape).copy(),
        "z.size": np.frombuffer(head[2 * count : 6 * count], "<i4").reshape(shape).copy(),
        "z.freq": np.frombuffer(data[6 * count :][: (len(head) - 6 * count) // 2 * 2], "<u2").copy(),
    }
    model = build_model(symbols | {"tensors": declare(changed)}, changed)
    require(isinstance(model, SymbolModel), "a model of networks stays one")
    if isinstance(model, SymbolModel):
        _code(z_tables(model))
    return "accepted, z"


def mutate(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return other tables; half of the changes move frequency from one symbol to another, so that sums stay."""
    if rng.random() < 0.5 or len(data) < 12:
        return plain.mutate(rng, data, others)
    numbers = np.frombuffer(data[1 : 1 + (len(data) - 1) // 2 * 2], "<u2").astype(np.int64)
    for _ in range(rng.choice((1, 2, 8))):
        a, b = rng.randrange(len(numbers)), rng.randrange(len(numbers))
        moved = min(int(numbers[a]), rng.choice((1, 1, 2, int(numbers[a]))))
        numbers[a] -= moved
        numbers[b] = (numbers[b] + moved) & 0xFFFF
    return data[:1] + numbers.astype("<u2").tobytes()


TARGET = Target("tables", seeds, run, mutate, max_bytes=4097)
