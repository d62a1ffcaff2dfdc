# SPDX-License-Identifier: MIT
"""The reference codec of the `.sem` format. SPEC.md is the normative text.

    data = refcodec.encode("photo.jpg", quality=5)
    refcodec.decode(data).save("photo.png")
    refcodec.decode_progressive(data)      # previews, and then the picture
    refcodec.inspect(data).to_dict()       # its fields, byte by byte
    refcodec.payload(data).to_dict()       # its decoded symbols, with digests
    refcodec.symbols(data)                 # the same as numpy arrays
    refcodec.text(data).text               # its text in words
    refcodec.write(refcodec.read(data))    # its container

A bad file raises `refcodec.SemError`, in the subclass of its family, such as `HeaderError` or `ModelError`; a wrong argument
raises TypeError or ValueError. Bad bytes raise no other exception.

Names are imported when first used, so that `inspect` needs neither numpy nor torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

__version__ = "1.0.0"

if TYPE_CHECKING:
    from refcodec.codec import encode as encode
    from refcodec.container import Container as Container
    from refcodec.container import Header as Header
    from refcodec.container import Section as Section
    from refcodec.container import read as read
    from refcodec.container import write as write
    from refcodec.decode_picture import decode as decode
    from refcodec.decoder import Payload as Payload
    from refcodec.decoder import PayloadSection as PayloadSection
    from refcodec.decoder import payload as payload
    from refcodec.encode_settings import EncodeOptions as EncodeOptions
    from refcodec.environment import Environment as Environment
    from refcodec.errors import CheckError as CheckError
    from refcodec.errors import Code as Code
    from refcodec.errors import HeaderError as HeaderError
    from refcodec.errors import InputOutputError as InputOutputError
    from refcodec.errors import LimitError as LimitError
    from refcodec.errors import ModelError as ModelError
    from refcodec.errors import PayloadError as PayloadError
    from refcodec.errors import SectionError as SectionError
    from refcodec.errors import SemError as SemError
    from refcodec.errors import UnsupportedError as UnsupportedError
    from refcodec.export import symbol_files as symbol_files
    from refcodec.file_input import FileInput as FileInput
    from refcodec.file_text import FileText as FileText
    from refcodec.file_text import text as text
    from refcodec.images.types import ImageInput as ImageInput
    from refcodec.inspection import Inspection as Inspection
    from refcodec.inspection import inspect as inspect
    from refcodec.limits import Limits as Limits
    from refcodec.limits import MemoryLimitError as MemoryLimitError
    from refcodec.limits import TimeLimitError as TimeLimitError
    from refcodec.payloads.exports import Artifact as Artifact
    from refcodec.progressive import Preview as Preview
    from refcodec.progressive import decode_progressive as decode_progressive
    from refcodec.registry import Profile as Profile
    from refcodec.registry import Registry as Registry
    from refcodec.symbol_arrays import symbols as symbols

_NAMES: Final = {
    "codec": "encode",
    "container": "Container Header Section read write",
    "decode_picture": "decode",
    "decoder": "Payload PayloadSection payload",
    "encode_settings": "EncodeOptions",
    "environment": "Environment",
    "errors": (
        "CheckError Code HeaderError InputOutputError LimitError ModelError PayloadError SectionError SemError "
        "UnsupportedError"
    ),
    "export": "symbol_files",
    "file_input": "FileInput",
    "file_text": "FileText text",
    "images.types": "ImageInput",
    "inspection": "Inspection inspect",
    "limits": "Limits MemoryLimitError TimeLimitError",
    "payloads.exports": "Artifact",
    "progressive": "Preview decode_progressive",
    "registry": "Profile Registry",
    "symbol_arrays": "symbols",
}  # module -> the public names that it defines
_MODULE_OF: Final = {name: f"refcodec.{module}" for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted([*_MODULE_OF, "__version__"])  # noqa: PLE0605


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'refcodec' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
