# SPDX-License-Identifier: MIT
"""Implements `refcodec.symbols`: the symbols of a file as texts and numpy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from refcodec import spec
from refcodec.container import read
from refcodec.decoder import DecodedFile, decode_container
from refcodec.environment import Environment, Folders
from refcodec.file_input import FileInput
from refcodec.limits import Limits
from refcodec.partial_decode import decode_available
from refcodec.progress import Notice, Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    SymbolArrays: TypeAlias = str | NDArray[np.uint16] | dict[str, NDArray[Any]]


def symbols(
    data: FileInput,
    *,
    models: Folders = (),
    level: int = 1,
    progress: Progress | None = None,
    environment: Environment | None = None,
    limits: Limits | None = None,
    partial: bool = False,
    notice: Notice | None = None,
) -> dict[str, SymbolArrays]:
    """Return the decoded symbols of a file, payload by payload, as texts and numpy arrays.

    Args:
        data, models, level, progress, environment, limits (as for `refcodec.payload`): the file, and how it is read.
        partial (bool): leave out payloads whose model is not installed instead of raising an error, unless none would be left.
        notice (function of str): called with each notice, such as which payloads are left out.

    Returns:
        A dict from the name of each kind of payload in the file to its symbols:

        - "consonant": str, consonants and spaces.
        - "caption": str, or uint16[n] where the caption is one of token ids.
        - "clip": uint16[d], codes 0 to 2^b - 1 of an image embedding.
        - "pq": uint16[m], codes 0 to V - 1 of an image embedding.
        - "vq": uint16[h, w], indices 0 to V - 1.
        - "sketch", "elic": a dict of latents: "rate" int32[], "z" int16[hyper, h / 4, w / 4] and "y" int16[m, h, w], with
          a picture of h x w blocks of 16 x 16 pixels. y is in the unit of SPEC §13.7, 1/64 of a step.

    Raises:
        SemError: the first error of the file, in the order of SPEC §17.
        ModelError: the symbol model that a payload needs is missing or malformed.
        InputOutputError: the path or stream cannot be read.
        TypeError, ValueError: an argument is invalid.

    Example:
        >>> refcodec.symbols("cat.sem")["vq"].shape
        (32, 48)
    """
    environment, limits = Environment.of(environment).with_packages(models), Limits.of(limits)
    decoded = decoded_payloads(data, environment, level, progress, limits, partial=partial, notice=notice)
    profile = decoded.container.profile
    return {profile.kind(number & spec.NUMBER).name: value.arrays() for number, value in decoded.values.items()}


def decoded_payloads(
    data: FileInput,
    environment: Environment,
    level: int,
    progress: Progress | None,
    limits: Limits,
    *,
    partial: bool,
    notice: Notice | None,
) -> DecodedFile:
    """Return the decoded payloads of a file; `partial`: of those alone whose models are installed."""
    container = read(data, level=level, environment=environment, limits=limits)
    if partial:
        return decode_available(container, environment, level, progress, limits, notice)
    return decode_container(container, environment, level=level, progress=progress, limits=limits)
