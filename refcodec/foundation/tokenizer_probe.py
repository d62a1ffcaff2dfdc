# SPDX-License-Identifier: MIT
"""Check that a tokenizer distinguishes texts: one without its vocabulary maps all of them to the same ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.worker.phases import LOAD, preparing

# pairs of texts of one length, in several scripts: a tokenizer may know one of them only
PAIRS: Final = (
    ("a cat on a mat", "the red old sky"),
    ("house and river", "bridge or stone"),
    ("一只猫坐在垫子上", "红色的天空下有河"),
    ("кошка на ковре", "старый мост ок"),
)


def check_tokenizer(role: str, name: str, tokenizer: Any, encoder: Any = None, *, padded: bool = False) -> None:
    """Raise Code.MODEL_MALFORMED unless a tokenizer distinguishes texts, with ids that have embeddings in `encoder`.

    encoder: None: not checked. padded: a padding token is required, too.
    """
    unknown = {getattr(tokenizer, "unk_token_id", None), *(getattr(tokenizer, "all_special_ids", None) or ())}
    with preparing(then=LOAD):
        ids = [tuple(_ids(tokenizer, text) for text in pair) for pair in PAIRS]
    if not any(_useful(one, unknown) and _useful(other, unknown) and one != other for one, other in ids):
        what, hint = "maps different texts to the same ids", "get the files of its tokenizer again"
        raise _error(role, name, what, hint)
    if padded and getattr(tokenizer, "pad_token_id", None) is None:
        hint = "get special_tokens_map.json and tokenizer_config.json of the model"
        raise _error(role, name, "has no padding token", hint)
    known = _vocabulary(encoder)
    largest = max((i for pair in ids for text in pair for i in text), default=0)
    if known is not None and largest >= known:
        what = f"has ids up to {largest}, its model those below {known}"
        raise _error(role, name, what, "get tokenizer and weights from the same model")


def _ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    """Return the ids of a text without special ones; of a processor, those of its tokenizer."""
    return tuple(int(i) for i in tokenizer(text, add_special_tokens=False)["input_ids"])


def _useful(ids: Iterable[int], unknown: set[int | None]) -> bool:
    return any(i not in unknown for i in ids)


def _vocabulary(encoder: Any) -> int | None:
    """Return the number of embeddings of a network that reads token ids, None if it does not state it."""
    config = getattr(encoder, "config", None)
    size = getattr(getattr(config, "text_config", config), "vocab_size", None)
    return size if isinstance(size, int) else None


def _error(role: str, name: str, what: str, hint: str) -> SemError:
    return SemError(Code.MODEL_MALFORMED, f"{role}: the tokenizer of {shown(name)} {what}", path=role, hint=hint)
