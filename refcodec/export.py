# SPDX-License-Identifier: MIT
"""Export the payloads of a file as files (.txt, .npy, .npz, images) without reconstructing the picture.

Implements `refcodec.symbol_files`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from refcodec import spec
from refcodec.decoder import DecodedFile
from refcodec.environment import Environment, Folders
from refcodec.limits import Limits
from refcodec.payloads.exports import Artifact, ExportContext
from refcodec.progress import part
from refcodec.symbol_arrays import decoded_payloads

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.file_input import FileInput
    from refcodec.progress import Notice, Progress


def symbol_files(
    data: FileInput,
    *,
    models: Folders = (),
    level: int = 1,
    progress: Progress | None = None,
    environment: Environment | None = None,
    limits: Limits | None = None,
    partial: bool = False,
    notice: Notice | None = None,
) -> dict[str, Artifact]:
    """Return the payloads of a file as files, as `semtool decode --symbols` writes them.

    Args:
        data, models, level, progress, environment, limits (as for `refcodec.payload`): the file, and how it is read.
        partial, notice (as for `refcodec.symbols`): whether payloads without an installed model are left out, and announced.

    Returns:
        A dict from the name of each kind of payload in the file to an `Artifact`: `what` describes it, `suffixes` are its
        file formats, the default first, and `make(suffix)` returns the contents of the file. An edge map is a picture.

    Raises:
        SemError: the first error of the file, in the order of SPEC §17.
        ModelError: the symbol model that a payload needs is missing or malformed.
        InputOutputError: the path or stream cannot be read.
        TypeError, ValueError: an argument is invalid.

    Example:
        >>> Path("cat.npy").write_bytes(refcodec.symbol_files("cat.sem")["vq"].make(".npy"))
        3200
    """
    environment, limits = Environment.of(environment).with_packages(models), Limits.of(limits)
    decoded = decoded_payloads(data, environment, level, part(progress, 0, 0.5), limits, partial=partial, notice=notice)
    return artifacts(decoded, part(progress, 0.5, 1))


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
    digest = symbols.container.header.named_digest
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
