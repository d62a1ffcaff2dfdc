# SPDX-License-Identifier: MIT
"""Method 5, `perco` (Careil et al. 2024): VQ indices with a caption or the PQ codes of an image embedding
(SPEC §13.5, §13.2, §13.4, §B.5).

    picture -> VAE -> hyper-encoder -> indices            indices + caption -> latent diffusion -> picture
    picture -> embedded VQ encoder -> indices             indices -> embedded decoder -> preview
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.assemble import CodedPayload
from refcodec.errors import Code, SemError
from refcodec.foundation.hyper_config import check_profile
from refcodec.foundation.required_roles import require_roles
from refcodec.foundation.resolve import Models
from refcodec.foundation.worker.proxy import call
from refcodec.methods.base import DecodeContext, EncodeRequest, Method
from refcodec.methods.generator_models import require_with_torch
from refcodec.methods.identity_check import Filled
from refcodec.methods.inputs import Description, Packed, PackJob, int_list
from refcodec.methods.perco import conditioning
from refcodec.methods.pics.pics_method import prompt
from refcodec.networks import package, package_cache
from refcodec.networks.table_model import TableModel
from refcodec.payloads import kinds, pq_codes, vq_indices
from refcodec.progress import part
from refcodec.registry import Profile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.foundation.hyper_encoder import HyperEncoder
    from refcodec.foundation.perco_diffusion import LatentCoder, PercoGenerator
    from refcodec.methods.picture_size import Pixels

DEFAULT_ROW: Final = "perco-small"
GENERATIVE: Final = "perco-generator"  # what needs the libraries of foundation models
LATENT_CODER, GENERATOR = "perco_diffusion:LatentCoder.load", "perco_diffusion:PercoGenerator.load"
MODELS: Final = ("hyper_encoder", "painter")  # roles that both directions of a base row need
HYPER_ENCODER: Final = "hyper_encoder:HyperEncoder.load"
BOTH: Final = "give the vector or its codes, not both"
NO_CAPTION: Final = "the file has no caption: give one with --caption, or name a captioner"


def pack(job: PackJob) -> Packed:
    """Return the payloads of the symbols, by ascending kind. Raises ValueError if they do not fit the profile."""
    symbols = job.symbols
    payloads = prompt(replace(job, symbols=replace(symbols, codes=None)))  # here they are PQ codes
    if symbols.vector is not None and symbols.codes is not None:
        raise ValueError(BOTH)
    if symbols.vector is not None or symbols.codes is not None:
        payloads.append(_embedding(job))
    if symbols.indices is not None:
        payloads.append(_grid(job))
    return payloads, []


def _table_model(job: PackJob, kind: int) -> TableModel | None:
    if job.folder is None:
        return None
    model = package_cache.table_model(job.folder, job.digest)
    kinds.check_model(model, kind, job.parameters(kind))
    return model


def _embedding(job: PackJob) -> CodedPayload:
    parameters = job.parameters(spec.PQ)
    if job.symbols.codes is not None:
        codes = tuple(int_list(job.symbols.codes, "codes"))
    else:
        model = _table_model(job, spec.PQ)
        if model is None:
            raise ValueError("a vector needs the codebooks of a model to become codes: name one with its folder")
        codes = pq_codes.search(job.symbols.vector, model.tensor)
    return CodedPayload(spec.PQ, pq_codes.encode(codes, parameters), pq_codes.PqCodes(codes))


def _grid(job: PackJob) -> CodedPayload:
    parameters, usage = job.parameters(spec.VQ), None
    if kinds.needs_model(spec.VQ, parameters):
        model = _table_model(job, spec.VQ)
        usage = None if model is None else model.table
    h, w = vq_indices.grid(job.size, parameters)
    indices = job.symbols.indices
    if isinstance(indices, list) and indices and all(isinstance(line, list | tuple) for line in indices):
        import numpy as np

        indices = np.array(indices)  # rows, as `payload` returns them
    if getattr(indices, "ndim", 2) == 2 and hasattr(indices, "dtype"):
        if indices.shape != (h, w):
            fitting = ", ".join(p.name for p in _fitting(job, indices.shape)) or "none"
            raise ValueError(
                f"profile {job.profile.name} has {h} rows of {w} indices for {job.size[0]}x{job.size[1]}, not "
                f"{indices.shape[0]} of {indices.shape[1]} (profiles of that shape: {fitting})"
            )
        indices = indices.reshape(-1)
    values = tuple(int_list(indices, "indices"))
    return CodedPayload(
        spec.VQ, vq_indices.encode(values, parameters, job.size, usage), vq_indices.VqIndices(values, h, w)
    )


def _fitting(job: PackJob, shape: tuple[int, ...]) -> list[Profile]:
    rows = (p for p in job.environment.registry.profiles("perco") if spec.VQ in p.kinds)
    return [p for p in rows if vq_indices.grid(job.size, p.parameters(spec.VQ)) == tuple(shape)]


# --- pictures ------------------------------------------------------------------------------------------------------


def default_profile(models: Models) -> str:
    """Return the default row for pictures: that of the hyper-encoder if the user names one, else the embedded one."""
    if "hyper_encoder" not in models.roles:
        return DEFAULT_ROW
    cfg = _hyper_encoder(models, {}).cfg
    for p in models.environment.registry.profiles("perco"):
        if spec.VQ in p.kinds and p.parameters(spec.VQ) == {"v": cfg.v, "stride": cfg.stride, "usage": False}:
            return p.name
    what = f"hyper_encoder: no profile has its {cfg.v} codes and stride of {cfg.stride}"
    raise SemError(Code.MODEL_MALFORMED, what, path="hyper_encoder", hint="semtool models list shows the profiles")


def analyse(request: EncodeRequest) -> Description:
    """Return indices and conditioning of the picture.

    Indices come from the embedded encoder, if the row has one, or from the roles painter and hyper_encoder; a caption or
    an image embedding from the user, a captioner or an image embedder.
    """
    height, width = request.pixels.shape[:2]
    if request.symbols.indices is not None:
        raise ValueError("give a picture or its indices, not both")
    if spec.VQ not in request.profile.kinds:
        raise ValueError(f"profile {request.profile.name} has no indices of a picture")
    conditioning.check_models(request)
    if request.symbols.vector is not None and request.symbols.codes is not None:
        raise ValueError(BOTH)
    job = request.trial_job((width, height))
    pack(replace(job, symbols=replace(job.symbols, vector=None)))  # refuses what cannot be sent
    has_encoder = kinds.needs_model(spec.VQ, request.profile.parameters(spec.VQ))  # in the package of the row
    if has_encoder:
        from refcodec.methods.perco import embedded

        indices = embedded.indices(request)
    else:
        recommended = request.profile.recommended.models
        require_with_torch(request.models, MODELS, recommended, "describing a picture", GENERATIVE)
        require_roles(request.models, MODELS, recommended)
        hyper = _hyper_encoder(request.models, recommended, request.profile)
        coder: LatentCoder = request.models.load("painter", LATENT_CODER, recommended)
        request.models.means("hyper_encoder", "hyper_encoder")
        indices = call("perco_diffusion:indices_of", request.pixels, coder, hyper)
    symbols = conditioning.add_conditioning(request, replace(request.symbols, indices=indices))
    notices = () if has_encoder or symbols.names() - {"indices"} else (NO_CAPTION,)
    return Description(symbols, (width, height), notices=notices)


def _hyper_encoder(models: Models, recommended: Any, profile: Profile | None = None) -> HyperEncoder:
    """Return the model of the role. Raises Code.MODEL_MALFORMED if its V or stride differ from the profile's."""
    encoder: HyperEncoder = models.load("hyper_encoder", HYPER_ENCODER, recommended)
    if profile is not None:
        parameters = profile.parameters(spec.VQ)
        check_profile(encoder.cfg, int(parameters["v"]), int(parameters["stride"]), profile.name)
    return encoder


