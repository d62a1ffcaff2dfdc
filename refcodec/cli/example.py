# SPDX-License-Identifier: MIT
"""semtool example: write inputs to try the commands with: a photograph, an edge map, and arrays as encode takes them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from refcodec.batch.outputs import make_folder
from refcodec.cli.common_options import json_option
from refcodec.cli.output_file import folder_name
from refcodec.cli.output_probe import probe_folder
from refcodec.cli.stdio import say, show_json, wants_json, write_output
from refcodec.errors import Code, SemError
from refcodec.fileio import shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE: Final = (768, 512)  # of the picture that the symbols stand for
SEED: Final = 7
TEXT: Final = "a red cup of coffee on a wooden table"
CAPTION: Final = "A red cup of coffee on a wooden table."
LIST: Final = "EXAMPLES.txt"


@dataclass(frozen=True)
class Example:
    """One file. what: its content, with shape and dtype of an array. command: how to use it."""

    name: str
    data: bytes
    what: str
    command: str


@click.command("example", short_help="Write example inputs: a photo, symbols, arrays.")
@click.option("-o", "--output", metavar="DIR", default=".", callback=folder_name, help="[default: the current folder]")
@click.option("--force", is_flag=True, help="Replace existing files.")
@json_option
def command(output: str, force: bool) -> None:
    """Write a photograph, an edge map and arrays in the shapes that `semtool encode` takes, and a list of them.

    \b
    semtool example
    semtool encode photo.jpg
    semtool encode --indices grid.npy --caption "A red cup." --size 768x512 -o vq.sem
    """
    probe_folder(output)
    written = list(examples())
    text = describe(written)
    files = {os.path.normpath(os.path.join(output, example.name)): example.data for example in written}
    files[os.path.normpath(os.path.join(output, LIST))] = text.encode()
    existing = [name for name in files if os.path.lexists(name)]
    if existing and not force:
        raise SemError(
            Code.CANNOT_WRITE,
            f"{shown(existing[0])} exists",
            hint="--force replaces it; -o names another folder",
        )
    make_folder(output)
    for name, data in files.items():
        write_output(name, data, new=not force)
    if wants_json():
        rows = [
            {"file": os.path.normpath(os.path.join(output, e.name)), "what": e.what, "command": e.command}
            for e in written
        ]
        show_json({"files": rows})
        return
    say(text.rstrip())


def examples() -> Iterator[Example]:
    """Yield the examples, the same bytes at each call on one version of numpy and Pillow."""
    import numpy as np

    from refcodec.consonant_text.normalise import normalise

    size = f"--size {SIZE[0]}x{SIZE[1]}"
    photo = _photo()
    yield Example(
        "photo.jpg", photo, 'a photograph, "coffee" (CC0, Rachel Michetti), 600x400', "semtool encode photo.jpg"
    )
    yield Example(
        "text.txt", f"{TEXT}\n".encode(), "a text", f'semtool encode --text "$(cat text.txt)" {size} -o text.sem'
    )
    edges = _edges(photo)
    use = f'semtool encode --sketch edges.png --caption "{CAPTION}" {size} -o edges.sem'
    yield Example("edges.png", edges, f"an edge map, white on black, {SIZE[0]}x{SIZE[1]}, 8-bit grey", use)
    random = np.random.default_rng(SEED)
    vector = random.standard_normal(768, np.float32)
    what = "an image embedding as a CLIP ViT-L/14 gives it: random numbers in its place"
    yield _array("clip.npy", vector, what, "semtool encode --vector clip.npy --size 768x768 -o clip.sem")
    grid = random.integers(0, 256, (8, 12)).astype(np.uint16)
    what = "VQ indices 0 to 255 of profile perco-64-256, a row of the grid for 64 rows of pixels: random numbers"
    use = f'semtool encode --indices grid.npy --caption "{CAPTION}" {size} -o vq.sem'
    yield _array("grid.npy", grid, what, use)
    codes = np.frombuffer(normalise(TEXT).consonants.codes, np.uint8)
    what = "codes 0 to 15 of a consonant text (SPEC.md §13.1), those of text.txt"
    yield _array("codes.npy", codes, what, f"semtool encode --method consonant --codes codes.npy {size} -o codes.sem")


def describe(written: list[Example]) -> str:
    """Return the list of examples as text: a line for each file, and below it a command that uses it."""
    width = max(len(example.name) for example in written)
    lines = [f"{e.name:{width}}  {e.what}\n{'':{width}}  $ {e.command}" for e in written]
    return "\n".join(lines) + "\n"


def _array(name: str, array: NDArray[Any], what: str, use: str) -> Example:
    """Return the example of an .npy file, whose description begins with its dtype and shape."""
    import numpy as np

    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return Example(name, out.getvalue(), f"{array.dtype}[{', '.join(map(str, array.shape))}]: {what}", use)


def _photo() -> bytes:
    """Return the photograph of the package, a JPEG."""
    from importlib.resources import files

    return (files("refcodec") / "data/examples/photo.jpg").read_bytes()


def _edges(photo: bytes) -> bytes:
    """Return the edge map of the photograph by the embedded detector, in the size of the symbols, as PNG."""
    import numpy as np
    from PIL import Image

    from refcodec.images.edge_detector import contours

    with Image.open(io.BytesIO(photo)) as image:
        pixels: NDArray[np.uint8] = np.asarray(image.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS))
    out = io.BytesIO()
    Image.fromarray(contours(pixels)).save(out, "PNG")
    return out.getvalue()
