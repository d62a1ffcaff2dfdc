# SPDX-License-Identifier: MIT
"""Add to the help of a command which picture formats are read here."""

from __future__ import annotations

import click


class CommandOfPictures(click.Command):
    """A command whose help ends with the picture formats that this installation reads."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the formats; Pillow is imported for this alone."""
        super().format_epilog(ctx, formatter)
        from refcodec.images.formats import readable_formats
        from refcodec.images.plugins import OPTIONAL

        formats = readable_formats()
        with formatter.section("Picture formats read by this installation"):
            formatter.write_text(", ".join(formats) + ".")
            for name, package in OPTIONAL.items():
                if not package.installed() and name not in formats:
                    formatter.write_text(f"{name} is read after: pip install {package.install}.")