def reconstruct(context: DecodeContext, guide_features: bool = False) -> list[Pixels]:
    """Return the embedded preview if the row's model has a synthesis network, else one picture per seed by latent diffusion.

    guide_features: guidance applies to the local features, too, as in an ablation of the paper (Careil et al. 2024, §4.3).
    """
    value = context.need(spec.VQ)
    grid = _array(value)
    if context.folder is not None and "painter" in package.read_manifest(context.folder):
        from refcodec.methods.perco import embedded

        return [embedded.preview(context, grid, context.folder)]
    recommended = context.profile.recommended.models
    require_with_torch(context.models, MODELS, recommended, "reconstructing a picture", GENERATIVE)
    require_roles(context.models, MODELS, recommended)
    hyper = _hyper_encoder(context.models, recommended, context.profile)
    generator: PercoGenerator = context.models.load("painter", GENERATOR, recommended)
    generator.check_hyper_encoder(hyper)
    context.compare(Filled.by("hyper_encoder", context.models), *conditioning.filled(context))
    sampler, seeds, out = context.sampler, context.seeds(), []
    attended, null = conditioning.cross_attention_context(context, generator), generator.null(hyper)
    features = hyper.features_of(grid)
    more: dict[str, Any] = {"guide_features": True} if guide_features else {}
    for i, seed in enumerate(seeds):
        pixels = generator.paint(
            features,
            hyper.cfg.stride // hyper.cfg.factor,
            attended,
            null,
            seed=seed,
            kind=sampler.generator,
            steps=sampler.steps,
            guidance=sampler.guidance,
            sampler=sampler.scheduler,
            progress=part(context.progress, i / len(seeds), (i + 1) / len(seeds)),
            **more,
        )
        out.append(pixels[: context.size[1], : context.size[0]])
    return out


def _array(value: Any) -> NDArray[np.int64]:
    import numpy as np

    return np.array(value.indices, np.int64).reshape(value.h, value.w)


METHOD: Final = Method(
    name="perco",
    accepts=frozenset({"text", "caption", "vector", "codes", "indices"}),
    sampler_settings=frozenset({"seed", "generator", "steps", "guidance", "scheduler"}),
    analyse=analyse,
    pack=pack,
    reconstruct=reconstruct,
    default_profile=default_profile,
)
