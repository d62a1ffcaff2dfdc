# SPDX-License-Identifier: MIT
"""Write a tiny model for each role that a folder fills alone, and a segmenter, side by side."""

from __future__ import annotations

import shutil
from pathlib import Path

import tiny_models
from metric_checkpoints import write_segmenter


def write_role_folders(folder: Path) -> None:
    """Write one folder for each: captioner, language, painter, editor, controlnet, unclip, image_embedder, clip …"""
    tiny_models.idefics3(folder / "captioner")
    tiny_models.language_model(folder / "language")
    tiny_models.stable_diffusion(folder)
    tiny_models.unclip(folder / "other")
    (folder / "other" / "painter").rename(folder / "unclip")
    tiny_models.instruct_pix2pix(folder)
    tiny_models.image_embedder(folder / "image_embedder")
    tiny_models.clip_model(folder / "clip")
    shutil.copytree(folder / "clip", folder / "text_encoder")
    tiny_models.edge_detector(folder / "edge_detector")
    write_segmenter(folder / "segmenter")
