# SPDX-License-Identifier: MIT
"""The style sheet of pages and notebooks, for a whole page or for one part of another page."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final

# What a notebook's own sheets would do to tables and figures, and the theme that it has chosen.
_NOTEBOOK: Final = """
&{padding:.75rem 1rem;margin:0 0 .5rem;border:1px solid var(--line);border-radius:.375rem;max-width:76rem}
[data-jp-theme-light=true] &,.vscode-light &{color-scheme:light}
[data-jp-theme-light=false] &,.vscode-dark &{color-scheme:dark}
tbody tr:nth-child(n){background:transparent}
h3{font-weight:600}dt,dd{float:none;width:auto;font-weight:400}
table{margin:0;table-layout:auto}td,th{background:none;max-width:none}
code{background:none;color:inherit;padding:0}
.bar{margin-top:1rem}
summary{cursor:pointer;color:var(--accent)}
.shots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),max-content));gap:1rem}
figure{margin:0;min-width:0}
figure img{display:block;max-width:100%;height:auto;margin:0}
figcaption{padding-top:.35rem;font-variant-numeric:tabular-nums}
figcaption b{display:block;overflow-wrap:anywhere}
.beside{display:flex;flex-wrap:wrap;gap:1.5rem;align-items:flex-start}.beside .facts{flex:1 1 18rem}
"""


@cache
def sheet() -> str:
    """Return inspection.css."""
    return resources.files("refcodec.report").joinpath("inspection.css").read_text("utf-8")


def scoped_sheet(scope: str, rules: str = "") -> str:
    """Return inspection.css and `rules` as a sheet that concerns nothing but what is inside elements of class `scope`.

    The class is named twice, so that the rules come before those of Jupyter for all tables and lists.
    """
    nested = re.sub(r"/\*.*?\*/\s*", "", sheet(), flags=re.DOTALL).replace(":root{", "&{").replace("body{", "&{")
    return f".{scope}.{scope}{{\n{nested}{_NOTEBOOK}{rules}}}\n"
