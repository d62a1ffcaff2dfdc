# SPDX-License-Identifier: MIT
"""SPEC §9 and §10: the one entropy coder of the format and its tables.

Names are imported when first used, so that payload kinds are described without a coder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from refcodec.entropy.coder import Coder
    from refcodec.entropy.rangecoder import Decoder, Encoder
    from refcodec.entropy.tables import TableBank, cumulative, gaussians, uniform

__all__ = ["Coder", "Decoder", "Encoder", "TableBank", "cumulative", "gaussians", "uniform"]

_MODULES: Final = {"Coder": "coder", "Decoder": "rangecoder", "Encoder": "rangecoder"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'refcodec.entropy' has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f"refcodec.entropy.{_MODULES.get(name, 'tables')}")
    globals()[name] = value = getattr(module, name)
    return value
