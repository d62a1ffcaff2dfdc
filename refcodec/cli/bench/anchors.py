# SPDX-License-Identifier: MIT
"""Anchor codecs as Pillow and its plugins write them. Rates are of complete files, with their headers."""

from __future__ import annotations

import io
from importlib import metadata
from typing import Any

from PIL import Image, __version__, features

from refcodec.cli.bench.measure import Codec, Setting, open_picture
from refcodec.errors import Code, SemError

# Dense where the rate window of the benchmarks (0.1 to 0.8 bpp) lies, down to the lowest quality of each: as means over
# Kodak that is 0.09 bpp for JPEG and 0.10 for WebP. Leaving out the lowest ones would cut the common interval short.
JPEG_QUALITIES = (1, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26, 30, 35, 40, 45, 50, 60, 70, 80)
WEBP_QUALITIES = (0, 1, 2, 3, 4, 5, 7, 10, 14, 18, 22, 27, 32, 38, 45, 52, 60, 68, 76, 84, 90)
AVIF_QUALITIES = (2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 32, 36, 40, 44, 47, 50, 54, 58, 63, 68, 74)
JXL_QUALITIES = (0, 4, 8, 12, 16, 20, 24, 28, 32, 38, 45, 52, 60, 68, 75, 80, 85, 90)
JP2_RATES = (0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.5, 0.65, 0.8, 1.0, 1.25)  # bits per pixel: it has no quality
RGB_BITS = 24


def _anchor(name: str, format: str, library: str, settings: tuple[Setting, ...], **options: Any) -> Codec:
    def encode(image: Image.Image, setting: Setting) -> bytes:
        file = io.BytesIO()
        image.save(file, format, **_rate(setting), **options)
        return file.getvalue()

    written = " ".join(f"{key}={value}" for key, value in options.items())
    return Codec(name, f"{name} Pillow {__version__} {library} {written}", settings, encode, open_picture)


def _rate(setting: Setting) -> dict[str, Any]:
    """Return the options of Pillow for a quality, or of JPEG 2000 for bits per pixel."""
    if isinstance(setting, float):
        return {"quality_mode": "rates", "quality_layers": [RGB_BITS / setting]}
    return {"quality": setting}


def _version(feature: str) -> str:
    return f"{feature} {features.version(feature)}"


def _need(feature: str, name: str) -> None:
    """Raise Code.DEPENDENCY_MISSING (SEM-E-805) if Pillow was built without a format."""
    if not features.check(feature):
        raise SemError(Code.DEPENDENCY_MISSING, f"this build of Pillow has no {name}", hint="use Pillow's own wheels")


def jpeg() -> Codec:
    """Return baseline JPEG, 4:2:0, with Huffman tables optimised for the picture."""
    library = _version("libjpeg_turbo" if features.check("libjpeg_turbo") else "jpg")
    return _anchor("JPEG", "JPEG", library, JPEG_QUALITIES, optimize=True, subsampling="4:2:0")


def webp() -> Codec:
    """Return lossy WebP with its slowest and best search."""
    return _anchor("WebP", "WebP", _version("webp"), WEBP_QUALITIES, method=6)


def avif() -> Codec:
    """Return AVIF, 8 bits, 4:2:0, with two threads.

    The number of threads decides the tiles and so the bytes (about 1 %). With two threads they are those that any machine
    with two or more cores writes by default.
    """
    return _avif("AVIF", 6)


def avif_slow() -> Codec:
    """Return AVIF as `avif` does, at its slowest speed: about fifty times the time."""
    return _avif("AVIF speed 0", 0)


def _avif(name: str, speed: int) -> Codec:
    _need("avif", "AVIF")
    options = {"speed": speed, "subsampling": "4:2:0", "max_threads": 2}
    return _anchor(name, "AVIF", _version("avif"), AVIF_QUALITIES, **options)


def jxl() -> Codec:
    """Return lossy JPEG XL at effort 9, by the plugin pillow-jxl-plugin.

    Raises Code.DEPENDENCY_MISSING (SEM-E-805) without the plugin.
    """
    try:
        import pillow_jxl  # noqa: F401  it registers the format
    except ImportError as error:
        what = "JPEG XL needs the package pillow-jxl-plugin, which is not installed"
        raise SemError(Code.DEPENDENCY_MISSING, what, hint="pip install 'refcodec[jxl]'") from error
    library = f"pillow-jxl-plugin {metadata.version('pillow-jxl-plugin')}"
    return _anchor("JPEG XL", "JXL", library, JXL_QUALITIES, effort=9, num_threads=2)


def jp2() -> Codec:
    """Return JPEG 2000 with the irreversible wavelet and colour transforms, at given rates, since it has no quality.

    Every picture gets the same rate, whereas others spend more on difficult ones: means over pictures are not comparable
    at one setting, and BD-rates of single pictures are the better comparison.
    """
    _need("jpg_2000", "JPEG 2000")
    return _anchor("JPEG 2000", "JPEG2000", _version("jpg_2000"), JP2_RATES, irreversible=True, mct=1)


ANCHORS = {"jpeg": jpeg, "webp": webp, "avif": avif}  # that are measured unless others are named
FORMATS = {**ANCHORS, "avif-slow": avif_slow, "jxl": jxl, "jp2": jp2}
