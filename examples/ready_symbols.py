# SPDX-License-Identifier: MIT
# %% [markdown]
# # Make and read ready symbols
#
# A `.sem` file holds symbols: letters, signs, indices, latents. A model makes them of a picture and another makes a picture
# of them, but the file needs neither. If your own network already gives a caption, a CLIP embedding or a grid of VQ indices,
# this is all it takes to store them: in few bytes, checked, and readable by every decoder of the format.
#
# No model and no torch is used here.

# %%
from pathlib import Path

import numpy as np

import refcodec

SIZE = (768, 512)  # width and height of the picture that the symbols stand for
random = np.random.default_rng(0)

# %% [markdown]
# ## Text
#
# A caption keeps every character. A consonant text keeps what words can be guessed from, four bits a letter or less: the
# reader gets consonants, and a dictionary guesses the words: `ld` may be old, or lady.

# %%
files = {
    "caption": refcodec.encode(caption="A cat on a mat.", size=SIZE),
    "consonants": refcodec.encode(text="old stone bridge over a river", size=SIZE, profile="consonant-coded"),
}
refcodec.symbols(files["caption"])

# %%
restored = refcodec.text(files["consonants"])
print(restored.consonants, "->", restored.text)

# %% [markdown]
# ## An image embedding
#
# Profile `clip` sends one bit for each dimension, its sign. 768 dimensions are 96 bytes. Profiles `clip-2` to `clip-16` send
# more levels.

# %%
embedding = random.standard_normal(768)
files["embedding"] = refcodec.encode(vector=embedding, size=SIZE)
signs = refcodec.symbols(files["embedding"])["clip"]
assert np.array_equal(signs == 1, embedding >= 0)

# %% [markdown]
# ## A grid of indices
#
# Profile `perco-16-256` has an index of 0 to 255 for each 16 x 16 pixels: 48 columns and 32 rows for this picture. Wrong
# shapes and values are refused with a message that names the profiles that would fit.

# %%
grid = random.integers(0, 256, (32, 48))
files["indices"] = refcodec.encode(indices=grid, caption="A cat on a mat.", size=SIZE, profile="perco-16-256")
assert np.array_equal(refcodec.symbols(files["indices"])["vq"], grid)

try:
    refcodec.encode(indices=grid[:-1], size=SIZE, profile="perco-16-256")
except ValueError as error:
    print("refused:", error)

# %% [markdown]
# ## An edge map
#
# A sketch is not stored as it is: a small network with integer arithmetic codes it, with loss. Its latents are symbols like
# all the others, the same on every machine.

# %%
edges = np.zeros((SIZE[1], SIZE[0]), np.uint8)
edges[100:400, 200] = edges[100:400, 560] = edges[100, 200:560] = edges[400, 200:561] = 255
files["sketch"] = refcodec.encode(sketch=edges, caption="A door.", size=SIZE)
refcodec.symbols(files["sketch"])["sketch"]["y"].shape

# %% [markdown]
# ## What they cost, and that they come back
#
# The rate of a file is its size, everything included: header, check and all. `payload` gives the digest of each kind of
# symbols, which two decoders can compare without sending arrays about.

# %%
for name, data in files.items():
    Path(f"{name}.sem").write_bytes(data)
    inspection = refcodec.inspect(f"{name}.sem")
    kinds = " + ".join(f"{part.kind} {part.sha256[:8]}" for part in refcodec.payload(data).sections)
    print(f"{name:11}{inspection.file_bytes:6} bytes {inspection.ubpp:9.1f} µbpp   {kinds}")

# %% [markdown]
# `refcodec.symbol_files(data)` gives the same symbols as files for other programs; each can be made in several formats, the
# usual one first.

# %%
for kind, artifact in refcodec.symbol_files("indices.sem").items():
    suffix = artifact.suffixes[0]
    Path(f"indices.{kind}{suffix}").write_bytes(artifact.make(suffix))
    print(f"indices.{kind}{suffix}: {artifact.what}")
