# SPDX-License-Identifier: MIT
"""Convert the weights of the demonstration's packages to what `semtool models import` takes.

    python -m tools.demo_real.convert hed FILE.h5 network-bsds500.safetensors --packages FOLDER
    python -m tools.demo_real.convert language FILE.gguf FOLDER --packages FOLDER

The Keras HED is written under the names of pytorch-hed, fusion layer and BGR input included, so that its import is that of
`network-bsds500`. The language model is written as transformers reads it, its 4-bit weights as float16.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LAYERS: Final = {"One": 2, "Two": 2, "Thr": 3, "Fou": 3, "Fiv": 3}  # convolutions of a block
DROPPED: Final = ("quantization_config", "_name_or_path")


def hed_names() -> dict[str, str]:
    """Return name of pytorch-hed -> path of a layer in the HDF5 file, without weight and bias."""
    names = {"netCombine.0": "fuse"}
    for b, (side, number) in enumerate(LAYERS.items(), 1):
        names[f"netScore{side}"] = f"dsn{b}"
        for i in range(number):
            layer = f"conv2d_{i}" if i else "conv2d"
            names[f"netVgg{side}.{2 * i + (b > 1)}"] = f"block{b}/layers/{layer}"
    return names


def hed(source: Path, target: Path) -> None:
    """Write the tensors of the Keras file, convolutions [H, W, in, out], as those of torch, [out, in, H, W]."""
    import h5py
    from safetensors.numpy import save_file

    tensors: dict[str, NDArray[Any]] = {}
    with h5py.File(source, "r") as file:
        for name, path in hed_names().items():
            tensors[f"{name}.weight"] = np.ascontiguousarray(file[f"{path}/vars/0"][...].transpose(3, 2, 0, 1))
            tensors[f"{name}.bias"] = np.ascontiguousarray(file[f"{path}/vars/1"][...])
    save_file(tensors, target)


def language(source: Path, target: Path) -> None:
    """Write a GGUF file as a folder of transformers: config.json, model.safetensors and the tokenizer."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    config = {key: value for key, value in model.config.to_dict().items() if key not in DROPPED}
    config |= {"architectures": [type(model).__name__], "dtype": "float16"}
    tensors = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        tensors.pop("lm_head.weight", None)
    part = target.with_name(target.name + ".part")
    part.mkdir(exist_ok=True)
    (part / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    save_file(tensors, part / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save_pretrained(part)
    os.replace(part, target)


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("what", choices=["hed", "language"])
    ap.add_argument("source", type=Path)
    ap.add_argument("target", type=Path)
    ap.add_argument("--packages", type=Path, required=True, help="folder of h5py and gguf, searched last")
    args = ap.parse_args()
    sys.path.append(str(args.packages.absolute()))
    (hed if args.what == "hed" else language)(args.source, args.target)


if __name__ == "__main__":
    main()
