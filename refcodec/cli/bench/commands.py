# SPDX-License-Identifier: MIT
"""Run commands of the user from templates, without a shell: codecs, and outside metrics."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from refcodec.errors import Code, SemError
from refcodec.limits import NONE, Limits

COMMAND_SECONDS = 600


def run(template: str, hint: str, limits: Limits = NONE, **values: str) -> bytes:
    """Run a template, split as a shell would, with {name} replaced by the value of each name; return its output.

    Raises Code.CANNOT_READ (SEM-E-101), with `hint`, if it cannot be run, fails, or takes too long.
    """
    words = split(template)
    for name, value in values.items():
        words = [word.replace("{" + name + "}", value) for word in words]
    limits.check_time()
    try:
        done = _ended(words, limits.left(COMMAND_SECONDS))
    except subprocess.TimeoutExpired:
        limits.check_time()
        raise failed(f"{words[0]} took more than {COMMAND_SECONDS} s", hint) from None
    except (OSError, ValueError) as error:
        raise failed(f"{words[0]} cannot be run: {getattr(error, 'strerror', None) or error}", hint) from error
    if done.returncode:
        messages = done.stderr.decode(errors="replace").strip().splitlines()
        last = messages[-1] if messages else "no message"
        raise failed(f"{words[0]} ended with status {done.returncode}: {last}", hint)
    return done.stdout


def _ended(words: list[str], seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end. If that does not come in time, or the program is interrupted, end its children, too."""
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True) as process:
        try:
            output, messages = process.communicate(timeout=seconds)
        except BaseException:
            if hasattr(os, "killpg"):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, output, messages)


def split(template: str) -> list[str]:
    """Return the words of a template. Raises ValueError for an empty one, or one with an open quotation."""
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise ValueError(f"{template!r} is not a command: {error}") from error
    if not words:
        raise ValueError("the command is empty")
    return words


def failed(what: str, hint: str) -> SemError:
    """Return the error of a command."""
    return SemError(Code.CANNOT_READ, what, hint=hint)


def executable_digest(template: str) -> str:
    """Return the SHA-256 of the executable of a template, or "unknown" if it is not found."""
    path = shutil.which(split(template)[0])
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else "unknown"


def file_digests(template: str) -> str:
    """Return the SHA-256 of each word of a template that names a file, such as a script, after that of its executable."""
    files = [Path(word) for word in split(template)[1:] if Path(word).is_file()]
    return " ".join([executable_digest(template), *(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)])
