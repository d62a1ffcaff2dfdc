# SPDX-License-Identifier: MIT
"""What a decoder gets of a suite: copies under neutral names, in a folder that holds nothing else.

The paths, the working folder and the environment of a decoder do not lead to the suite, with its answers. That hides it
from a decoder that looks around where it is started, not from one that knows where the suite lies on this machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from semrunner.suite import Case

PREFIX = "sem-conformance-"
OWN_NAMES = ("PWD", "OLDPWD", "_")  # variables of a shell that name folders or commands of the caller


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a temporary folder; remove it at the end, and before that those of runners that were killed."""
    _remove_stale(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        lock = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Path(name)
        finally:
            os.close(lock)


def _remove_stale(place: Path) -> None:
    with contextlib.suppress(OSError):
        for folder in place.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY)
                try:
                    if os.fstat(descriptor).st_uid == os.geteuid():
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        shutil.rmtree(folder, ignore_errors=True)
                finally:
                    os.close(descriptor)


def handed_over(cases: Iterable[Case], scratch: Path) -> list[Case]:
    """Return the cases with models and registries as read-only copies below `scratch`, numbered in order."""
    copies: dict[Path, Path] = {}

    def copy(source: Path, kind: str) -> Path:
        if source not in copies:
            target = scratch / kind / str(len(copies) + 1)
            target.parent.mkdir(exist_ok=True)
            if kind == "models":
                shutil.copytree(source, target, copy_function=shutil.copyfile)
            else:
                target.mkdir()
                target /= "registry.json"
                shutil.copyfile(source, target)
            copies[source] = target
        return copies[source]

    result = []
    for case in cases:
        registry = None if case.registry is None else copy(case.registry, "registries")
        result.append(replace(case, models=copy(case.models, "models"), registry=registry))
    for target in copies.values():
        _write_protect(target)
    return result


def _write_protect(target: Path) -> None:
    for path in [target, *target.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def environment(suite: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a decoder gets: none called SEM_…, and none that names the suite or the caller's folder.

    Of a list of folders (PATH, PYTHONPATH, CLASSPATH …) only the entries that name the suite are left out, and relative
    ones become absolute, since the decoder runs in another folder.
    """
    places = {str(suite.absolute()), str(suite.resolve())} - {os.sep}
    names = re.compile("|".join(rf"{re.escape(place)}(?![^/:;,=\s])" for place in sorted(places)) or r"(?!)")
    kept = {}
    for name, value in variables.items():
        if name.startswith("SEM_") or name in OWN_NAMES:
            continue
        if name.endswith("PATH"):
            entries = [_folder(entry) for entry in value.split(os.pathsep)]
            kept[name] = os.pathsep.join(entry for entry in entries if not names.search(entry))
        elif not names.search(value):
            kept[name] = value
    return kept


def absolute_words(command: Sequence[str]) -> tuple[str, ...]:
    """Return a command with the relative paths of what exists as absolute ones, since it runs in another folder.

    A path has a slash or a suffix, or is the name of a file (`sh decoder`); it may follow an equals sign
    (--tables=data/x.bin). The command itself is searched in PATH unless it has a slash.
    """
    first, *rest = command
    words = [_absolute(first) if os.sep in first else first]
    for word in rest:
        name, equals, value = word.partition("=")
        words.append(f"{name}{equals}{_absolute(value)}" if equals and _is_path(value) else _absolute(word))
    return tuple(words)


def _folder(entry: str) -> str:
    """Return an entry of a list of folders as an absolute path, if it exists; an empty one stays as it is."""
    return os.path.abspath(entry) if entry and os.path.exists(entry) else entry


def _is_path(word: str) -> bool:
    if os.path.isabs(word) or not os.path.exists(word):
        return False
    return os.sep in word or "." in word or os.path.isfile(word)


def _absolute(word: str) -> str:
    return os.path.abspath(word) if _is_path(word) else word
