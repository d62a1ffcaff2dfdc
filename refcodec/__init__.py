# SPDX-License-Identifier: MIT
"""The reference codec of the `.sem` format. SPEC.md is the normative text.

    data = refcodec.encode("photo.jpg", quality=5)
    refcodec.decode(data).save("photo.png")
    refcodec.inspect(data).to_dict()       # what is in the file, byte by byte
    refcodec.payload(data).to_dict()       # its decoded symbols
    refcodec.write(refcodec.read(data))    # its container

A bad file raises `refcodec.SemError`, a wrong argument TypeError or ValueError, and nothing else leaves.

Names are imported when first used, so that looking into a file needs neither numpy nor torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "1.0.0"

if TYPE_CHECKING:
    from refcodec.codec import decode, encode
    from refcodec.container import Container, read, write
    from refcodec.decoder import Payload, payload
    from refcodec.errors import SemError
    from refcodec.inspection import Inspection, inspect

_WHERE = {
    "Container": "refcodec.container", "Inspection": "refcodec.inspection", "Payload": "refcodec.decoder",
    "SemError": "refcodec.errors", "decode": "refcodec.codec", "encode": "refcodec.codec",
    "inspect": "refcodec.inspection", "payload": "refcodec.decoder", "read": "refcodec.container",
    "write": "refcodec.container",
}  # fmt: skip

__all__ = [
    "Container", "Inspection", "Payload", "SemError", "__version__", "decode", "encode", "inspect", "payload", "read", "write",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'refcodec' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
