# SPDX-License-Identifier: MIT
"""Write files of payload kinds that are drafts (`drafts/README.md`), for which there is no method yet.

    environment = Environment().with_drafts("drafts/vectors/registry.json")
    data = encode({49: Tokens((7, 8, 9))}, "draft-tokens", (256, 256), environment)

Every other function of the library reads them, with such an environment or SEM_DRAFTS=1.
"""

from __future__ import annotations

from collections.abc import Mapping

from refcodec.assemble import CodedPayload, FileTemplate, check_size, header_of
from refcodec.container.limits import level_bounds
from refcodec.environment import Environment
from refcodec.networks import package_cache
from refcodec.payloads import Value
from refcodec.payloads.base import Kind
from refcodec.payloads.coding import CodingContext
from refcodec.registry import Profile


def encode(
    values: Mapping[int, Value],
    profile: int | str,
    size: tuple[int, int],
    environment: Environment,
    *,
    check: int = 16,
    ancillary: Mapping[int, bytes] | None = None,
    level: int = 1,
) -> bytes:
    """Return the file of the symbols of each kind for a picture of size (width, height).

    profile: id or name of a private row. check: bits, 0, 16 or 32. ancillary: bodies of other sections by type.

    Raises ValueError for symbols that the row cannot code, UnsupportedError for an unknown row, LimitError for one
    beyond the level, ModelError for a model that is missing.
    """
    rows = environment.registry
    row = rows.get(profile) if isinstance(profile, int) else rows.by_name(profile)
    size = check_size(size, level)
    payloads = []
    for number, value in sorted(values.items()):
        if number not in row.kinds:
            raise ValueError(f"profile {row.name} has no payload of kind {number}")
        kind = row.kind(number)
        body = kind.encode(value, coding_context(row, kind, size, environment, level))
        payloads.append(CodedPayload(number, body, value))
    return FileTemplate(header_of(row, size, check), None, ancillary or {}, level).write(payloads)


def coding_context(
    row: Profile, kind: Kind, size: tuple[int, int], environment: Environment, level: int = 1
) -> CodingContext:
    """Return what a payload of a row is coded with, its model included. Raises ModelError if it cannot be loaded."""
    context = CodingContext(row.parameters(kind.id), size, level_bounds(level).text_bytes, environment.tables)
    if not kind.needs_model(context.parameters):
        return context
    folder = environment.locate_package(row.model or "")
    return package_cache.with_model(context, kind, (folder, package_cache.model_digest(folder)), environment.kinds)
