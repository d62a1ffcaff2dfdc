# SPDX-License-Identifier: MIT
"""semtool inspect --deep: what decoding the payloads adds to an inspection, which looks at header and sections alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from refcodec.cli.common_options import progress
from refcodec.errors import Code, SemError

if TYPE_CHECKING:
    from refcodec.environment import Environment


@dataclass(frozen=True)
class DeepCheck:
    """The result of decoding every payload of a file, as `semtool verify` does."""

    valid: bool | None  # None: not known, since a model is missing or the file is unsupported
    canonical: bool | None
    check: str | None  # ok, failed or absent; None if it could not be verified
    error: SemError | None

    def to_dict(self) -> dict[str, Any]:
        """Return the member `deep` of `conformance/schema/inspect.schema.json`."""
        error = None if self.error is None else self.error.to_dict()
        return {"valid": self.valid, "canonical": self.canonical, "check": self.check, "error": error}


def deep_check(data: bytes, environment: Environment, level: int) -> DeepCheck:
    """Decode the payloads of a file, within the limits of the environment's variables."""
    from refcodec.decoder import decode_file
    from refcodec.limits import Limits

    try:
        with progress("decoding") as update:
            decoded = decode_file(
                data, level=level, progress=update, environment=environment, limits=Limits.default().start()
            )
    except SemError as error:
        invalid = False if error.status == 3 else None
        canonical = False if error.code == Code.STREAM_NOT_CANONICAL else None
        return DeepCheck(invalid, canonical, "failed" if error.code == Code.CHECK_MISMATCH else None, error)
    return DeepCheck(True, decoded.canonical, decoded.state, None)
