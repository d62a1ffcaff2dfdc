# SPDX-License-Identifier: MIT
"""Model packages: a folder of any two files is a model or one error, and a model decodes or refuses any body."""

from __future__ import annotations

from typing import Any, Final

from refcodec.errors import SemError
from refcodec.networks import package
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.scheduled_model import ScheduledModel
from refcodec.payloads import latents
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.drafts import grids, scheduled
from refcodec.payloads.drafts.grid_prior import IndexPrior
from refcodec.payloads.kinds import WITH_DRAFTS
from refcodec.table_files import SHIPPED
from tools.fuzz import archive
from tools.fuzz.mutators import model_package as packages
from tools.fuzz.target import ROOT, VECTORS, Target, refusal, require

BYTES_MAX = 1 << 14  # of a package to start from
BODY = bytes(range(7, 90, 11))  # read as latents of each valid model
WORK = 1 << 14  # multiplications a site of a model that is run
SYMBOLS = 1 << 14  # that a draft decodes


def seeds() -> list[bytes]:
    """Return the packages of the vectors, valid or not."""
    found = []
    suites = (VECTORS, ROOT / "drafts" / "vectors")
    places = [suite / name for suite in suites for name in ("models", "models-bad")]
    for folder in sorted(folder for place in places for folder in place.iterdir()):
        files = [folder / name for name in packages.FILES]
        if all(file.is_file() for file in files):
            found.append(archive.pack([file.read_bytes() for file in files]))
    return [data for data in found if len(data) <= BYTES_MAX]


SCRATCH: Final = archive.Scratch()  # where packages are written


def run(data: bytes) -> str:
    """Load a package; decode a body with a model of networks."""
    folder = SCRATCH.folder()
    archive.write(folder, dict(zip(packages.FILES, archive.unpack(data, 2), strict=True)))
    try:
        model: Any = package.load_any(folder, kinds=WITH_DRAFTS)
        symbols = package.read_manifest(folder)["symbols"]
        require(model.digest == package.symbol_digest(symbols), "a model has the digest of its manifest")
        if isinstance(model, ScheduledModel | IndexPrior):
            return _decode_draft(model)
        if isinstance(model, package.TableModel):
            require(len(model.table) == len(model.tensor), "a table has the entries of its tensor")
            return "accepted, table"
        if sum(map(len, model.heads)) > 64 or model.m > 64 or model.hyper > 64:
            return "accepted, large"
        latents.decode(BODY, model, (17, 9), NumpyBackend(), tables=SHIPPED)
    except SemError as error:
        return refusal(error)
    return "accepted, decodes"


def _decode_draft(model: ScheduledModel | IndexPrior) -> str:
    """Decode a body with a model of kind 48 or 50."""
    kind, parameters = (grids.KIND if isinstance(model, IndexPrior) else scheduled.KIND), model.numbers
    wide = isinstance(model, ScheduledModel) and (model.m > 64 or model.hyper > 64)
    if model.weights > WORK or wide or (kind.symbol_count(parameters, 17, 9) or 0) > SYMBOLS:
        return "accepted, large"
    kind.decode(BODY, CodingContext(parameters, (17, 9), model=model, backend=NumpyBackend()))
    return "accepted, decodes"


TARGET = Target(
    "package",
    seeds,
    run,
    packages.mutate,
    dictionary=(b'"symbols"', b'"tensors"', b'"data_offsets"', b'"__metadata__"'),
    max_bytes=BYTES_MAX,
    close=SCRATCH.remove,
)
