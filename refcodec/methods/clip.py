# SPDX-License-Identifier: MIT
"""Method 3, `clip` (Bachard & Maugey 2024): an image embedding at a few bits a dimension (SPEC §13.3, §14.3).

picture -> CLIP vector -> b bits a dimension          codes -> middles, norm 19.5 -> stable unCLIP -> picture
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from refcodec import spec
from refcodec.assemble import Payload
from refcodec.errors import Code, SemError
from refcodec.methods.base import Described, Request, Scene, canvas, fitted
from refcodec.methods.inputs import Job, Made, row
from refcodec.networks import package_cache
from refcodec.payloads import clip_bits, kinds
from refcodec.progress import part

if TYPE_CHECKING:
    from refcodec.methods.base import Pixels

ACCEPTS = frozenset({"vector", "codes"})
CHOOSES_RATE: Final = False  # quality and bpp are for `ready`
OPTIONS: Final = frozenset[str]()  # of `scene.Options` that `describe` reads
SETTINGS: Final = frozenset(
    {"seed", "generator", "steps", "guidance", "scheduler", "noise-level", "norm-scale"}
)  # that `paint` reads


def ready(job: Job) -> Made:
    """One payload, of a vector or of codes 0 … 2^b - 1; ValueError for what does not fit the profile."""
    parameters, prior = job.parameters(spec.CLIP), None
    if job.folder is not None and kinds.needs_model(spec.CLIP, parameters):
        model = package_cache.small_model(job.folder, job.digest)
        kinds.fits(model, spec.CLIP, parameters)
        prior = model.table
    given, b = job.given, int(parameters["b"])
    if given.vector is not None and given.codes is not None:
        raise ValueError("give the vector or its codes, not both")
    codes = clip_bits.quantise(given.vector, b) if given.vector is not None else row(given.codes, "codes")
    body = clip_bits.encode(codes, parameters, prior)
    return [Payload(spec.CLIP, body, clip_bits.ClipBits(tuple(codes), b))], []


def describe(request: Request) -> Described:
    """The vector of the picture by the role image_embedder. SEM-E-803 for one of another width than the profile's."""
    from refcodec.foundation.image_embedder import ImageEmbedder

    embedder = request.models.load("image_embedder", ImageEmbedder.load, request.profile.recommended.models)
    _same_width("image_embedder", embedder.width, request.profile.parameters(spec.CLIP)["d"], request.profile.name)
    height, width = request.pixels.shape[:2]
    return Described(replace(request.given, vector=embedder(request.pixels)), (width, height))


def paint(scene: Scene) -> list[Pixels]:
    """A picture of each seed: stable unCLIP from the middles of the codes, scaled to their norm (π of the paper, §V-B)."""
    from refcodec.foundation.unclip import UnclipGenerator

    painter = scene.models.load("painter", UnclipGenerator.load, scene.profile.recommended.models)
    value, painting = scene.need(spec.CLIP), scene.painting
    _same_width("painter", painter.width, len(value.codes), scene.profile.name)
    vector = clip_bits.dequantise(value.codes, value.b) * painting.norm_scale
    seeds, out = scene.seeds(), []
    for i, seed in enumerate(seeds):
        made = painter.paint(
            vector.astype("float32"),
            canvas(scene.size, painter.native),
            seed=seed,
            kind=painting.generator,
            steps=painting.steps,
            guidance=painting.guidance,
            sampler=painting.scheduler,
            noise_level=painting.noise_level,
            progress=part(scene.progress, i / len(seeds), (i + 1) / len(seeds)),
        )
        out.append(fitted(made, scene.size))
    return out


def _same_width(role: str, width: int, wanted: int, profile: str) -> None:
    if width != wanted:
        what = f"{role}: its embedding has {width} dimensions, that of profile {profile} has {wanted}"
        raise SemError(
            Code.MODEL_MALFORMED, what, path=role, hint="name a model of that width, or another profile with --profile"
        )
