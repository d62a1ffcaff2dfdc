# SPDX-License-Identifier: MIT
"""Options for precomputed symbols, and readers of their files."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any

import click

from refcodec.cli.common_options import parse_size
from refcodec.cli.stdio import STDIO, standard_input
from refcodec.errors import Code, SemError
from refcodec.fileio import read_settings, read_stream, shown
from refcodec.payloads.kinds import KINDS
from refcodec.payloads.kinds import symbol_options as symbol_options_of

ARRAY_BYTES = 1 << 28  # limit for array files, above the symbols of any level
OPTIONS = symbol_options_of(KINDS)
NAMES = tuple(option.name for option in OPTIONS)
ALIASES = {"codes": ("pq-codes", "token-ids"), "vector": ("embedding",)}  # other names of options, by what they hold


def pairs(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Parse repeated KEY=VALUE options into a dictionary. A key may occur once."""
    out = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{shown(value)} is not KEY=VALUE, such as author=Ann")
        if key in out:
            raise click.BadParameter(f"{shown(key)} is given twice")
        out[key] = text
    return out


def refuse_entries(sources: tuple[str, ...]) -> None:
    """Raise a usage error for a KEY=VALUE that stands after the flag --provenance, where it would be taken for a picture."""
    for name in sources:
        if "=" in name and not os.path.lexists(name):
            what = f"--provenance takes no value here: semtool add --provenance {shown(name)} adds an entry to a file"
            raise click.UsageError(what)


def symbol_options(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of all payload kinds (--text, --caption, --vector …), --mode and --strict."""
    for decorate in reversed(
        (
            *(
                click.option(*_spellings(option.name), option.name, metavar=option.metavar, help=option.help)
                for option in OPTIONS
            ),
            click.option(
                "--mode",
                type=click.Choice(["static", "raw", "zlib", "zstd"]),
                help="How the caption is coded.  [default: the shortest]",
            ),
            click.option("--strict", is_flag=True, help="Refuse a consonant text that would have to be changed."),
        )
    ):
        f = decorate(f)
    return f


def _spellings(name: str) -> list[str]:
    """Return an option of this name with its aliases."""
    return [f"--{each}" for each in (name, *ALIASES.get(name, ()))]


def size_option(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --size, the size of the picture for precomputed symbols."""
    help_ = "Size of the picture that the precomputed symbols represent."
    return click.option("--size", metavar="WxH", callback=parse_size, help=help_)(f)


def note_options(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --metadata and --hint."""
    f = click.option(
        "--hint", "hints", metavar="K=V", multiple=True, callback=pairs, help="A render hint, such as seed=7."
    )(f)
    return click.option("--metadata", metavar="K=V", multiple=True, callback=pairs, help="An entry about the picture.")(
        f
    )


def loaded(options: dict[str, Any]) -> dict[str, Any]:
    """Return the given symbols, with arrays read from their files. CANNOT_READ (SEM-E-101) if a file is not an array."""
    values = {name: options[name] for name in NAMES if options.get(name) is not None}
    for option in OPTIONS:
        if option.form == "array" and option.name in values:
            values[option.name] = _array(values[option.name])
    return values


def _array(name: str) -> Any:
    """Read the array of an .npy file, without unpickling, in no more memory than the file has bytes."""
    import warnings
    from tokenize import TokenError

    import numpy as np

    data = (
        read_stream(standard_input(), ARRAY_BYTES)
        if name == STDIO
        else read_settings(name, ARRAY_BYTES, "a file of an array")
    )
    hint, name = "save the array with numpy.save", "standard input" if name == STDIO else name
    if data.startswith(b"PK"):
        raise SemError(Code.CANNOT_READ, f"{shown(name)} is an archive, not one array", hint=hint)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about headers written by Python 2
            if not data.startswith(np.lib.format.MAGIC_PREFIX):
                raise ValueError("another signature")
            return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except (
        ValueError,
        EOFError,
        OSError,
        TypeError,
        KeyError,
        SyntaxError,
        MemoryError,
        RecursionError,
        OverflowError,
        TokenError,
    ) as error:
        raise SemError(Code.CANNOT_READ, f"{shown(name)} is not an .npy file of numbers", hint=hint) from error
