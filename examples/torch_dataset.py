# SPDX-License-Identifier: MIT
# %% [markdown]
# # Read `.sem` files with PyTorch's DataLoader
#
# Two ways to learn from compressed pictures. Decode them, as from any other format; or take the latents as they are: the
# entropy decoder gives them without running the synthesis network, and a tensor of 1/16 of the picture's width and height is
# often all that a classifier needs.
#
# Needs torch (`pip install 'refcodec[codec]'`) and scikit-image for its sample photograph. The dataset is in
# `sem_dataset.py` beside this file: the workers of a DataLoader are processes of their own, which import it. A class defined
# in a notebook cannot be found by them where processes are spawned (macOS, Windows, Python 3.14).

# %%
import time
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data as samples
from torch.utils.data import DataLoader

import refcodec
from sem_dataset import SemDataset, latents, picture

# %% [markdown]
# ## A folder of files
#
# Eight cuttings of one photograph, 128 x 96 pixels each, so that they form batches without padding.

# %%
folder = Path("pictures")
photo = samples.coffee()


def write_files() -> None:
    """Write the eight files."""
    folder.mkdir(exist_ok=True)
    for i in range(8):
        top, left = 96 * (i // 4) + 60, 128 * (i % 4)
        cutting = Image.fromarray(np.ascontiguousarray(photo[top : top + 96, left : left + 128]))
        (folder / f"{i}.sem").write_bytes(refcodec.encode(cutting, quality=5))


# %% [markdown]
# ## What is in a folder, without decoding
#
# `inspect` reads the header alone, in well under a millisecond: enough to sort files into batches of one size, or to leave
# out the ones of another method.


# %%
def sizes() -> set[tuple[str | None, int | None, int | None]]:
    """Return method, width and height of the files."""
    found = [refcodec.inspect(path) for path in folder.glob("*.sem")]
    return {(inspection.method, inspection.width, inspection.height) for inspection in found}


# %% [markdown]
# ## Batches
#
# The guard is for spawned workers, which run this file again under another name. In a notebook it is always true.

# %%
if __name__ == "__main__":
    write_files()
    print(sizes())
    dataset = SemDataset(folder, latents)
    first = dataset[0]
    print({name: getattr(value, "shape", value) for name, value in first.items()})

# %%
if __name__ == "__main__":
    for item in (latents, picture):
        start = time.perf_counter()
        batches = list(DataLoader(SemDataset(folder, item), batch_size=4, num_workers=2))
        shapes = {name: tuple(value.shape) for name, value in batches[0].items()}
        print(
            f"{item.__name__}: {len(batches)} batches of {shapes}, {time.perf_counter() - start:.1f} s with 2 workers"
        )

# %% [markdown]
# ## What the latents say
#
# Latents of smooth regions are nearly all zero: their share is itself a feature. Files whose latents come from one model are
# comparable; `refcodec.inspect(path).model.digest` names it.

# %%
if __name__ == "__main__":
    for path in dataset.paths[:4]:
        y = latents(path)["y"]
        print(f"{path.name}: {path.stat().st_size:4} bytes, {float((y == 0).float().mean()):.0%} of y is zero")
