# SPDX-License-Identifier: MIT
"""Check that the folder of a model has every file that its parts need: tokenizer, processor, scheduler, weights.

If the files of a tokenizer are missing, transformers uses an empty vocabulary, which maps all texts to the same ids.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.config_files import read_object
from refcodec.foundation.folder_kind import components
from refcodec.foundation.missing_packages import is_installed
from refcodec.foundation.weight_files import STEMS, SUFFIX, is_pickled, pickled_remedy, unfinished, weight_files

FAST: Final = "tokenizer.json"  # complete by itself
TOKENIZER_CONFIG: Final = "tokenizer_config.json"
PROCESSOR_CONFIGS: Final = ("preprocessor_config.json", "processor_config.json")
SCHEDULER_CONFIG: Final = "scheduler_config.json"
_BPE: Final = ("vocab.json", "merges.txt")
# start of the name of a tokenizer class -> its files where there is no tokenizer.json
TOKENIZER_FILES: Final = {
    **dict.fromkeys(
        ("CLIP", "GPT2", "Qwen2", "Roberta", "Bart", "Longformer", "Phobert", "OPT", "CodeGen", "Whisper", "GPTNeoX"),
        _BPE,
    ),
    **dict.fromkeys(("T5", "Albert", "XLNet", "BigBird", "Pegasus", "Siglip", "Gemma3n"), ("spiece.model",)),
    **dict.fromkeys(("Bert", "DistilBert", "Electra", "MobileBert", "MPNet", "Splinter", "Funnel"), ("vocab.txt",)),
    **dict.fromkeys(("Llama", "CodeLlama", "Gemma", "Mistral", "ChatGLM", "Reformer", "Cohere"), ("tokenizer.model",)),
    **dict.fromkeys(("XLMRoberta", "MBart", "Camembert", "XGLM", "NllbTokenizer"), ("sentencepiece.bpe.model",)),
}
# of other classes: one of these is enough
ANY_TOKENIZER_FILES: Final = (
    _BPE, ("vocab.txt",), ("spiece.model",), ("tokenizer.model",), ("sentencepiece.bpe.model",), ("spm.model",),
    ("sentencepiece.model",), ("vocab.bpe",), ("tekken.json",), ("source.spm", "target.spm", "vocab.json"),
)  # fmt: skip


def check_tokenizer_files(role: str, name: str, folder: Path, part: str = "", kind: str | None = None) -> None:
    """Raise Code.MODEL_MALFORMED if the tokenizer in `folder / part` lacks a file.

    name: of the model, for messages. kind: its class; None for that of its configuration.
    """
    place = folder / part
    config = read_object(place / TOKENIZER_CONFIG)
    if config is None:
        raise _lacks(role, name, part, TOKENIZER_CONFIG, "tokenizer", place)
    if _filled(place / FAST):
        if not isinstance((read_object(place / FAST) or {}).get("model"), dict) and _readable(place / FAST):
            raise _broken(role, name, part, FAST)
        return
    kind = kind or str(config.get("tokenizer_class") or "")
    known = max((start for start in TOKENIZER_FILES if kind.startswith(start)), key=len, default=None)
    choices = ANY_TOKENIZER_FILES if known is None else (TOKENIZER_FILES[known],)
    missing = [[file for file in files if not _filled(place / file)] for files in choices]
    if all(missing):
        begun = [lost[0] for lost, files in zip(missing, choices, strict=True) if len(lost) < len(files)]
        others = "" if known is None or begun else f", or {' and '.join(TOKENIZER_FILES[known])},"
        raise _lacks(role, name, part, begun[0] if begun else FAST, "tokenizer", place, others)
    if os.path.lexists(place / FAST):  # the older files would do, but transformers reads this one
        raise _lacks(role, name, part, FAST, "tokenizer", place)
    _require_sentencepiece(role, name, place)


def _require_sentencepiece(role: str, name: str, place: Path) -> None:
    """Raise Code.DEPENDENCY_MISSING if there is only a sentencepiece model, and its packages are not installed."""
    if any(_filled(place / names[0]) for names in ANY_TOKENIZER_FILES if not names[0].endswith((".model", ".spm"))):
        return
    missing = [package for package in ("sentencepiece", "google.protobuf") if not is_installed(package)]
    if missing:
        what = f"{role}: the tokenizer of {shown(name)} is a sentencepiece model, which needs {missing[0]}"
        hint = f"get its {FAST}, or pip install sentencepiece protobuf"
        raise SemError(Code.DEPENDENCY_MISSING, what, path=role, hint=hint)


def check_processor_files(role: str, name: str, folder: Path, part: str = "") -> None:
    """Raise Code.MODEL_MALFORMED if the folder `folder / part` has no configuration of a picture processor."""
    place = folder / part
    if not any(read_object(place / file) for file in PROCESSOR_CONFIGS):
        raise _lacks(role, name, part, PROCESSOR_CONFIGS[0], "picture processor", place)


def check_network_files(role: str, name: str, folder: Path, part: str = "") -> None:
    """Raise Code.MODEL_MALFORMED if a network lacks its configuration or its weights."""
    place = folder / part
    if read_object(place / "config.json") is None:
        raise _lacks(role, name, part, "config.json", "network", place)
    if weight_files(place) is None:
        files = sorted(entry.name for entry in os.scandir(place))
        pickled = next((file for file in files if is_pickled(file)), None)
        if pickled is None:
            raise _lacks(role, name, part, _weights_name(place), "network", place)
        what = f"{role}: {_of(part, name)} has pickled weights only ({shown(pickled)}), which are never opened"
        raise SemError(Code.MODEL_MALFORMED, what, path=role, hint=pickled_remedy(pickled))


def check_pipeline_files(role: str, folder: Path, parts: tuple[str, ...] | None = None) -> None:
    """Check every part of a pipeline folder that model_index.json names, or those of `parts`.

    Raises Code.MODEL_MALFORMED for a part without its files.
    """
    name = folder.name
    for part, (_, kind) in components(folder).items():
        if parts is not None and part not in parts:
            continue
        if not os.path.isdir(folder / part):
            what = f"{role}: {shown(name)} lacks its part {shown(part)}, {shown(kind)}"
            raise SemError(Code.MODEL_MALFORMED, what, path=role, hint=_again(folder))
        if "Scheduler" in kind:
            if (read_object(folder / part / SCHEDULER_CONFIG) or {}).get("_class_name") is None:
                raise _lacks(role, name, part, SCHEDULER_CONFIG, "scheduler", folder / part)
        elif "Tokenizer" in kind:
            check_tokenizer_files(role, name, folder, part, kind)
        elif "Processor" in kind or "FeatureExtractor" in kind:
            check_processor_files(role, name, folder, part)
            if not kind.startswith(("CLIP", "Siglip", "SigLip")) and "Image" not in kind and "Feature" not in kind:
                check_tokenizer_files(role, name, folder, part)
        else:
            check_network_files(role, name, folder, part)


def _filled(path: Path) -> bool:
    """Return whether a file is there and not empty."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def _readable(path: Path) -> bool:
    return os.access(path, os.R_OK)


