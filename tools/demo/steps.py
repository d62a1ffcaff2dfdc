# SPDX-License-Identifier: MIT
"""The steps of the demonstration: commands of semtool that are printed and timed, and their files."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refcodec.images.load import load
from refcodec.images.save import save
from tools.demo import ROOT

PIXELS_MAX: Final = 1 << 20  # of the picture that the demonstration encodes; a larger one is shrunk


@dataclass(frozen=True)
class Coded:
    """A .sem file with the picture uint8[H, W, 3] or the text that was decoded from it."""

    file: Path
    pixels: NDArray[np.uint8]

    @property
    def size(self) -> int:
        return self.file.stat().st_size


def run(*args: str | Path) -> str:
    """Print and run a semtool command, and print its output and seconds; return the output. Exits if it fails."""
    words = [str(arg) for arg in args]
    print(f"\n$ semtool {shlex.join(relative(word) for word in words)}", flush=True)
    start = time.monotonic()
    command = [sys.executable, "-m", "refcodec.cli", *words]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    print(done.stdout.replace(f"{ROOT}/", ""), end="")
    if done.returncode:
        raise SystemExit(done.returncode)
    print(f"  ({time.monotonic() - start:.1f} s)", flush=True)
    return done.stdout


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print what is being done, then its seconds."""
    start = time.monotonic()
    print(f"  {what} …", end="", flush=True)
    yield
    print(f" {time.monotonic() - start:.1f} s", flush=True)


def relative(word: str) -> str:
    """Return a path below the repository as it is named from there."""
    return word.removeprefix(f"{ROOT}/")


def prepared(photo: Path, out: Path) -> tuple[Path, NDArray[np.uint8]]:
    """Return a photo and its pixels uint8[H, W, 3]; one of more than `PIXELS_MAX` pixels shrunk, as a file in `out`."""
    pixels = load(photo).pixels[..., :3]
    height, width = pixels.shape[:2]
    scale = (PIXELS_MAX / (width * height)) ** 0.5
    if scale >= 1:
        return photo, pixels
    small = Image.fromarray(pixels).resize((round(width * scale), round(height * scale)), Image.Resampling.LANCZOS)
    path = out / f"{photo.stem}-{small.width}x{small.height}.png"
    save(np.asarray(small), path)
    print(f"{photo.name} has {width}x{height} pixels: the demonstration uses it as {small.width}x{small.height}")
    return path, np.asarray(small)


def picture(photo: Path, out: Path, name: str, *options: str) -> Coded:
    """Encode a photo with options and decode the file to a picture."""
    sem, png = out / f"{name}.sem", out / f"{name}.png"
    run("encode", photo, "-o", sem, "--force", *options)
    run("decode", sem, "-o", png, "--force")
    return Coded(sem, load(png).pixels[..., :3])


def sketch(photo: Path, out: Path, caption: str, size: tuple[int, int]) -> Coded:
    """Encode a caption and an edge map of a photo; return the file with the edge map in the size of the photo."""
    sem, png = out / "sketch.sem", out / "sketch.png"
    run("encode", photo, "-o", sem, "--force", "--method", "pics", "--caption", caption, "--bpp", "0.02")
    run("decode", sem, "--symbols", "-o", png, "--force")
    image = Image.fromarray(load(png).pixels).convert("RGB").resize(size, Image.Resampling.BILINEAR)
    return Coded(sem, np.asarray(image))


def words(text: str, out: Path, size: tuple[int, int]) -> tuple[int, str, str]:
    """Encode a sentence as consonants; return the bytes of the file, the consonants and the restored words."""
    sem, sent = out / "words.sem", out / "words.txt"
    run("encode", "--text", text, "--size", f"{size[0]}x{size[1]}", "-o", sem)
    run("decode", sem, "--symbols", "-o", sent, "--force")
    restored = run("decode", sem, "--text").strip()
    return sem.stat().st_size, sent.read_text().strip(), restored


def activation() -> str | None:
    """Return the command that puts `semtool` on the path of the user's shell; None if it is there already."""
    folder = Path(sys.executable).parent
    if shutil.which("semtool") is not None:
        return None
    if os.name == "nt":
        return relative(str(folder / "activate"))
    script = {"fish": "activate.fish", "csh": "activate.csh", "tcsh": "activate.csh"}
    name = script.get(Path(os.environ.get("SHELL", "")).name, "activate")
    return f"source {relative(str(folder / name))}"
