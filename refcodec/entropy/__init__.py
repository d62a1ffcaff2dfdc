# SPDX-License-Identifier: MIT
"""SPEC §9 and §10: the one entropy coder of the format and its tables."""

from refcodec.entropy.coder import Coder
from refcodec.entropy.rangecoder import Decoder, Encoder
from refcodec.entropy.tables import TableBank, cumulative, gaussians, uniform

__all__ = ["Coder", "Decoder", "Encoder", "TableBank", "cumulative", "gaussians", "uniform"]
