# SPDX-License-Identifier: MIT
"""The crops of the report of `semtool bench rate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from refcodec.cli.bench.crops import Crop, CroppedPicture
from refcodec.cli.bench.html_tables import text
from refcodec.cli.bench.tables import setting_text

if TYPE_CHECKING:
    from refcodec.cli.bench.metric_registry import Metric
    from refcodec.cli.bench.rate import RateResult


def crops_html(result: RateResult, pictures: Sequence[CroppedPicture]) -> str:
    """Return the crops of each picture, the original first."""
    if not pictures:
        return ""
    parts = "".join(_picture(picture, result.metrics) for picture in pictures)
    return (
        "<h2>Crops at equal bytes</h2>\n<p class='dim'>Of each codec the file whose rate is nearest to the one named; the part "
        f"with the most detail is shown. Bytes and metrics are of the entire picture.</p>\n{parts}"
    )


def _picture(picture: CroppedPicture, metrics: Sequence[Metric]) -> str:
    height, width, _ = picture.source.pixels.shape
    wanted = round(picture.bpp * width * height / 8)
    figures = "".join(_crop(crop, metrics) for crop in picture.crops)
    return (
        f"<div class='picture'><h3>{text(picture.source.name)} <small>{width}×{height}, about {picture.bpp:g} bpp = "
        f"{wanted:,} bytes</small></h3><div class='crops'>\n"
        f"<figure>{_thumbnail(picture)}<figcaption><b>entire picture</b></figcaption></figure>\n"
        f"<figure>{_image(picture.original, 'original')}<figcaption><b>original</b></figcaption></figure>\n"
        f"{figures}</div></div>\n"
    )


def _crop(crop: Crop, metrics: Sequence[Metric]) -> str:
    values = [_value(metric, crop.point.values[metric.name]) for metric in metrics if metric.name in crop.point.values]
    remark = ", <span class='bad'>its nearest</span>" if crop.far else ""
    return (
        f"<figure>{_image(crop.png, crop.codec)}<figcaption><b>{text(crop.codec)}</b>, "
        f"{text(setting_text(crop.point.setting))}<br>{crop.size:,} bytes, {crop.point.bpp:.3f} bpp{remark}<br>"
        f"<span class='dim'>{', '.join(values)}</span></figcaption></figure>\n"
    )


def _value(metric: Metric, value: float) -> str:
    """Return a metric and its value, which stay on one line."""
    unit = "&nbsp;dB" if metric.name == "psnr" else ""
    return f"{text(metric.title)}&nbsp;{value:.{metric.digits - 1}f}{unit}"


def _image(png: str, name: str) -> str:
    return f'<img src="data:image/png;base64,{png}" alt="{text(name)}">'


def _thumbnail(picture: CroppedPicture) -> str:
    """Return the entire picture with a frame around the part that is shown."""
    height, width, _ = picture.source.pixels.shape
    left, top, right, bottom = picture.box
    stroke = max(width, height) / 150
    frame = f'x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" fill="none"'
    return (
        f'<svg class="thumb" viewBox="0 0 {width} {height}"><image width="{width}" height="{height}" '
        f'href="data:image/jpeg;base64,{picture.thumbnail}"/><rect {frame} stroke="#fff" stroke-width="{2 * stroke:.1f}"/>'
        f'<rect {frame} stroke="#e6007e" stroke-width="{stroke:.1f}"/></svg>'
    )
