# SPDX-License-Identifier: MIT
"""Convert colours to sRGB: by an ICC profile, by the gamma of a PNG, or from CIE Lab and CMYK."""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np
from PIL import Image, ImageCms

from refcodec.images.channels import as_rgb
from refcodec.images.pillow_guard import printable

_ROUNDING: Final = 2  # largest difference in levels at which the transform of a profile counts as the identity


def to_srgb(image: Image.Image, info: dict[Any, Any], notices: list[str]) -> Image.Image:
    """Return an sRGB image in mode RGB of one in L, RGB, CMYK or LAB, by the ICC profile or PNG gamma in `info`."""
    icc = info.get("icc_profile")
    if isinstance(icc, bytes) and icc:
        converted = _by_profile(image, icc, notices)
        if converted:
            return converted
    elif image.mode in ("L", "RGB") and "srgb" not in info:
        image = _without_gamma(image, info.get("gamma"), notices)
    if image.mode == "LAB":
        notices.append("CIE Lab was converted to sRGB.")
        return _transformed(image, ImageCms.createProfile("LAB"))
    if image.mode == "CMYK":
        notices.append("CMYK without a usable profile was converted to RGB by the plain formula.")
    return as_rgb(image)


def _by_profile(image: Image.Image, icc: bytes, notices: list[str]) -> Image.Image | None:
    """Return the image in sRGB; None if the profile cannot be used."""
    name = "The ICC profile"
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        name = f"The ICC profile {_quoted_name(profile)}".rstrip()
        space = printable(profile.profile.xcolor_space, 4)
        if space == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if space != {"L": "GRAY", "LAB": "Lab"}.get(image.mode, image.mode):
            notices.append(f"{name} is for {space or 'other'} pixels, not {image.mode}, and was ignored.")
            return None
        if image.mode in ("L", "RGB") and _is_srgb(profile, image.mode):
            return as_rgb(image)
        converted = _transformed(image, profile)
    except Exception:  # noqa: BLE001 - the pixels are usable even if the profile is damaged
        notices.append(f"{name} is damaged or unusable and was ignored.")
        return None
    notices.append(f"{name} was converted to sRGB.")
    return converted


def _transformed(image: Image.Image, profile: Any) -> Image.Image:
    """Return `image` converted from `profile` to sRGB, with perceptual intent (relative colorimetric if a profile lacks it)."""
    transform = ImageCms.buildTransform(
        profile, ImageCms.createProfile("sRGB"), image.mode, "RGB", ImageCms.Intent.PERCEPTUAL
    )
    return transform.apply(image)


def _is_srgb(profile: ImageCms.ImageCmsProfile, mode: str) -> bool:
    """Return whether the profile changes the colours of a coarse grid by rounding only. Names and versions are not reliable."""
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    grid = steps[None] if mode == "L" else np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    probe = Image.fromarray(grid)
    moved = np.asarray(_transformed(probe, profile), np.int16) - np.asarray(probe.convert("RGB"), np.int16)
    return int(abs(moved).max()) <= _ROUNDING


def _quoted_name(profile: ImageCms.ImageCmsProfile) -> str:
    text = printable(ImageCms.getProfileDescription(profile), 60)
    return f'"{text}"' if text else ""


def _without_gamma(image: Image.Image, gamma: Any, notices: list[str]) -> Image.Image:
    """Return L or RGB levels in sRGB, converted if the gAMA chunk of a PNG is present, plausible and unlike sRGB's."""
    if not isinstance(gamma, float) or not 0.1 <= gamma <= 10 or abs(gamma * 2.2 - 1) < 0.05:
        return image
    light = (np.arange(256) / 255) ** (1 / gamma)
    levels = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    notices.append(f"The PNG gamma {gamma:g} was converted to sRGB.")
    return image.point((levels * 255).round().astype(int).tolist() * len(image.getbands()))
