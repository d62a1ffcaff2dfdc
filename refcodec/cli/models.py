# SPDX-License-Identifier: MIT
"""semtool models: what there is, what is in it, whether it is intact, and how more of it comes in."""

from __future__ import annotations

import click

from refcodec.cli.models_import import command as import_
from refcodec.cli.models_list import command as list_
from refcodec.cli.models_show import command as show
from refcodec.cli.models_verify import command as verify


@click.group("models", short_help="List, show, verify and import models.")
def group() -> None:
    """Model packages, which profiles name by digest, and foundation models, which fill roles.

    \b
    semtool models list                                    what there is, and what is recommended
    semtool models show painter                            one package, role or profile
    semtool models verify                                  every digest and bound
    semtool models import FOLDER --as painter              a folder or hub id fills a role
    semtool models import elic.pth.tar --as elic           a public checkpoint becomes a package
    """


for _command in (list_, show, verify, import_):
    group.add_command(_command)
