# SPDX-License-Identifier: MIT
# %% [markdown]
# # Look into a file
#
# `refcodec.inspect` names every byte and bit of a file. It decodes no payload, runs no network and needs no model. In a
# notebook its result shows itself: facts, the share of each field, and a table that opens.

# %%
import io
from pathlib import Path

from PIL import Image
from skimage import data as samples

import refcodec
import refcodec.pillow  # Pillow now opens .sem files
from refcodec import notebook

photo = Image.fromarray(samples.coffee())
data = refcodec.encode(photo, quality=5, metadata={"title": "Coffee"})
Path("coffee.sem").write_bytes(data)
inspection = refcodec.inspect("coffee.sem")
inspection

# %% [markdown]
# ## Fields
#
# Each has a name of SPEC.md, an offset in bytes and a length in bits. Together they are the entire file.

# %%
for field in inspection.fields[:12]:
    print(f"{field.offset:4}{field.bits:6} bits  {field.name:26}{field.value}")
assert sum(field.bits for field in inspection.fields) == 8 * len(data)

# %% [markdown]
# `to_dict` has the keys of `semtool inspect --json`, for programs.

# %%
{key: inspection.to_dict()[key] for key in ("method", "width", "height", "bpp", "overhead_bytes")}

# %% [markdown]
# ## A damaged file
#
# Any bytes can be inspected, here a file whose end is missing. What can be read is shown, and the error says where it ends;
# `refcodec.read` would raise it.

# %%
damaged = refcodec.inspect(data[:-8])
print(damaged.errors[0])
damaged

# %% [markdown]
# A change within the payload does not show here, since no payload is decoded. The check finds it.

# %%
changed = bytearray(data)
changed[2000] ^= 1
print(refcodec.inspect(changed).errors)
try:
    refcodec.payload(changed)
except refcodec.SemError as error:
    print(error)

# %% [markdown]
# ## The picture and the size of its file
#
# An opened file is a Pillow image; its header is read at once, its pixels when they are needed. In a notebook it shows both.

# %%
opened = Image.open("coffee.sem")
opened

# %% [markdown]
# Side by side with the original, and as a page for those who have no notebook:

# %%
jpeg = io.BytesIO()
photo.save(jpeg, "JPEG", quality=90)
gallery = notebook.side_by_side({"JPEG, quality 90": jpeg.getvalue(), "sem": data})
notebook.write_html("inspection.html", inspection, damaged, opened, gallery)
gallery
