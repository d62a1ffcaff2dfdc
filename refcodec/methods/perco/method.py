# SPDX-License-Identifier: MIT
"""Method 5, `perco` (Careil et al. 2024): VQ indices, and beside them a caption or the PQ codes of an image embedding
(SPEC §13.5, §13.2, §13.4, §14.5).

    picture -> VAE -> hyper-encoder -> indices            indices + caption -> latent diffusion -> picture
    picture -> embedded VQ encoder -> indices             indices -> embedded decoder -> preview
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.assemble import Payload
from refcodec.errors import Code, SemError
from refcodec.foundation.resolve import Models
from refcodec.methods.base import Described, Request, Scene
from refcodec.methods.inputs import Job, Made, row
from refcodec.methods.perco import conditioning as beside
from refcodec.methods.pics.method import prompt
from refcodec.networks import package, package_cache
from refcodec.networks.table_model import SmallModel
from refcodec.payloads import kinds, pq_codes, vq_indices
from refcodec.progress import part
from refcodec.registry import Profile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.foundation.hyper_encoder import HyperEncoder
    from refcodec.methods.base import Pixels

ACCEPTS = frozenset({"text", "caption", "vector", "codes", "indices"})
CHOOSES_RATE: Final = False  # the profile is the rate
OPTIONS: Final = frozenset[str]()
SETTINGS: Final = frozenset({"seed", "generator", "steps", "guidance", "scheduler"})
EMBEDDED: Final = "perco-small"
SILENT: Final = "the file has no caption: give one with --caption, or name a captioner"


def ready(job: Job) -> Made:
    """The payloads of what is given, by ascending kind; ValueError for what does not fit the profile."""
    given = job.given
    payloads = prompt(replace(job, given=replace(given, codes=None)))  # codes are of the embedding here
    if given.vector is not None and given.codes is not None:
        raise ValueError("give the vector or its codes, not both")
    if given.vector is not None or given.codes is not None:
        payloads.append(_embedding(job))
    if given.indices is not None:
        payloads.append(_grid(job))
    return payloads, []


def _small(job: Job, kind: int) -> SmallModel | None:
    if job.folder is None:
        return None
    model = package_cache.small_model(job.folder, job.digest)
    kinds.fits(model, kind, job.parameters(kind))
    return model


def _embedding(job: Job) -> Payload:
    parameters = job.parameters(spec.PQ)
    if job.given.codes is not None:
        codes = tuple(row(job.given.codes, "codes"))
    else:
        model = _small(job, spec.PQ)
        if model is None:
            raise ValueError("a vector needs the codebooks of a model to become codes: name one with its folder")
        codes = pq_codes.search(job.given.vector, model.tensor)
    return Payload(spec.PQ, pq_codes.encode(codes, parameters), pq_codes.PqCodes(codes))


def _grid(job: Job) -> Payload:
    parameters, usage = job.parameters(spec.VQ), None
    if kinds.needs_model(spec.VQ, parameters):
        model = _small(job, spec.VQ)
        usage = None if model is None else model.table
    h, w = vq_indices.grid(job.size, parameters)
    indices = job.given.indices
    if isinstance(indices, list) and indices and all(isinstance(line, list | tuple) for line in indices):
        import numpy as np

        indices = np.array(indices)  # rows, as `payload` gives them
    if getattr(indices, "ndim", 2) == 2 and hasattr(indices, "dtype"):
        if indices.shape != (h, w):
            fitting = ", ".join(p.name for p in _fitting(job, indices.shape)) or "none"
            raise ValueError(
                f"profile {job.profile.name} has {h} rows of {w} indices for {job.size[0]}x{job.size[1]}, not "
                f"{indices.shape[0]} of {indices.shape[1]} (profiles of that shape: {fitting})"
            )
        indices = indices.reshape(-1)
    values = tuple(row(indices, "indices"))
    return Payload(spec.VQ, vq_indices.encode(values, parameters, job.size, usage), vq_indices.VqIndices(values, h, w))


def _fitting(job: Job, shape: tuple[int, ...]) -> list[Profile]:
    rows = (p for p in job.environment.registry.profiles("perco") if spec.VQ in p.kinds)
    return [p for p in rows if vq_indices.grid(job.size, p.parameters(spec.VQ)) == tuple(shape)]


# --- pictures ------------------------------------------------------------------------------------------------------


def usual_profile(models: Models) -> str:
    """The row of a picture where the user names none: that of the hyper-encoder named, else the embedded one."""
    if "hyper_encoder" not in models.roles:
        return EMBEDDED
    cfg = _hyper_encoder(models, {}).cfg
    for p in models.environment.registry.profiles("perco"):
        if spec.VQ in p.kinds and p.parameters(spec.VQ) == {"v": cfg.v, "stride": cfg.stride, "usage": False}:
            return p.name
    what = f"hyper_encoder: no profile has its {cfg.v} codes and stride of {cfg.stride}"
    raise SemError(Code.MODEL_MALFORMED, what, path="hyper_encoder", hint="semtool models list shows the profiles")


def describe(request: Request) -> Described:
    """Indices by the embedded encoder, where the row has one, or by the roles painter and hyper_encoder; what else is
    said of the picture by the user, by a captioner or by an image embedder."""
    height, width = request.pixels.shape[:2]
    if request.given.indices is not None:
        raise ValueError("give a picture or its indices, not both")
    if spec.VQ not in request.profile.kinds:
        raise ValueError(f"profile {request.profile.name} has no indices of a picture")
    package_cache.need_torch("describing a picture")
    embedded = kinds.needs_model(spec.VQ, request.profile.parameters(spec.VQ))
    if embedded:
        from refcodec.methods.perco import embedded as perco_small

        indices = perco_small.indices(request)
    else:
        from refcodec.foundation.perco_diffusion import LatentCoder, indices_of

        hyper = _hyper_encoder(request.models, request.profile.recommended.models, request.profile)
        coder = request.models.load("painter", LatentCoder.load, request.profile.recommended.models)
        indices = indices_of(request.pixels, coder, hyper)
    given = beside.told(request, replace(request.given, indices=indices))
    notices = () if embedded or given.names() - {"indices"} else (SILENT,)
    return Described(given, (width, height), notices=notices)


def _hyper_encoder(models: Models, recommended: Any, profile: Profile | None = None) -> HyperEncoder:
    """That of the role, for this row; SEM-E-803 where V or stride differ."""
    from refcodec.foundation.hyper_encoder import HyperEncoder, same_row

    made = models.load("hyper_encoder", HyperEncoder.load, recommended)
    if profile is not None:
        parameters = profile.parameters(spec.VQ)
        same_row(made.cfg, int(parameters["v"]), int(parameters["stride"]), profile.name)
    return made


def paint(scene: Scene) -> list[Pixels]:
    """The embedded preview where the row's model has a painter, else a picture of each seed by latent diffusion."""
    value = scene.need(spec.VQ)
    grid = _array(value)
    if scene.folder is not None and "painter" in package.read_manifest(scene.folder):
        from refcodec.methods.perco import embedded as perco_small

        return [perco_small.preview(scene, grid, scene.folder)]
    from refcodec.foundation.perco_diffusion import PercoPainter

    hyper = _hyper_encoder(scene.models, scene.profile.recommended.models, scene.profile)
    painter = scene.models.load("painter", PercoPainter.load, scene.profile.recommended.models)
    painter.suits(hyper)
    painting, seeds, out = scene.painting, scene.seeds(), []
    context, null = beside.context(scene, painter), painter.null(hyper)
    features = hyper.features_of(grid)
    for i, seed in enumerate(seeds):
        made = painter.paint(
            features,
            hyper.cfg.stride // hyper.cfg.factor,
            context,
            null,
            seed=seed,
            kind=painting.generator,
            steps=painting.steps,
            guidance=painting.guidance,
            sampler=painting.scheduler,
            progress=part(scene.progress, i / len(seeds), (i + 1) / len(seeds)),
        )
        out.append(made[: scene.size[1], : scene.size[0]])
    return out


def _array(value: Any) -> NDArray[np.int64]:
    import numpy as np

    return np.array(value.indices, np.int64).reshape(value.h, value.w)
