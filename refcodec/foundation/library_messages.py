# SPDX-License-Identifier: MIT
"""Silence transformers and diffusers while models load and run, and undo the side effects of importing them."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import Any, Final

from refcodec.process_settings import SharedSettings, Undo, kept_filters

CACHE: Final = "TORCHINDUCTOR_CACHE_DIR"  # set in the environment when torch's compiler is imported


def _silence() -> list[Undo]:
    undo = [_undo_of_imports()]
    import transformers  # first: importing diffusers makes it print

    undo += _silenced(transformers.utils.logging, "transformers")
    import diffusers

    undo += _silenced(diffusers.utils.logging, "diffusers")
    return undo


def _silenced(library: Any, name: str) -> list[Undo]:
    """Silence one library: errors, too, since they are logged before they are raised."""
    undo: list[Undo] = []
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    undo.append(lambda: logger.setLevel(level))
    if library.is_progress_bar_enabled():
        undo += [*_hub_bars(), library.enable_progress_bar]  # undone in reverse order
        library.disable_progress_bar()
    return undo


def _hub_bars() -> list[Undo]:
    """Return how to disable the bars of the hub's client again, since transformers enables them together with its own."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars

    return [disable_progress_bars] if are_progress_bars_disabled() else []


def _undo_of_imports() -> Undo:
    """Return how to remove the warning filters, the variable and the stream that imports of these libraries set."""
    filters, modules, streams, cache = list(warnings.filters), len(sys.modules), sys.stderr, os.environ.get(CACHE)

    def undo() -> None:
        if len(sys.modules) == modules:
            return
        entries: Any = warnings.filters
        entries[:] = kept_filters(filters)
        if cache is None:
            os.environ.pop(CACHE, None)
        if streams is None:
            sys.stderr = None  # type: ignore[assignment]

    return undo


SILENCE: Final = SharedSettings(_silence)
