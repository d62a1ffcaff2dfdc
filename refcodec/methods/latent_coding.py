# SPDX-License-Identifier: MIT
"""Code pictures as latents and reconstruct them, for the kinds elic and sketch (SPEC §13.6, §13.7).

pixels -> g_a, h_a (float) -> choose symbols -> body          body -> z, y-hat -> g_s (float) -> pixels
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refcodec.entropy import gaussians
from refcodec.errors import Code, ModelError
from refcodec.methods import rdo
from refcodec.networks import package, package_cache, package_search
from refcodec.networks.checkerboard import passes
from refcodec.networks.context_model import Backend, Trace, pass_sites
from refcodec.payloads import latents as elic_latents
from refcodec.payloads.latents import STEP, ElicLatents
from refcodec.progress import Progress, part
from refcodec.table_files import TableFiles

if TYPE_CHECKING:
    from refcodec.foundation.resolve import Models
    from refcodec.transforms.elic.runners import Analysis, Synthesis

Ints = NDArray[np.int32]
AT_A_TIME: Final = 1 << 18  # residuals that are quantised at a time
RDO: Final = 4.0  # factor on the distortion weight of the training Lagrangian; smaller values send fewer symbols


@lru_cache(maxsize=2)
def _analysis(folder: Path, device: str, _state: tuple[int, int]) -> Analysis:
    from refcodec.transforms.elic.runners import load_analysis

    return load_analysis(folder, package.read_manifest(folder), device)


@lru_cache(maxsize=2)
def _synthesis(folder: Path, device: str, _state: tuple[int, int]) -> Synthesis:
    from refcodec.transforms.elic.runners import load_synthesis

    return load_synthesis(folder, package.read_manifest(folder), device)


def device_of(models: Models, folder: Path, part: Literal["encoder", "painter"]) -> str:
    """Return the device that runs a network of a package: the CPU for one that numpy runs, unless the user names another.

    Raises ValueError for a device that is absent, Code.DEPENDENCY_MISSING if it needs torch, which is not installed.
    """
    from refcodec.transforms.elic.runners import runs_in_numpy

    if models.device in ("auto", "cpu") and runs_in_numpy(package_cache.manifest(folder), part):
        return "cpu"
    package_cache.need_torch(f"running the {part} of model {folder.name}")
    with package_cache.torch_errors(folder, part):
        return models.torch_device()


def takes_text(folder: Path) -> bool:
    """Return whether the encoder of a package has a text adapter, so that a caption can steer it. Needs no torch.

    Raises ModelError for a folder that is not a model package.
    """
    entry = package_cache.manifest(folder).get("encoder")
    architecture = entry.get("architecture") if isinstance(entry, dict) else None
    return isinstance(architecture, dict) and bool(architecture.get("text_width"))


@dataclass(frozen=True, eq=False)
class CodedLatents:
    """The body of a payload, and its latents."""

    body: bytes
    latents: ElicLatents


class FloatLatents(NamedTuple):
    """Latents of an analysis, before gains and rounding: y float32[M, h, w], z float32[hyper, h/4, w/4]."""

    y: NDArray[np.float32]
    z: NDArray[np.float32]


class LatentEncoder:
    """Encoder of one picture uint8[H, W, C], which is analysed once and coded at any rate of its model.

    text float32[tokens, width]: the embedding of a caption, for a model whose analysis has a text adapter (`takes_text`).
    It steers the analysis and is not sent.
    device: where the analysis runs; symbols are computed by the integer nets on the CPU.

    Raises ValueError for a text that the model does not accept, Code.MODEL_UNAVAILABLE if it needs a text and has none,
    Code.PICTURE_TOO_LARGE for too large a picture.
    """

    strength = RDO  # default of `at`

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        folder: Path,
        digest: str | None = None,
        progress: Progress | None = None,
        *,
        tables: TableFiles,
        text: NDArray[np.float32] | None = None,
        device: str = "cpu",
    ):
        self.model, self.tables = package_cache.symbol_model(folder, digest), tables
        self.backend: Backend = package_cache.backend()
        analysis = _analysis(folder, device, package_search.state_of(folder))
        self.size = (pixels.shape[1], pixels.shape[0])
        self.lambdas, self.gain, self.gain_z = analysis.cfg.lambdas, analysis.gain, analysis.gain_z
        self.channels = analysis.cfg.channels
        self.progress = progress
        self.latents = FloatLatents(*analysis(pixels, part(progress, 0, 0.4), text))
        self.pixels, self.place = pixels, (folder, device, text)
        self.lost: dict[int, NDArray[np.float32]] = {}  # of the last rate that `loss` was called for
        _, h, w = self.latents.y.shape
        self.sites, self.squares = pass_sites(h, w, self.model.parity), passes(h, w, self.model.parity)

    def at(
        self,
        rate: int,
        strength: float | None = None,
        span: tuple[float, float] | None = (0.4, 1.0),
        latents: FloatLatents | None = None,
    ) -> CodedLatents:
        """Return the stream at one rate.

        strength: see `RDO`, the default; infinity rounds every residual to the nearest integer. span: the part of the
        progress that this call covers, if any. latents: those to code, by default those of the encoder.
        """
        y, z0 = latents or self.latents
        z = np.clip(np.rint(z0 * self.gain_z[rate][:, None, None]), -32767, 32767).astype(np.int32)
        gain, bank = self.gain[rate], gaussians(self.tables)
        strength = self.strength if strength is None else strength
        weight = (strength * self.lambdas[rate] * 255**2 / self.channels / gain**2).astype(np.float32)

        def choose(_rate: int, k: int, step: int, mean: Ints, index: NDArray[np.uint8]) -> Ints:
            first, squares, found = self.model.part(k).start, self.squares[step], np.empty(mean.shape, np.int32)
            count = max(1, AT_A_TIME // squares.count)
            for top in range(0, len(mean), count):  # a few channels, to save memory
                part = slice(top, min(top + count, len(mean)))
                channels = slice(first + part.start, first + part.stop)
                r = np.empty(mean[part].shape, np.float32)
                squares.read(y[channels], r)
                r *= gain[channels][:, None]
                r -= mean[part].astype(np.float32) / STEP
                s = rdo.quantise(r, index[part], weight[channels][:, None], bank)
                # y-hat must stay within int16 (SEM-R-120); a symbol under table 0 is not coded at all
                np.clip(s, -((32768 + mean[part]) // STEP), (32767 - mean[part]) // STEP, out=found[part])
            found[index == 0] = 0
            return found

        progress = None if span is None else part(self.progress, *span)
        body_and_latents = elic_latents.encode(
            rate, z, choose, self.model, self.size, self.backend, None, progress, tables=self.tables
        )
        return CodedLatents(*body_and_latents)

    def replay(self, latents: ElicLatents, trace: Trace) -> None:
        """Code latents again, and pass the layers and passes of the exact networks to `trace`."""
        source = elic_latents.replay(latents, self.model, self.size)
        elic_latents.encode(
            latents.rate, latents.z, source, self.model, self.size, self.backend, trace, tables=self.tables
        )

    def loss(self, rate: int, span: tuple[float, float] | None = None) -> NDArray[np.float32]:
        """Return what decoding loses at a rate, float32[M, h, w]: the latents of the picture minus those of its reconstruction.

        Part of it, added to the latents, makes the reconstruction more like the picture, at more bytes. Zeros for a
        package without a synthesis network.
        """
        if rate not in self.lost:
            folder, device, text = self.place
            progress = None if span is None else part(self.progress, *span)
            coded = self.at(rate, span=None)
            try:
                pixels = synthesise(coded.latents, folder, self.size, part(progress, 0.3, 0.7), device=device)
            except ModelError as error:
                if error.code != Code.MODEL_UNAVAILABLE:
                    raise
                return np.zeros_like(self.latents.y)
            again, _ = _analysis(folder, device, package_search.state_of(folder))(pixels, part(progress, 0.7, 1), text)
            self.lost = {rate: self.latents.y - again}
        return self.lost[rate]


def synthesise(
    latents: ElicLatents, folder: Path, size: tuple[int, int], progress: Progress | None = None, *, device: str = "cpu"
) -> NDArray[np.uint8]:
    """Return uint8[H, W, C] of size (width, height), in sRGB for pictures."""
    return _synthesis(folder, device, package_search.state_of(folder))(latents.y, latents.rate, size, progress)
