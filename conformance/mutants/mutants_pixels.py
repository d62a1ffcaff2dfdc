# SPDX-License-Identifier: MIT
"""Mutants of tier P: refcodec decodes files correctly, and reconstructs pictures wrongly."""

from __future__ import annotations

import base64

from mutants.mutant import Mutant
from mutants.pixel_errors import (
    all_missing,
    any_channels,
    any_path,
    checks_free,
    checks_of_payloads,
    coarse_colours,
    digest_free,
    dithered,
    divides,
    factor,
    first_of_its_size,
    first_pass,
    first_row_twice,
    gamma_encoded,
    grey_as_colour,
    grey_if_missing,
    halved,
    in_dtype,
    inverted_maps,
    linear_alone,
    maps_without_channels,
    mean_colour,
    nan_to_zero,
    nearest_outside,
    net_alone,
    no_biases,
    no_half,
    no_relu,
    rate_0,
    rolled,
    scaled,
    shuffles_by_site,
    stretched,
    strip_by_strip,
    tile_by_tile,
    with_alpha,
    without_pixels,
)
from mutants.pixel_hooks import Patch, coded, data, latents, member, network, picture, rounding, synthesis, text


def p(name: str, wrong: str, patch: Patch, groups: str = "paint") -> Mutant:
    """Return a mutant of tier P."""
    return Mutant(name, wrong, tuple(groups.split()), patch=patch, tier="P")


ORDER = (
    p("paint-bgr", "channels are in the order B, G, R", picture(lambda x: x[..., ::-1])),
    p("paint-planes", "samples are ordered channel by channel", picture(lambda x: x.transpose(2, 0, 1).reshape(x.shape))),
    p("paint-by-column", "samples are ordered column by column", picture(lambda x: x.transpose(1, 0, 2).reshape(x.shape))),
    p("paint-transposed", "rows and columns of a picture are exchanged", picture(lambda x: x.transpose(1, 0, 2))),
    p("paint-upside-down", "the last row comes first", picture(lambda x: x[::-1])),
    p("paint-mirrored", "the last column comes first", picture(lambda x: x[:, ::-1])),
    p("paint-column-late", "a picture is shifted by a column, cyclically", picture(rolled(1))),
    p("paint-row-late", "a picture is shifted down by a row, with its first row twice", picture(first_row_twice)),
)  # fmt: skip

