# SPDX-License-Identifier: MIT
"""Mutants of tier P: refcodec, which reads files rightly, paints wrongly."""

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
    encoded_again,
    factor,
    first_of_its_size,
    first_pass,
    grey_as_colour,
    grey_without,
    halved,
    inverted_maps,
    later_by_a_row,
    linear_alone,
    maps_without_channels,
    mean_colour,
    narrow,
    nearest_outside,
    net_alone,
    no_biases,
    no_half,
    no_numbers,
    no_relu,
    one_place,
    rate_0,
    scaled,
    shuffles_by_place,
    stretched,
    strip_by_strip,
    tile_by_tile,
    unsaid,
    with_alpha,
)
from mutants.pixel_hooks import Patch, coded, data, latents, member, network, painting, rounding, shown, text


def p(name: str, wrong: str, patch: Patch, groups: str = "paint") -> Mutant:
    return Mutant(name, wrong, tuple(groups.split()), patch=patch, tier="P")


ORDER = (
    p("paint-bgr", "channels stand in the order B, G, R", shown(lambda x: x[..., ::-1])),
    p("paint-planes", "samples stand channel by channel", shown(lambda x: x.transpose(2, 0, 1).reshape(x.shape))),
    p("paint-by-column", "samples stand column by column", shown(lambda x: x.transpose(1, 0, 2).reshape(x.shape))),
    p("paint-transposed", "rows and columns of a picture are exchanged", shown(lambda x: x.transpose(1, 0, 2))),
    p("paint-upside-down", "the last row comes first", shown(lambda x: x[::-1])),
    p("paint-mirrored", "the last column comes first", shown(lambda x: x[:, ::-1])),
    p("paint-column-late", "a picture is moved by a column, round its edge", shown(one_place(1))),
    p("paint-row-late", "a picture is moved down by a row, its first one twice", shown(later_by_a_row)),
)  # fmt: skip

