# SPDX-License-Identifier: MIT
"""Build the documentation site from the pages of this repository: `make docs` (decision 0052).

The source folder is the repository, so that a link between two pages is the same on the site and on a code host.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

import refcodec  # noqa: E402

project = "sem"
author = "the authors of the .sem format"
copyright = author
version = release = refcodec.__version__

root_doc = "docs/index"
include_patterns = [
    "README.md",
    "SPEC.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "ERRATA.md",
    "docs/**.md",
    "drafts/*.md",
    "examples/**README.md",
    "test_vectors/README.md",
    "conformance/**.md",
    "tools/viewer/**.md",
]
exclude_patterns = [".*", "out", "runs", "build", "dist", "**/node_modules"]
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "tools.site.extension",
]

myst_heading_anchors = 4
myst_fence_as_directive = {"mermaid"}
myst_enable_extensions = ["colon_fence"]
myst_links_external_new_tab = False
suppress_warnings = [
    "myst.header",  # a generated page goes from H1 to H3
    "ref.python",  # types in docstrings that are also names of members
]

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
nitpicky = False

html_theme = "furo"
html_title = f".sem {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["extra"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#1f5fa8",
        "color-brand-content": "#1f5fa8",
        "font-stack": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif",
        "font-stack--monospace": "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
    },
    "dark_css_variables": {"color-brand-primary": "#7db4f0", "color-brand-content": "#7db4f0"},
}
pygments_style = "friendly"
pygments_dark_style = "monokai"

copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
