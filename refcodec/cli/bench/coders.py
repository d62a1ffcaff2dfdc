# SPDX-License-Identifier: MIT
"""Codecs to measure: the methods of this package, and any pair of commands."""

from __future__ import annotations

import hashlib
import shlex
import tempfile
from collections.abc import Mapping
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from refcodec.cli.bench import commands
from refcodec.cli.bench.measure import Codec, Setting, open_picture, setting_key

if TYPE_CHECKING:
    from refcodec.foundation.resolve import Models
    from refcodec.methods.base import Method

HINT = "try the two commands by hand"


class Variant(NamedTuple):
    """A method whose decoder an experiment has changed. name: what it does, for the identity of results."""

    name: str
    method: Method


def refcodec(
    method: str,
    settings: tuple[Setting, ...],
    models: Models,
    *,
    profile: str | None = None,
    samples: int = 1,
    overrides: Mapping[str, str] | None = None,
    effort: int | None = None,
    variant: Variant | None = None,
) -> Codec:
    """Return a method of this package as a codec, which decodes each file `samples` times, from as many seeds.

    overrides: render hints. effort: of the encoder's search, None for its default. variant: of the method's decoder, for
    experiments. The identity holds a digest of every
    file of the package (code, tables, embedded models), so that any change is measured anew, with the models, the device
    and the versions of the libraries that compute pixels.
    """
    from refcodec.cli.common_options import package_of
    from refcodec.codec import encode_file
    from refcodec.decoder import decode_file
    from refcodec.reconstruct import reconstruct

    def encode(image: Image.Image, setting: Setting) -> bytes:
        options: dict[str, Any] = {"profile": profile} | {
            "bpp" if name == "wanted_bpp" else name: value for name, value in setting_key(setting).items()
        }
        if effort is not None:
            options["effort"] = effort
        return encode_file(
            image, method=method, models=models, model=package_of(models), limits=models.limits, **options
        ).data

    def decode(data: bytes) -> list[Image.Image]:
        symbols = decode_file(data, environment=models.package_environment, limits=models.limits)
        return [
            Image.fromarray(pixels)
            for pixels in reconstruct(
                symbols,
                models=models,
                overrides=overrides,
                samples=samples,
                variant=None if variant is None else variant.method,
            ).pictures
        ]

    def prepare() -> None:
        """Load libraries and networks, before anything is timed."""
        decode(encode(Image.new("RGB", (64, 64)), settings[0]))

    chosen = f"{profile} samples={samples} {sorted((overrides or {}).items())}"
    chosen += "" if variant is None else f" {variant.name}"
    identity = _identity(method, models, chosen, effort)
    return Codec(f".sem {method}", identity, settings, encode, decode, prepare if method == "elic" else None)


def _identity(method: str, models: Models, chosen: str, effort: int | None) -> str:
    libraries = ("numpy", "torch") if method == "elic" else ("numpy", "torch", "transformers", "diffusers")
    versions = " ".join(f"{name} {_version(name)}" for name in libraries)
    digest = package_digest(Path(str(import_module("refcodec").__file__)).parent)
    search = "" if effort is None else f" effort={effort}"
    return f"refcodec {digest} {method} {chosen} {models.device} {models.dtype} {_models(method, models)}{search} {versions}"


def _models(method: str, models: Models) -> str:
    """Return every model that may affect the result: a local one by its digest, others by their names."""
    from refcodec.foundation.folder_digest import folder_sha256
    from refcodec.foundation.roles import ROLES, ModelSource

    identities = [package_digest(folder) for folder in models.folders]
    for role in () if method == "elic" else sorted(ROLES):  # elic uses no roles
        source = models.find(role)
        if isinstance(source, ModelSource):
            local = Path(source.place).is_dir()
            identities.append(f"{role}={folder_sha256(Path(source.place)) if local else source.name}")
    return " ".join(identities)


def package_digest(folder: Path) -> str:
    """Return the SHA-256 of the names and bytes of all files below `folder`, without `__pycache__`."""
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


def command(encode: str, decode: str, qualities: tuple[Setting, ...], codec_id: str) -> Codec:
    """Return a codec of two command templates with {input}, {output} and, for encoding, {quality}. Pictures are PNG.

    Templates are split as a shell would, but run without one. The identity holds the templates, the digests of the two
    executables if they are found, and `codec_id`, which must name everything else that decides the result.
    """
    executables = " ".join(commands.executable_digest(template) for template in (encode, decode))

    def to_file(image: Image.Image, quality: Setting) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "in.png"), Path(folder, "out.bin")
            image.save(source)
            commands.run(encode, HINT, input=str(source), output=str(target), quality=str(quality))
            return target.read_bytes()

    def to_picture(data: bytes) -> list[Image.Image]:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "in.bin"), Path(folder, "out.png")
            source.write_bytes(data)
            commands.run(decode, HINT, input=str(source), output=str(target))
            return open_picture(target.read_bytes())

    identity = f"command {encode!r} {decode!r} {executables} {codec_id}"
    return Codec(codec_id or shlex.split(encode)[0], identity, qualities, to_file, to_picture)
