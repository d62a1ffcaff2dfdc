# SPDX-License-Identifier: MIT
"""Method 3, `clip` (Bachard & Maugey 2024): an image embedding at a few bits a dimension (SPEC §13.3, §B.3).

picture -> CLIP vector -> b bits a dimension          codes -> middles, norm 19.5 -> stable unCLIP -> picture
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.assemble import CodedPayload
from refcodec.errors import Code, SemError
from refcodec.methods.base import DecodeContext, EncodeRequest, Method
from refcodec.methods.identity_check import Filled
from refcodec.methods.inputs import Description, Packed, PackJob, int_list
from refcodec.methods.picture_size import generation_size, resize_to
from refcodec.networks import package_cache
from refcodec.payloads import clip_bits, kinds
from refcodec.progress import part

if TYPE_CHECKING:
    from refcodec.foundation.image_embedder import ImageEmbedder
    from refcodec.foundation.unclip import UnclipGenerator
    from refcodec.methods.picture_size import Pixels

Change = Callable[[Any, int], Any]  # float[D] and a seed -> float[D]


def pack(job: PackJob) -> Packed:
    """Return one payload, from a vector or from codes 0 … 2^b - 1. Raises ValueError if they do not fit the profile."""
    parameters, prior = job.parameters(spec.CLIP), None
    if job.folder is not None and kinds.needs_model(spec.CLIP, parameters):
        model = package_cache.table_model(job.folder, job.digest)
        kinds.check_model(model, spec.CLIP, parameters)
        prior = model.table
    symbols, b = job.symbols, int(parameters["b"])
    if symbols.vector is not None and symbols.codes is not None:
        raise ValueError("give the vector or its codes, not both")
    codes = clip_bits.quantise(symbols.vector, b) if symbols.vector is not None else int_list(symbols.codes, "codes")
    body = clip_bits.encode(codes, parameters, prior)
    return [CodedPayload(spec.CLIP, body, clip_bits.ClipBits(tuple(codes), b))], []


def analyse(request: EncodeRequest) -> Description:
    """Return the embedding of the picture: that of the user, else computed by the role image_embedder.

    Raises Code.MODEL_MALFORMED if its width is not that of the profile.
    """
    height, width = request.pixels.shape[:2]
    if request.symbols.names():
        return Description(request.symbols, (width, height))
    embedder: ImageEmbedder = request.models.load(
        "image_embedder", "image_embedder:ImageEmbedder.load", request.profile.recommended.models
    )
    _check_width("image_embedder", embedder.width, request.profile.parameters(spec.CLIP)["d"], request.profile.name)
    request.models.means("image_embedder", "image_embedder")
    return Description(replace(request.symbols, vector=embedder(request.pixels)), (width, height))


def reconstruct(context: DecodeContext, change: Change | None = None) -> list[Pixels]:
    """Return one picture per seed, by stable unCLIP from the dequantised vector scaled to its norm (π of the paper, §V-B).

    change: what an experiment does to the vector, with the seed of the file's settings.
    """
    generator: UnclipGenerator = context.models.load(
        "painter", "unclip:UnclipGenerator.load", context.profile.recommended.models
    )
    value, sampler = context.need(spec.CLIP), context.sampler
    _check_width("painter", generator.width, len(value.codes), context.profile.name)
    context.compare(Filled.by("image_embedder", context.models, "painter"))
    vector = clip_bits.dequantise(value.codes, value.b) * sampler.norm_scale
    if change is not None:
        vector = change(vector, sampler.seed)
    seeds, out = context.seeds(), []
    for i, seed in enumerate(seeds):
        pixels = generator.paint(
            vector.astype("float32"),
            generation_size(context.size, generator.native),
            seed=seed,
            kind=sampler.generator,
            steps=sampler.steps,
            guidance=sampler.guidance,
            sampler=sampler.scheduler,
            noise_level=sampler.noise_level,
            progress=part(context.progress, i / len(seeds), (i + 1) / len(seeds)),
        )
        out.append(resize_to(pixels, context.size))
    return out


def _check_width(role: str, width: int, expected: int, profile: str) -> None:
    if width != expected:
        what = f"{role}: its embedding has {width} dimensions, that of profile {profile} has {expected}"
        raise SemError(
            Code.MODEL_MALFORMED, what, path=role, hint="name a model of that width, or another profile with --profile"
        )


METHOD: Final = Method(
    name="clip",
    accepts=frozenset({"vector", "codes"}),
    sampler_settings=frozenset({"seed", "generator", "steps", "guidance", "scheduler", "noise-level", "norm-scale"}),
    analyse=analyse,
    pack=pack,
    reconstruct=reconstruct,
    generator_roles=lambda _: ("painter",),
)
