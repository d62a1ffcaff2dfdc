# SPDX-License-Identifier: MIT
"""Export the payloads of a file as files (.txt, .npy, .npz, images) without reconstructing the picture."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from refcodec import spec
from refcodec.decoder import DecodedFile
from refcodec.payloads.exports import Artifact, ExportContext

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.progress import Progress


def artifacts(symbols: DecodedFile, progress: Progress | None = None) -> dict[str, Artifact]:
    """Return the payloads of a file as artifacts: name of the kind -> artifact, by ascending kind.

    Raise `ModelError` if the package that the file names is installed and malformed.
    """
    header, known, exported = symbols.container.header, symbols.environment.kinds, {}
    for section_type, value in symbols.values.items():
        kind = known.get(section_type & spec.NUMBER)
        context = ExportContext(
            header.profile.parameters(kind.id),
            (header.width, header.height),
            partial(_find_model, symbols),
            partial(_synthesise, symbols, progress),
        )
        exported[kind.name] = kind.export(value, context)
    return exported


def _find_model(symbols: DecodedFile) -> Any:
    """Return the symbol model that the file names, None if it names none or it is not installed."""
    header = symbols.container.header
    digest = header.profile.model if header.model_hash is None else header.model_hash.hex()
    folder = None if digest is None else symbols.environment.find_package(digest)
    if folder is None:
        return None
    from refcodec.networks import package

    return package.load_any(folder, kinds=symbols.environment.kinds)


def _synthesise(symbols: DecodedFile, progress: Progress | None, latents: Any) -> NDArray[np.uint8]:
    """Return uint8[H, W, C], the picture of latents, synthesised by the package that decoded them."""
    from refcodec.methods import latent_coding
    from refcodec.methods.network_memory import require_memory

    header, folder = symbols.container.header, symbols.folder
    assert folder is not None
    require_memory(symbols.limits, folder, "painter", (header.width, header.height))
    return latent_coding.synthesise(latents, folder, (header.width, header.height), symbols.limits.checked(progress))
