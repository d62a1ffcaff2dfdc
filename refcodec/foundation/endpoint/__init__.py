# SPDX-License-Identifier: MIT
"""Roles filled by an endpoint: a server, hosted or local, with OpenAI's HTTP interface. Imports no torch.

Only servers that the user names, as https://host/v1#MODEL, are contacted, each with the key of its own host alone (see
`keys`). http is allowed for this machine only. Redirects are not followed, and the time and the size of every answer
are bounded (see `exchange`).
"""

from refcodec.foundation.endpoint.address import Address, address
from refcodec.foundation.endpoint.exchange import TIMEOUT_S
from refcodec.foundation.endpoint.image_edits import RemoteEditor
from refcodec.foundation.endpoint.roles import RemoteCaptioner, RemoteLanguageModel, RemoteTextToImage
from refcodec.foundation.endpoint.server import Endpoint

__all__ = [
    "TIMEOUT_S",
    "Address",
    "Endpoint",
    "RemoteCaptioner",
    "RemoteEditor",
    "RemoteLanguageModel",
    "RemoteTextToImage",
    "address",
]
