# SPDX-License-Identifier: MIT
# %% [markdown]
# # Compare codecs at equal bytes
#
# A quality of 50 means something else in every codec, so pictures can only be compared at the same number of bytes. Here a
# photograph becomes a `.sem` file at three qualities; then each of the others gets the best quality that fits into as many
# bytes. The model is the one that ships with the package: nothing is downloaded, and torch is not needed.
#
# The photograph is "coffee" (CC0, Rachel Michetti) of scikit-image (`pip install scikit-image`). The variable PHOTO names
# another one.

# %%
import io
import math
import os
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, features

import refcodec
from refcodec import notebook

if "PHOTO" in os.environ:
    photo = Image.open(os.environ["PHOTO"]).convert("RGB")
else:
    from skimage import data as samples

    photo = Image.fromarray(samples.coffee())
photo.size

# %% [markdown]
# ## The best file within a budget
#
# Sizes grow with quality, nearly always, so bisection finds the best quality within a budget in seven trials. AVIF and WebP
# depend on how Pillow was built, so ask. A codec may be unable to make a file that small: then there is no entry.


# %%
CODECS = {"JPEG": {"optimize": True}, "WebP": {"method": 4}, "AVIF": {"speed": 4}}
CODECS = {name: options for name, options in CODECS.items() if name == "JPEG" or features.check(name.lower())}


@cache
def packed(codec: str, quality: int) -> bytes:
    """Return the photograph as a file of this codec."""
    out = io.BytesIO()
    photo.save(out, codec, quality=quality, **CODECS[codec])
    return out.getvalue()


def best_within(codec: str, budget: int) -> bytes | None:
    """Return the largest file of at most `budget` bytes, or None if every file is larger."""
    best, low, high = None, 0, 100
    while low <= high:
        quality = (low + high) // 2
        file = packed(codec, quality)
        if len(file) <= budget:
            best, low = file, quality + 1
        else:
            high = quality - 1
    return best


# %% [markdown]
# ## A figure of merit
#
# PSNR compares pixel by pixel: 10 · log10(255² / mean squared error), in dB. It is simple, and blind to much of what people
# see; `semtool bench` has better ones (MS-SSIM, SSIMULACRA 2), and curves over many pictures. Look at the pictures, too.


# %%
def psnr(file: bytes) -> float:
    """Return the PSNR in dB of a file, over R, G and B."""
    decoded = refcodec.decode(file) if file.startswith(b"\xf5\x9e") else Image.open(io.BytesIO(file)).convert("RGB")
    difference = np.asarray(decoded, np.float64) - np.asarray(photo, np.float64)
    return 10 * math.log10(255**2 / np.mean(difference**2))


# %%
table, galleries = [], []
for quality in (2, 4, 6):
    sem = refcodec.encode(photo, quality=quality)
    files = {"sem": sem} | {codec: best_within(codec, len(sem)) for codec in CODECS}
    for codec, file in files.items():
        row = (
            (str(quality), codec, "-", "-")
            if file is None
            else (str(quality), codec, str(len(file)), f"{psnr(file):.2f}")
        )
        table.append(row)
    galleries.append(
        notebook.side_by_side(
            {"photograph": photo} | {codec: file for codec, file in files.items() if file is not None}
        )
    )

print(f"{'quality':8}{'codec':8}{'bytes':>8}{'dB':>8}")
for sem_quality, codec, size, decibels in table:
    print(f"{sem_quality:8}{codec:8}{size:>8}{decibels:>8}")

# %% [markdown]
# How to read it. Qualities are whole numbers, so the others use up to an eighth less than they may. AVIF is the codec to
# beat: on this photograph it equals the `.sem` file at 0.13 bits per pixel, leads at 0.26 by half a decibel, and has no file
# of this size at 0.06, where one would send it a smaller picture instead. WebP is behind at each rate, JPEG further. The
# model in this package is a small one, trained on 371 photographs; one photograph is an example and no benchmark
# (docs/results.md has those).

# %%
galleries[0]

# %%
galleries[-1]

# %% [markdown]
# The same without a notebook: one picture, and a page.

# %%
galleries[1].picture(columns=5).save("comparison.png")
notebook.write_html("comparison.html", *galleries)
Path("comparison.csv").write_text(
    "quality,codec,bytes,psnr\n" + "".join(",".join(row) + "\n" for row in table), encoding="utf-8"
)
