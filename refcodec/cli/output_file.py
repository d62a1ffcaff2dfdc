# SPDX-License-Identifier: MIT
"""Files that commands write: names that the user gives, default names, and the options about both."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import click

from refcodec.cli.error_report import notice
from refcodec.cli.stdio import STDIO, default_output, is_standard_output, write_output
from refcodec.errors import Code, SemError
from refcodec.fileio import shown

MAGIC_BYTES = 2  # of a .sem file
NOTED: Final = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF")  # formats in which `decode` writes what a picture is


@dataclass(frozen=True)
class OutputFile:
    """A file to write. new: nothing may be replaced. times: of access and modification, in nanoseconds; None: now."""

    name: str
    new: bool = False
    times: tuple[int, int] | None = None
    replaces: bool = False  # an earlier file of a default name, which a notice reports

    def write(self, data: bytes) -> None:
        """Write the file completely or not at all. Raises Code.CANNOT_WRITE (SEM-E-102)."""
        write_output(self.name, data, new=self.new, times=self.times)
        if self.replaces:
            notice(f"{shown(self.name)} was there already, and was replaced")


def output_name(_context: click.Context, option: click.Parameter, name: str | None) -> str | None:
    """Return the name of an output, `-` for any name of standard output (/dev/stdout, /dev/fd/1).

    Raises Code.CANNOT_WRITE (SEM-E-102) for an empty name, which is an unset variable of a shell rather than a default.
    """
    if name == "":
        hint = "name a file" if option.required else f"name a file, or leave {option.opts[0]} out"
        raise SemError(Code.CANNOT_WRITE, "'': the name of the output is empty", hint=hint)
    return STDIO if name is not None and is_standard_output(name) else name


def folder_name(_context: click.Context, option: click.Parameter, name: str | None) -> str | None:
    """Return the name of a folder to write into. Raises Code.CANNOT_WRITE (SEM-E-102) for an empty name."""
    if name == "":
        hint = "name a folder" if option.required else f"name a folder, or leave {option.opts[0]} out"
        raise SemError(Code.CANNOT_WRITE, "'': the name of the folder is empty", hint=hint)
    return name


def existing_options(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --force and --no-clobber, which say the same for every command that writes a file."""
    f = click.option("--no-clobber", is_flag=True, help="Replace no existing file, not even one that is named by -o.")(
        f
    )
    return click.option(
        "--force", is_flag=True, help="Replace existing files of default names, and all existing outputs of many files."
    )(f)


def require_absent(output: str | None, *, no_clobber: bool, force: bool) -> None:
    """Raise a usage error if --no-clobber protects the file that the user names, or if --force contradicts it."""
    if no_clobber and force:
        raise click.UsageError("--force and --no-clobber exclude each other: give one of them")
    if no_clobber and output not in (None, STDIO) and os.path.lexists(str(output)):
        raise click.UsageError(f"{shown(str(output))} is there already, and --no-clobber keeps it")


def times_option(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --preserve-times."""
    return click.option(
        "--preserve-times", is_flag=True, help="Give the output the times of access and modification of the input."
    )(f)


def times_of(source: str | None, preserve: bool) -> tuple[int, int] | None:
    """Return the times of an input for its outputs, in nanoseconds; None without --preserve-times.

    Raises a usage error for an input without a name, Code.CANNOT_READ (SEM-E-101) for one that is not there.
    """
    if not preserve:
        return None
    if source is None or source == STDIO:
        raise click.UsageError("--preserve-times needs an input with a name")
    try:
        status = os.stat(source)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SemError(Code.CANNOT_READ, f"{shown(source)}: {reason}") from error
    return status.st_atime_ns, status.st_mtime_ns


def free(name: str, *, force: bool = False) -> str:
    """Return a name that no file has; with `force`, any name. Raises a usage error."""
    if name != STDIO and not force and os.path.lexists(name):
        raise click.UsageError(f"{shown(name)} is there already: name the output with -o, or replace it with --force")
    return name


def default_sem(source: str, *, force: bool = False) -> OutputFile:
    """Return the file that `semtool encode SOURCE` writes: SOURCE with .sem, `-` for standard input.

    An earlier .sem file of that name is replaced, with a notice, unless it may come from another picture beside SOURCE
    (a.jpg and a.png; a picture that was decoded from a .sem file is none of these). Raises a usage error for that, and
    for a file of another kind, unless `force`.
    """
    name = default_output(source, ".sem")
    if name == STDIO or force or not os.path.lexists(name):
        return OutputFile(name, new=not force and name != STDIO)
    if not _is_sem(name):
        free(name)
    other = _other_picture(source, name)
    if other is not None:
        raise click.UsageError(
            f"{shown(name)} is there already, and may be that of {shown(other)}: "
            "name the output with -o, or replace it with --force"
        )
    return OutputFile(name, replaces=True)


def _is_sem(name: str) -> bool:
    """Return whether a regular file begins as .sem files do."""
    from refcodec import spec

    try:
        if not os.path.isfile(name):
            return False
        with open(name, "rb") as stream:
            return stream.read(MAGIC_BYTES) == spec.MAGIC
    except OSError:
        return False


def _other_picture(source: str, name: str) -> str | None:
    """Return a picture beside `source` whose default output is the same existing file `name`, None without one.

    On a file system that ignores case, that of A.PNG is that of a.jpg, too.
    """
    from PIL import Image

    folder, own = os.path.split(source)
    stem = os.path.splitext(own)[0].casefold()
    suffixes = Image.registered_extensions().keys() - {".sem"}  # which refcodec.pillow registers
    try:
        beside = sorted(os.listdir(folder or os.curdir))
    except OSError:
        return None
    for entry in beside:
        entry_stem, suffix = os.path.splitext(entry)
        if entry == own or entry_stem.casefold() != stem or suffix.lower() not in suffixes:
            continue
        path = os.path.join(folder, entry)
        same = os.path.isfile(path) and _same_file(os.path.join(folder, f"{entry_stem}.sem"), name)
        if same and not _is_decoded(path):
            return path
    return None


def _is_decoded(path: str) -> bool:
    """Return whether a picture states that it was reconstructed from a .sem file."""
    from PIL import ExifTags, Image

    from refcodec.images.pillow_guard import quiet
    from refcodec.reconstruct import PREVIEW, SYNTHESISED

    try:
        with quiet(), Image.open(path, formats=NOTED) as image:
            return image.getexif().get(ExifTags.Base.ImageDescription) in (PREVIEW, SYNTHESISED)
    except Exception:  # noqa: BLE001 - a file that Pillow cannot read may be the picture all the same
        return False


def _same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
