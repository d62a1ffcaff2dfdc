# SPDX-License-Identifier: MIT
"""Convert colours to sRGB: by code points (cICP), an ICC profile, gamma and primaries, or from CIE Lab and CMYK.

A picture may name its colours several times. In this order: PQ or HLG by code points, wherever they stand; the cICP chunk of
a PNG; an ICC profile; nclx; the sRGB, gAMA and cHRM chunks of a PNG or the primaries of a TIFF; the colour space of EXIF.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL import Image, ImageCms

from refcodec.images.channels import as_rgb
from refcodec.images.cicp import Cicp, to_srgb_by_cicp
from refcodec.images.colour_tags import icc_cicp
from refcodec.images.light import SRGB, Chromaticities, converted, light_to_srgb, plausible, power, srgb_to_light
from refcodec.images.pillow_guard import printable

_ROUNDING: Final = 2  # largest difference in levels at which the transform of a profile counts as the identity


@dataclass(frozen=True)
class ColourTags:
    """Colour tags of a picture, apart from an ICC profile and PNG's gamma, which are in Pillow's `info`.

    primaries: of a PNG or TIFF; adobe_rgb: by EXIF; uncalibrated: EXIF names no colour space.
    """

    cicp: Cicp | None = None
    primaries: Chromaticities | None = None
    adobe_rgb: bool = False
    uncalibrated: bool = False


NO_TAGS: Final = ColourTags()
_ADOBE_RGB: Final[Chromaticities] = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


def to_srgb(image: Image.Image, info: dict[Any, Any], notices: list[str], tags: ColourTags = NO_TAGS) -> Image.Image:
    """Return an sRGB image in mode RGB of one in L, RGB, CMYK or LAB, by `info` of Pillow and the other colour tags."""
    icc = info.get("icc_profile")
    icc = icc if isinstance(icc, bytes) and icc else None
    named = _outranking(image, tags.cicp, icc, notices)
    if named:
        return to_srgb_by_cicp(image, named, notices)
    if icc:
        found = _by_profile(image, icc, notices)
        if found:
            return found
    elif image.mode in ("L", "RGB"):
        return _without_profile(image, info, tags, notices)
    if image.mode == "LAB":
        notices.append("CIE Lab was converted to sRGB.")
        return _transformed(image, ImageCms.createProfile("LAB"))
    if image.mode == "CMYK":
        notices.append("CMYK without a usable profile was converted to RGB by the plain formula.")
    return as_rgb(image)


def _outranking(image: Image.Image, cicp: Cicp | None, icc: bytes | None, notices: list[str]) -> Cicp | None:
    """Return the code points that outrank an ICC profile: those of a PNG, and those of HDR, which profiles describe badly."""
    if image.mode not in ("L", "RGB"):
        return None
    if cicp and (cicp.chunk or cicp.hdr or not icc):
        return cicp
    inside = icc_cicp(icc) if icc else None
    if inside and inside.hdr:
        notices.append("The ICC profile names HDR by its cicp tag, which was followed.")
        return inside
    return None


def _without_profile(image: Image.Image, info: dict[Any, Any], tags: ColourTags, notices: list[str]) -> Image.Image:
    """Return L or RGB levels in sRGB by gamma and primaries, or by the colour space of EXIF."""
    if "srgb" in info:
        return as_rgb(image)
    primaries = tags.primaries or plausible(info.get("chromaticity"))
    if primaries and max(abs(a - b) for a, b in zip(primaries, SRGB, strict=True)) > 0.005 and image.mode == "RGB":
        gamma = _unusual(info.get("gamma"))
        try:
            found = converted(image, primaries, power(1 / gamma) if gamma else srgb_to_light)
        except (np.linalg.LinAlgError, ZeroDivisionError, FloatingPointError):
            notices.append("The primaries of the picture span no colours and were ignored.")
        else:
            curve = f" and gamma {gamma:g}" if gamma else ""
            notices.append(f"Colours with primaries of their own{curve} were converted to sRGB.")
            return found
    if tags.adobe_rgb:
        notices.append("Adobe RGB, which EXIF names, was converted to sRGB.")
        return converted(image, _ADOBE_RGB, power(563 / 256))
    if tags.uncalibrated:
        notices.append("EXIF names no colour space and there is no profile: the levels were read as sRGB.")
    return as_rgb(_without_gamma(image, _unusual(info.get("gamma")), notices))


def _unusual(gamma: Any) -> float | None:
    """Return the gamma of a PNG if it is plausible and unlike sRGB's."""
    plausible = isinstance(gamma, float) and 0.1 <= gamma <= 10
    return gamma if plausible and abs(gamma * 2.2 - 1) >= 0.05 else None


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


def _without_gamma(image: Image.Image, gamma: float | None, notices: list[str]) -> Image.Image:
    """Return L or RGB levels in sRGB, converted if the gAMA chunk of a PNG is present, plausible and unlike sRGB's."""
    if gamma is None:
        return image
    levels = light_to_srgb(power(1 / gamma)(np.arange(256) / 255))
    notices.append(f"The PNG gamma {gamma:g} was converted to sRGB.")
    return image.point((levels * 255).round().astype(int).tolist() * len(image.getbands()))
