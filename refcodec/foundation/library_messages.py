# SPDX-License-Identifier: MIT
"""Silence transformers, diffusers and the hub's client while models load and run, and undo the side effects of imports."""

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
    return [*undo, *_silence_hub()]


def _silence_hub() -> list[Undo]:
    """Silence what the hub's client logs, such as each attempt to reach the hub; its progress bars stay."""
    import huggingface_hub.utils.logging  # noqa: F401 - first: importing it sets the level

    return [_silenced_logger("huggingface_hub")]


def _silenced_logger(name: str) -> Undo:
    """Silence a logger: errors, too, since they are logged before they are raised. Returns how its level is put back."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    return lambda: logger.setLevel(level)


def _silenced(library: Any, name: str) -> list[Undo]:
    """Silence the messages and the progress bars of one library."""
    undo = [_silenced_logger(name)]
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
HUB_SILENCE: Final = SharedSettings(_silence_hub)  # imports neither transformers nor diffusers
