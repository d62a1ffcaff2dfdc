# SPDX-License-Identifier: MIT
"""Choose inputs: by atheris (libFuzzer), guided by the coverage of refcodec, or by random changes alone.

Both use the target's own changes, which keep the structure of inputs. `keep_going` is asked before each execution.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

from tools.fuzz.catalogue import load
from tools.fuzz.execution import Executor
from tools.fuzz.target import Target

POOL_MAX: Final = 4096  # inputs that the engine without coverage changes further
Begin = Callable[[Target], Executor]
KeepGoing = Callable[[Executor], bool]


def has_atheris() -> bool:
    """Return whether atheris is installed."""
    return importlib.util.find_spec("atheris") is not None


def starts(target: Target, corpus: Path) -> list[bytes]:
    """Return the inputs to start from: those of the target, and what earlier runs have found."""
    found = [data for data in target.seeds() if len(data) <= target.max_bytes]
    if corpus.is_dir():
        found += [path.read_bytes() for path in sorted(corpus.iterdir())]
    return list(dict.fromkeys(found)) or [b""]


def write_corpus(corpus: Path, inputs: list[bytes]) -> None:
    """Write inputs as files named by their digest."""
    corpus.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        path = corpus / hashlib.sha1(data, usedforsecurity=False).hexdigest()
        if not path.exists():
            path.write_bytes(data)


def random_changes(name: str, seed: int, corpus: Path, begin: Begin, keep_going: KeepGoing) -> Executor:
    """Execute random changes of known inputs until `keep_going` is false. The same seed gives the same inputs.

    An input with an outcome that was not seen before is kept in the corpus and changed further.
    """
    target = load(name)
    pool, rng = starts(target, corpus), Random(f"{seed}:{name}")
    executor = begin(target)
    while keep_going(executor):
        data = target.mutate(rng, rng.choice(pool), pool)[: target.max_bytes]
        known = len(executor.outcomes)
        if executor.execute(data) is not None and len(executor.outcomes) > known and len(pool) < POOL_MAX:
            pool.append(data)
            write_corpus(corpus, [data])
    return executor


def coverage_guided(name: str, seed: int, corpus: Path, begin: Begin, keep_going: KeepGoing, end: Any) -> None:
    """Execute what libFuzzer chooses until `keep_going` is false; then call `end` with the executor, which must exit."""
    import atheris

    with atheris.instrument_imports(include=["refcodec"], enable_loader_override=False):
        target = load(name)
        known = starts(target, corpus)
        for data in target.seeds()[:64]:  # imports that wait for their first use
            try:
                target.run(data[: target.max_bytes])
            except Exception:  # noqa: BLE001 - found again below
                continue
    write_corpus(corpus, known)
    executor = begin(target)
    dictionary = _write_dictionary(target, corpus.with_name("dictionary"))

    def one(data: bytes) -> None:
        executor.execute(bytes(data))
        if not keep_going(executor):
            end(executor)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        rng = Random(seed)
        if rng.random() < 0.3:
            changed = target.repair(rng, bytes(atheris.Mutate(bytes(data), max_size)))
        else:
            changed = target.mutate(rng, bytes(data), known)
        return changed[:max_size]

    options = [f"-max_len={target.max_bytes}", f"-seed={seed + 1}", *dictionary, "-close_fd_mask=2"]
    options += ["-rss_limit_mb=0", "-timeout=0", "-reload=0", "-mutate_depth=1", f"-artifact_prefix={corpus.parent}/"]
    atheris.Setup([sys.argv[0], str(corpus), *options], one, custom_mutator=mutate)
    atheris.Fuzz()


def _write_dictionary(target: Target, path: Path) -> list[str]:
    """Write the words of a target as libFuzzer reads them; return the option that names the file."""
    words = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.dictionary if word)
    path.write_text("".join(f'"{word}"\n' for word in words))
    return [f"-dict={path}"] if target.dictionary else []