def _weights_name(place: Path) -> str:
    """Return the name that a network's weights have."""
    config = read_object(place / "config.json") or {}
    return STEMS["_class_name" in config] + SUFFIX


def _of(part: str, name: str) -> str:
    return f"{shown(part)} of {shown(name)}" if part else shown(name)


def _broken(role: str, name: str, part: str, file: str) -> SemError:
    what = f"{role}: {file} of {_of(part, name)} is not a tokenizer"
    return SemError(Code.MODEL_MALFORMED, what, path=role, hint="get this file of the model again")


def _lacks(role: str, name: str, part: str, file: str, kind: str, folder: Path, others: str = "") -> SemError:
    """Return the error for a missing file. others: files that may be there in its place."""
    path = f"{part}/{file}" if part else file
    lacks = "has no valid" if os.path.lexists(folder / file) else "lacks"
    what = f"{role}: the {kind} of {shown(name)} {lacks} {shown(path)}"
    return SemError(Code.MODEL_MALFORMED, what, path=role, hint=_again(folder, f"{file}{others}"))


def _again(folder: Path, file: str | None = None) -> str:
    """Return how to get what is missing."""
    if (download := unfinished(folder)) is not None:
        return f"its download has not ended ({shown(download)}): download it again"
    return "get the missing folder of the model" if file is None else f"get {file} from where the model is published"