SIZE = (
    p("paint-uncropped", "a picture has the coded size", coded(lambda x, _w, _h: x)),
    p("paint-end-kept", "the picture is cropped at the top and left", coded(lambda x, w, h: x[-h:, -w:])),
    p("paint-middle-kept", "the picture is cropped to the middle of the coded one",
      coded(lambda x, w, h: x[(len(x) - h) // 2 :, (x.shape[1] - w) // 2 :][:h, :w])),
    p("paint-scaled", "the coded picture is scaled to the header's size", coded(scaled)),
    p("paint-halved", "a picture has half the resolution", picture(halved)),
    p("paint-coarse-colours", "colours have half the resolution", picture(coarse_colours)),
)  # fmt: skip

FORM = (
    p("paint-frames", "a picture has an axis of frames", picture(lambda x: x[None])),
    p("paint-twice", "the bytes of a picture are sent twice, with the shape of one", data(lambda x: x + x)),
    p("paint-alpha", "a picture has an alpha channel", picture(with_alpha)),
    p("paint-first-channel", "a picture has one channel", picture(lambda x: x[..., :1])),
    p("paint-map-as-colour", "maps have three channels", picture(grey_as_colour)),
    p("paint-map-flat", "the shape of maps has no channels", member(maps_without_channels)),
    p("paint-width-first", "the shape gives the width first", member(lambda one: one | {"shape": (one["shape"][1], one["shape"][0], one["shape"][2])})),
    p("paint-16-bits", "a sample has 16 bits", data(lambda x: bytes(byte for sample in x for byte in (sample, sample)))),
    p("paint-short", "the last sample is missing", data(lambda x: x[:-1])),
    p("paint-unsaid", "pictures are missing in answers", without_pixels),
    p("paint-list", "samples are a list", text(lambda x: list(base64.b64decode(x)))),
    p("paint-hex", "samples are written in hexadecimal", text(lambda x: base64.b64decode(x).hex())),
    p("paint-lines", "base64 has line breaks", text(lambda x: base64.encodebytes(base64.b64decode(x)).decode("ascii"))),
    p("paint-base64url", "base64 has the URL-safe alphabet", text(lambda x: base64.urlsafe_b64encode(base64.b64decode(x)).decode("ascii"))),
)  # fmt: skip

ROUNDING = (
    p("paint-floor", "samples are rounded down", rounding(lambda x: (x.clamp(0, 1) * 255).floor())),
    p("paint-256", "samples are 256 times x, rounded down", rounding(lambda x: (x.clamp(0, 1) * 256).floor().clamp(max=255))),
    p("paint-256-rounded", "samples are 256 times x, rounded", rounding(lambda x: (x.clamp(0, 1) * 256).round().clamp(max=255))),
    p("paint-dithered", "samples are dithered", rounding(dithered)),
    p("paint-7-bits", "samples have 7 bits", picture(lambda x: x & 254)),
    p("paint-wrapped", "samples outside 0 … 255 wrap around", rounding(lambda x: (x * 255 + 0.5).floor() % 256)),
    p("paint-nan", "samples outside 0 … 255 are NaN, and become 0", rounding(nan_to_zero)),
    p("paint-stretched", "the darkest sample becomes 0 and the brightest 255", rounding(stretched)),
    p("paint-gamma", "samples are encoded as if they were linear light", rounding(gamma_encoded)),
    p("paint-limited", "samples are 16 to 235", rounding(lambda x: (x.clamp(0, 1) * 219 + 16.5).floor())),
    p("paint-signed", "samples are signed, 128 less", picture(lambda x: x ^ 128)),
    p("paint-map-inverted", "edge maps are inverted", picture(inverted_maps)),
)  # fmt: skip

LATENTS = (
    p("paint-rate-0", "the inverse gains are always those of rate 0", synthesis(rate_0)),
    p("paint-divided", "latents are divided by the inverse gains", network(divides)),
    p("paint-32", "latents are in steps of 1/32", network(factor(2))),
    p("paint-no-step", "latents are not divided by 64", network(factor(64))),
    p("paint-whole-steps", "latents are rounded down to whole steps", latents(lambda y: y // 64 * 64)),
    p("paint-first-pass", "latents of the second pass are 0", latents(first_pass)),
    p("paint-channels-turned", "channels of latents are in the wrong order", latents(lambda y: y[::-1].copy())),
    p("paint-sites-turned", "latents are read column by column", latents(lambda y: y.transpose(0, 2, 1).reshape(y.shape))),
)  # fmt: skip

NETWORK = (
    p("paint-linear-alone", "only the linear path of the network is used", network(linear_alone)),
    p("paint-net-alone", "the linear path of the network is missing", network(net_alone)),
    p("paint-no-half", "no half is added to the network's output", network(no_half)),
    p("paint-no-relu", "relu does nothing in the synthesis", network(no_relu)),
    p("paint-no-biases", "the synthesis has no biases", network(no_biases)),
    p("paint-nearest-outside", "the synthesis pads arrays with their nearest values", network(nearest_outside)),
    p("paint-shuffles", "pixel shuffles take their channels in the wrong order", network(shuffles_by_site)),
    p("paint-binary16", "the synthesis computes in binary16", network(in_dtype("float16"))),
    p("paint-bfloat16", "the synthesis computes in bfloat16", network(in_dtype("bfloat16"))),
    p("paint-strips", "a picture is reconstructed in strips of 32 rows without overlap", strip_by_strip(2, 0)),
    p("paint-high-strips", "a picture is reconstructed in strips of 768 rows without overlap", strip_by_strip(48, 0)),
    p("paint-near-halo", "strips overlap by one row of latents, which is not enough", strip_by_strip(8, 1)),
    p("paint-tiles", "a picture is reconstructed in tiles of 512 × 512 without overlap", synthesis(tile_by_tile)),
    p("paint-kept", "pictures of the same model and size are the same picture", first_of_its_size()),
    p("paint-black", "every picture is black", picture(lambda x: x * 0)),
    p("paint-mean", "every picture is uniform, of its mean colour", picture(mean_colour)),
)  # fmt: skip

VERDICTS = (
    p("paint-check-free", "files whose check failed give pictures", checks_free),
    p("paint-check-of-payloads", "only the checks of payloads are verified before a picture is reconstructed", checks_of_payloads),
    p("painter-digest-free", "the digest of a painter is not verified", digest_free, "painters"),
    p("painter-any-path", "the file of a painter may have any path", any_path, "painters"),
    p("painter-any-channels", "a painter may have any number of channels", any_channels, "painters"),
    p("painter-grey", "without a painter the picture is grey", synthesis(grey_if_missing), "painters"),
    p("painter-all-missing", "an invalid painter counts as missing", synthesis(all_missing), "painters"),
)  # fmt: skip

PICTURES = (*ORDER, *SIZE, *FORM, *ROUNDING, *LATENTS, *NETWORK, *VERDICTS)
