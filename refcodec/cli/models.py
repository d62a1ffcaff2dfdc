# SPDX-License-Identifier: MIT
"""semtool models: list, show, verify, import and identify models."""

from __future__ import annotations

import click

from refcodec.cli.models_identify import command as identify
from refcodec.cli.models_import import command as import_
from refcodec.cli.models_list import command as list_
from refcodec.cli.models_show import command as show
from refcodec.cli.models_verify import command as verify


@click.group("models", short_help="List, show, verify, import and identify models.")
def group() -> None:
    """Manage model packages, which profiles name by digest, and foundation models, which fill roles.

    \b
    semtool models list                                    list models, and the recommended ones
    semtool models show painter                            show one package, role or profile
    semtool models verify                                  check every digest and bound
    semtool models import FOLDER --as painter              fill a role with a folder or hub id
    semtool models import elic.pth.tar --as elic           convert a public checkpoint to a package
    semtool models identify image_embedder=FOLDER          print its digest, or write it as a package
    """


for _command in (list_, show, verify, import_, identify):
    group.add_command(_command)
