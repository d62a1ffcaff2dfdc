# SPDX-License-Identifier: MIT
"""Codecs to measure: this package's own, and any pair of commands."""

from __future__ import annotations

import hashlib
import shlex
import shutil
import subprocess
import tempfile
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from PIL import Image

from tools.bench.measure import BenchError, Codec, open_picture

COMMAND_SECONDS = 600


def refcodec(method: str, qualities: tuple[int, ...], **settings: Any) -> Codec:
    """`refcodec.encode` and `refcodec.decode`.

    The identity is a digest of every file of the package (code, tables, embedded models), so that any change is
    measured anew, and the versions of the libraries that compute pixels.
    """
    package: Any = import_module("refcodec")

    def encode(image: Image.Image, quality: int) -> bytes:
        data: bytes = package.encode(image, method=method, quality=quality, **settings)
        return data

    def decode(data: bytes) -> Image.Image:
        image: Image.Image = package.decode(data)
        return image

    chosen = "".join(f" {key}={value}" for key, value in sorted(settings.items()))
    versions = " ".join(f"{name} {_version(name)}" for name in ("numpy", "torch"))
    digest = package_digest(Path(package.__file__).parent)
    return Codec(f".sem {method}", f"refcodec {digest} {method}{chosen} {versions}", qualities, encode, decode)


def package_digest(folder: Path) -> str:
    """SHA-256 over the names and the bytes of all files below `folder` but compiled ones and caches."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        contents = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\n{len(contents)}\n".encode() + contents)
    return digest.hexdigest()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def command(encode: str, decode: str, qualities: tuple[int, ...], codec_id: str) -> Codec:
    """Two command templates with {input}, {output} and, for encoding, {quality}; pictures travel as PNG.

    They are split as a shell would but run without one. The identity holds the templates, the digests of the two
    executables where they are found, and `codec_id`, which has to name whatever else decides the result.
    """
    executables = " ".join(_executable_digest(template) for template in (encode, decode))

    def to_file(image: Image.Image, quality: int) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "in.png"), Path(folder, "out.bin")
            image.save(source)
            _run(encode, input=str(source), output=str(target), quality=str(quality))
            return target.read_bytes()

    def to_picture(data: bytes) -> Image.Image:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "in.bin"), Path(folder, "out.png")
            source.write_bytes(data)
            _run(decode, input=str(source), output=str(target))
            return open_picture(target.read_bytes())

    identity = f"command {encode!r} {decode!r} {executables} {codec_id}"
    return Codec(codec_id or shlex.split(encode)[0], identity, qualities, to_file, to_picture)


def _run(template: str, **values: str) -> None:
    words = shlex.split(template)
    for name, value in values.items():
        words = [word.replace("{" + name + "}", value) for word in words]
    try:
        done = subprocess.run(words, capture_output=True, timeout=COMMAND_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"{words[0]} took more than {COMMAND_SECONDS} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise BenchError(f"{words[0]} ended with status {done.returncode}: {said[-1] if said else 'no message'}")


def _executable_digest(template: str) -> str:
    path = shutil.which(shlex.split(template)[0])
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else "unknown"
