# SPDX-License-Identifier: MIT
"""Predict the memory of a process that decodes a file, from the sizes in its header and its model. No payload is decoded.

`python -m tools.bench.base --large` compares the prediction with what `semtool decode` and `semtool verify` take.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Final

from refcodec.container import Container, Section
from refcodec.container.limits import level_bounds
from refcodec.decoder import check_work, model_of
from refcodec.environment import Environment
from refcodec.payloads.coding import CodingContext

if TYPE_CHECKING:
    from refcodec.payloads.base import Kind

PROCESS: Final = 40 << 20  # bytes of a process of `semtool` with numpy and an embedded model
WRITING: Final = 8  # bytes for each pixel of a picture that is written: its RGB, Pillow's copy in four bytes, the file
VALUE: Final = 2  # bytes for each symbol that is kept: int16
LEFT: Final = 0.15  # of the memory of decoding the symbols that is not free when the picture is made


@dataclass(frozen=True)
class DecodeMemory:
    """Predicted bytes of a process. symbols: decoded and verified. picture: decoded and written, None if unknown."""

    symbols: int
    picture: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the member "memory" of `semtool inspect --memory --json`."""
        return asdict(self)


def predict(container: Container, environment: Environment, level: int = 1) -> DecodeMemory:
    """Return the memory that decoding a file takes. The picture's is unknown where a foundation model generates it.

    Raises ModelError for a model that is missing or malformed.
    """
    size = (container.header.width, container.header.height)
    critical = [section for section in container.sections if section.critical]
    contexts = [_context(container, section, environment, level) for section in critical]
    symbols = max((kind.memory(context) for kind, context in contexts), default=0)
    values = sum(VALUE * (kind.symbol_count(context.parameters, *size) or 0) for kind, context in contexts)
    synthesis = _synthesis(container, environment)
    picture = None
    if synthesis is not None:
        left = int(LEFT * symbols)
        picture = PROCESS + max(symbols, left + values + synthesis, left + WRITING * prod(size))
    return DecodeMemory(PROCESS + symbols, picture)


def _context(
    container: Container, section: Section, environment: Environment, level: int
) -> tuple[Kind, CodingContext]:
    """Return the kind of a payload, and what it is decoded with."""
    profile, size = container.profile, (container.header.width, container.header.height)
    kind = profile.kind(section.number)
    parameters = profile.parameters(kind.id)
    context = CodingContext(parameters, size, level_bounds(level).text_bytes, environment.tables)
    if kind.networks and kind.needs_model(parameters):
        from refcodec.networks import package_cache

        model = model_of(container, environment)
        check_work(container, model[0], level)
        context = package_cache.with_model(context, kind, model, environment.kinds)
    return kind, context


def _synthesis(container: Container, environment: Environment) -> int | None:
    """Return the bytes that the synthesis network of a file takes, the picture included; None if it has none."""
    from refcodec.methods.network_memory import network_bytes
    from refcodec.networks import package_cache

    header = container.header
    digest = header.named_digest
    if container.profile.method_name not in package_cache.EMBEDDED or digest is None:
        return None
    folder = environment.find_package(digest)
    return None if folder is None else network_bytes(folder, "painter", (header.width, header.height))
