# SPDX-License-Identifier: MIT
"""semtool models list: packages, profiles and roles, and which of their models are installed."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import click

from refcodec.cli.common_options import json_option
from refcodec.cli.error_report import notice
from refcodec.cli.model_inventory import (
    PARTS,
    model_option,
    package_row,
    profile_row,
    role_row,
    take_inventory,
    test_rows,
)
from refcodec.cli.stdio import brief, say, show_json, wants_json
from refcodec.fileio import shown

WIDE = 10_000  # columns of a table that is not for a terminal, so that no line is folded


@click.command("list", short_help="List models, and the recommended ones.")
@model_option
@click.option("--all", "everything", is_flag=True, help="Also list the profiles of the test vectors, ids 200 to 206.")
@json_option
def command(model: tuple[str, ...], everything: bool) -> None:
    """List model packages, profiles with their models, and roles with the models that fill them.

    --json lists all profiles.
    """
    from refcodec.foundation.roles import ROLES

    inventory = take_inventory(model)
    packages = [
        row for row in (package_row(folder, inventory) for folder in inventory.packages) if row["digest"] is not None
    ]
    profiles = [profile_row(profile, inventory) for profile in inventory.rows]
    roles = [role_row(role, inventory) for role in ROLES]
    for _, error in inventory.broken:
        notice(str(error))
    if wants_json():
        broken = [{"folder": str(folder), "error": error.to_dict()} for folder, error in inventory.broken]
        show_json({"packages": packages, "profiles": profiles, "roles": roles, "broken": broken})
        return
    if not everything:
        tests = test_rows(inventory)
        profiles = [row for row in profiles if row["id"] not in tests]
    say("\n".join(_text(packages, profiles, roles)))


def _text(packages: list[dict[str, Any]], profiles: list[dict[str, Any]], roles: list[dict[str, Any]]) -> Iterator[str]:
    yield _table(
        "Model packages",
        ("name", "kind", "digest", "profiles", "without", "folder"),
        [
            (
                row["name"] or "-",
                str(row["kind"]),
                row["digest"][:16],
                " ".join(row["profiles"]) or "-",
                " ".join(part for part in PARTS if part not in row["parts"]) or "-",
                shown(row["folder"]),
            )
            for row in packages
        ],
    )
    yield _table(
        "Profiles",
        ("id", "name", "method", "model", "installed", "recommended models"),
        [
            (
                str(row["id"]),
                row["name"],
                row["method"],
                (row["model"] or "-")[:16],
                {True: "yes", False: "no", None: "-"}[row["available"]],
                ", ".join(f"{role} {hub}" for role, hub in row["recommended"].items()) or "-",
            )
            for row in profiles
        ],
    )
    yield _table(
        "Roles",
        ("role", "what it is", "filled by", "sha256", "recommended"),
        [
            (row["role"], row["what"], _filled(row), (row["sha256"] or "-")[:16], ", ".join(row["recommended"]) or "-")
            for row in roles
        ],
    ).rstrip()


def _filled(row: dict[str, Any]) -> str:
    if row["source"] is None:
        return "-"
    return shown(row["source"]) + (f"@{row['revision']}" if row["revision"] else "")


def _table(title: str, heads: tuple[str, ...], cells: list[tuple[str, ...]]) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    for line in cells:
        table.add_row(*(Text(brief(cell, "--json prints all of it")) for cell in line))
    out, terminal = io.StringIO(), sys.stdout is not None and sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else WIDE
    Console(
        file=out, width=width, force_terminal=terminal, color_system="auto" if terminal else None, legacy_windows=False
    ).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