SIZE = (
    p("paint-uncropped", "a picture has the coded size", coded(lambda x, _w, _h: x)),
    p("paint-end-kept", "the last rows and columns are the picture", coded(lambda x, w, h: x[-h:, -w:])),
    p("paint-middle-kept", "the middle of the coded picture is the picture",
      coded(lambda x, w, h: x[(len(x) - h) // 2 :, (x.shape[1] - w) // 2 :][:h, :w])),
    p("paint-scaled", "the coded picture is scaled to the header's size", coded(scaled)),
    p("paint-halved", "a picture is painted in half the size, and enlarged", shown(halved)),
    p("paint-coarse-colours", "colours have half the resolution", shown(coarse_colours)),
)  # fmt: skip

FORM = (
    p("paint-frames", "a picture has an axis of frames", shown(lambda x: x[None])),
    p("paint-twice", "a picture comes twice, under the shape of one", data(lambda x: x + x)),
    p("paint-alpha", "a picture has a channel of opacity", shown(with_alpha)),
    p("paint-first-channel", "a picture has one channel", shown(lambda x: x[..., :1])),
    p("paint-map-as-colour", "maps have three channels", shown(grey_as_colour)),
    p("paint-map-flat", "the shape of maps has no channels", member(maps_without_channels)),
    p("paint-width-first", "the shape gives the width first", member(lambda said: said | {"shape": (said["shape"][1], said["shape"][0], said["shape"][2])})),
    p("paint-16-bits", "a sample has 16 bits", data(lambda x: bytes(byte for sample in x for byte in (sample, sample)))),
    p("paint-short", "the last sample is not there", data(lambda x: x[:-1])),
    p("paint-unsaid", "pictures are left out of answers", unsaid),
    p("paint-list", "samples are a list", text(lambda x: list(base64.b64decode(x)))),
    p("paint-hex", "samples are written in hexadecimal", text(lambda x: base64.b64decode(x).hex())),
    p("paint-lines", "base64 has line breaks", text(lambda x: base64.encodebytes(base64.b64decode(x)).decode("ascii"))),
    p("paint-base64url", "base64 has the alphabet of URLs", text(lambda x: base64.urlsafe_b64encode(base64.b64decode(x)).decode("ascii"))),
)  # fmt: skip

ROUNDING = (
    p("paint-floor", "samples are rounded down", rounding(lambda x: (x.clamp(0, 1) * 255).floor())),
    p("paint-256", "samples are 256 times x, rounded down", rounding(lambda x: (x.clamp(0, 1) * 256).floor().clamp(max=255))),
    p("paint-256-rounded", "samples are 256 times x, rounded", rounding(lambda x: (x.clamp(0, 1) * 256).round().clamp(max=255))),
    p("paint-dithered", "samples are dithered", rounding(dithered)),
    p("paint-7-bits", "samples have 7 bits", shown(lambda x: x & 254)),
    p("paint-wrapped", "samples beyond 0 and 255 begin anew", rounding(lambda x: (x * 255 + 0.5).floor() % 256)),
    p("paint-nan", "samples beyond 0 and 255 are no numbers, and then 0", rounding(no_numbers)),
    p("paint-stretched", "the darkest sample becomes 0 and the brightest 255", rounding(stretched)),
    p("paint-gamma", "samples are taken for linear light", rounding(encoded_again)),
    p("paint-limited", "samples are 16 to 235", rounding(lambda x: (x.clamp(0, 1) * 219 + 16.5).floor())),
    p("paint-signed", "samples are less 128", shown(lambda x: x ^ 128)),
    p("paint-map-inverted", "lines of maps are black", shown(inverted_maps)),
)  # fmt: skip

LATENTS = (
    p("paint-rate-0", "the inverse gains are always those of rate 0", painting(rate_0)),
    p("paint-divided", "latents are divided by the inverse gains", network(divides)),
    p("paint-32", "latents are in steps of 1/32", network(factor(2))),
    p("paint-no-step", "latents are not divided by 64", network(factor(64))),
    p("paint-whole-steps", "latents are rounded down to whole steps", latents(lambda y: y // 64 * 64)),
    p("paint-first-pass", "latents of the second pass are 0", latents(first_pass)),
    p("paint-channels-turned", "channels of latents are in the wrong order", latents(lambda y: y[::-1].copy())),
    p("paint-sites-turned", "latents are read column by column", latents(lambda y: y.transpose(0, 2, 1).reshape(y.shape))),
)  # fmt: skip

NETWORK = (
    p("paint-linear-alone", "the network's path is left out, and the linear one kept", network(linear_alone)),
    p("paint-net-alone", "the network's linear path is left out", network(net_alone)),
    p("paint-no-half", "no half is added to the network's output", network(no_half)),
    p("paint-no-relu", "relu does nothing in a painter", network(no_relu)),
    p("paint-no-biases", "a painter has no biases", network(no_biases)),
    p("paint-nearest-outside", "outside an array is its nearest value in a painter", network(nearest_outside)),
    p("paint-shuffles", "pixel shuffles take their channels in the wrong order", network(shuffles_by_place)),
    p("paint-binary16", "a painter computes in binary16", network(narrow("float16"))),
    p("paint-bfloat16", "a painter computes in bfloat16", network(narrow("bfloat16"))),
    p("paint-strips", "a picture is painted in strips of 32 rows, each as if there were no others", strip_by_strip(2, 0)),
    p("paint-high-strips", "a picture is painted in strips of 768 rows, each as if there were no others", strip_by_strip(48, 0)),
    p("paint-near-halo", "a strip is painted with one row of latents beside it, and depends on more", strip_by_strip(8, 1)),
    p("paint-tiles", "a picture is painted in tiles of 512 × 512, each as if there were no others", painting(tile_by_tile)),
    p("paint-kept", "pictures of the same model and size are one", first_of_its_size()),
    p("paint-black", "every picture is black", shown(lambda x: x * 0)),
    p("paint-mean", "every picture has its mean colour all over", shown(mean_colour)),
)  # fmt: skip

VERDICTS = (
    p("paint-check-free", "pictures of files whose check failed are shown", checks_free),
    p("paint-check-of-payloads", "only the checks of payloads are judged before a picture is shown", checks_of_payloads),
    p("painter-digest-free", "the digest of a painter is not judged", digest_free, "painters"),
    p("painter-any-path", "the file of a painter may have any path", any_path, "painters"),
    p("painter-any-channels", "a painter may have any number of channels", any_channels, "painters"),
    p("painter-grey", "without a painter the picture is grey", painting(grey_without), "painters"),
    p("painter-all-missing", "a faulty painter counts as missing", painting(all_missing), "painters"),
)  # fmt: skip

PICTURES = (*ORDER, *SIZE, *FORM, *ROUNDING, *LATENTS, *NETWORK, *VERDICTS)
