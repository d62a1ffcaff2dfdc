# SPDX-License-Identifier: MIT
# %% [markdown]
# # Edit a file's text
#
# In a file of sections each has its own check, so one can be replaced without decoding the others, and without their models.
# Here the caption beside a grid of VQ indices is corrected, and a title is added; the grid keeps every byte.
#
# `semtool add FILE -o NEW --replace --caption TEXT` does the same from the command line.

# %%
from pathlib import Path

import numpy as np

import refcodec
from refcodec import editing

SIZE, PROFILE = (768, 512), "perco-16-256"
grid = np.random.default_rng(0).integers(0, 256, (32, 48))
before = refcodec.encode(indices=grid, caption="A dog on a mat.", size=SIZE, profile=PROFILE)
refcodec.text(before).text

# %% [markdown]
# ## Replace the caption
#
# A section is bound to the header (profile and size) by its check, so the new one comes from a file with the same header. It
# holds nothing but the caption, and costs a few microseconds.

# %%
caption = refcodec.read(refcodec.encode(caption="A cat on a mat.", method="perco", profile=PROFILE, size=SIZE))
after = editing.add(refcodec.read(before), caption.sections, replacing=True).data
print(refcodec.text(before).text, "->", refcodec.text(after).text)

# %% [markdown]
# The indices are the same, and so are the bytes of their section.

# %%
assert np.array_equal(refcodec.symbols(after)["vq"], grid)
bodies = [{section.type: section.body for section in refcodec.read(data).sections} for data in (before, after)]
[hex(kind) for kind in bodies[0] if bodies[0][kind] == bodies[1][kind]]

# %% [markdown]
# ## Add a title, take the caption away
#
# Metadata is text about the picture, ancillary: a decoder may skip it. Captions and metadata can name people and places;
# before a file is published, `strip` takes them out.

# %%
titled = refcodec.read(
    refcodec.encode(caption="", method="perco", profile=PROFILE, size=SIZE, metadata={"title": "On the mat"})
)
metadata = [section for section in titled.sections if not section.critical]
with_title = editing.add(refcodec.read(after), metadata).data
print(refcodec.read(with_title).metadata)

without_text = editing.strip(
    refcodec.read(with_title), [editing.type_named("caption"), editing.type_named("metadata")]
).data
for name, data in {"before": before, "after": after, "titled": with_title, "stripped": without_text}.items():
    Path(f"{name}.sem").write_bytes(data)
    print(f"{name:9}{len(data):6} bytes  {', '.join(part.kind for part in refcodec.payload(data).sections)}")

# %%
refcodec.inspect(with_title)
