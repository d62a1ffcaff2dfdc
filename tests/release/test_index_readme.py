# SPDX-License-Identifier: MIT
"""README.md on a package index: no relative link, with the address of a repository and without one (hatch_build.py)."""

from __future__ import annotations

import pytest

pytest.importorskip("hatchling")
pytest.importorskip("readme_renderer")

from typing import Any

import hatch_build
import refcodec
from tools.release import check
from tools.release.build import ROOT

ADDRESS = "https://host.example/group/sem"
CONFIG = {"repository": ADDRESS, "page": "blob/v{version}/{path}", "picture": "raw/v{version}/{path}"}
PAGE, RAW = f"{ADDRESS}/blob/v1.2.3", f"{ADDRESS}/raw/v1.2.3"


def changed(text: str, config: dict[str, Any]) -> str:
    return hatch_build.for_index(text, hatch_build.addresses(config, "1.2.3")).removesuffix(hatch_build.REMARK)


@pytest.mark.parametrize(
    ("text", "linked", "plain"),
    [
        ("see [SPEC](SPEC.md).", f"see [SPEC]({PAGE}/SPEC.md).", "see SPEC."),
        ("[`spec.py`](./a/spec.py)", f"[`spec.py`]({PAGE}/a/spec.py)", "`spec.py`"),
        ('[x](docs/x.md "a title")', f'[x]({PAGE}/docs/x.md "a title")', "x"),
        ("[rule](SPEC.md#13-payloads)", f"[rule]({PAGE}/SPEC.md#13-payloads)", "rule"),
        ("[up](#install)", f"[up]({ADDRESS}#install)", "up"),
        ("![A cat](docs/cat.png)", f"![A cat]({RAW}/docs/cat.png)", "*A cat*"),
        ("[![A cat](cat.png)](docs/)", f"[![A cat]({RAW}/cat.png)]({PAGE}/docs/)", "*A cat*"),
        ("[a](https://x.example/y)", "[a](https://x.example/y)", "[a](https://x.example/y)"),
        ("[m](mailto:a@x.example)", "[m](mailto:a@x.example)", "[m](mailto:a@x.example)"),
        ("`[a](b.md)` and [c](d.md)", f"`[a](b.md)` and [c]({PAGE}/d.md)", "`[a](b.md)` and c"),
        ("```sh\n[a](b.md)\n```\n[c](d.md)", f"```sh\n[a](b.md)\n```\n[c]({PAGE}/d.md)", "```sh\n[a](b.md)\n```\nc"),
        ("[a]: docs/a.md\n", f"[a]: {PAGE}/docs/a.md\n", "[a]: docs/a.md\n"),
        ('<img alt="A cat" src="cat.png">', f'<img alt="A cat" src="{RAW}/cat.png">', "<em>A cat</em>"),
        ('<source srcset="dark.png">', f'<source srcset="{RAW}/dark.png">', ""),
        ('<a href="docs/a.md">a</a>', f'<a href="{PAGE}/docs/a.md">a</a>', "a"),
        ("| [a](b/) | `c\\|d` |", f"| [a]({PAGE}/b/) | `c\\|d` |", "| a | `c\\|d` |"),
    ],
)
def test_links(text: str, linked: str, plain: str) -> None:
    assert changed(text, CONFIG) == linked
    assert changed(text, CONFIG | {"repository": f"{ADDRESS}/"}) == linked
    assert changed(text, CONFIG | {"repository": ""}) == plain


def test_other_hosts() -> None:
    gitlab = CONFIG | {"page": "-/blob/v{version}/{path}", "picture": "-/raw/v{version}/{path}"}
    assert changed("[a](b.md) ![c](d.png)", gitlab) == (
        f"[a]({ADDRESS}/-/blob/v1.2.3/b.md) ![c]({ADDRESS}/-/raw/v1.2.3/d.png)"
    )


@pytest.mark.parametrize("repository", [ADDRESS, ""])
def test_readme_of_this_repository(repository: str) -> None:
    """Every link of the rendered page leads to a file that there is."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = check.targets(changed(text, CONFIG | {"repository": repository}))
    files = check.files_of_git(new_ones=True) or {
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()
    }
    assert list(check.links(found, repository, files)) == []
    own = [target for target in found if target.startswith(ADDRESS)]
    assert len(own) > 30 if repository else not own


def test_dead_links_are_found() -> None:
    found = ["SPEC.md", f"{PAGE}/SPEC.md", f"{PAGE}/gone.md#x", f"{RAW}/docs/images", "mailto:a@x.example", "/docs"]
    assert check.links(found, ADDRESS, {"SPEC.md", "docs/images/cat.png"}) == [
        "README.md on a package index has the relative link SPEC.md",
        "README.md on a package index links to gone.md, which is not in the repository",
        "README.md on a package index has the relative link /docs",
    ]


def test_metadata_with_an_address() -> None:
    """URLs of the metadata and links come from the one address, for the version of the package."""
    made: dict[str, Any] = {}
    hatch_build.Metadata(str(ROOT), CONFIG).update(made)
    page = f"{ADDRESS}/blob/v{refcodec.__version__}"
    urls = {
        "Repository": ADDRESS,
        "Documentation": f"{page}/docs/tutorial.md",
        "Specification": f"{page}/SPEC.md",
        "Changelog": f"{page}/CHANGELOG.md",
        "Security": f"{page}/SECURITY.md",
    }
    there = {label for label, path in hatch_build.PAGES.items() if not path or (ROOT / path).exists()}
    assert made["urls"] == {label: url for label, url in urls.items() if label in there}
    assert {"Repository", "Specification", "Changelog", "Security"} <= there
    assert made["readme"]["content-type"] == "text/markdown"
    assert f"[SPEC.md]({page}/SPEC.md)" in made["readme"]["text"]
    assert hatch_build.REMARK not in made["readme"]["text"]


def test_metadata_without_an_address() -> None:
    made: dict[str, Any] = {}
    hatch_build.Metadata(str(ROOT), CONFIG | {"repository": ""}).update(made)
    assert made["urls"] == {}
    assert made["readme"]["text"].endswith(hatch_build.REMARK)


@pytest.mark.parametrize(("version", "target", "added"), [("standard", "wheel", True), ("editable", "wheel", False)])
def test_specification_in_the_wheel(version: str, target: str, added: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable installation reads SPEC.md of the checkout, which changes."""
    hook = object.__new__(hatch_build.Build)
    monkeypatch.setattr(hatch_build.Build, "root", str(ROOT))
    monkeypatch.setattr(hatch_build.Build, "target_name", target)
    data: dict[str, Any] = {"force_include": {}}
    hook.initialize(version, data)
    assert data["force_include"] == ({str(ROOT / "SPEC.md"): "refcodec/SPEC.md"} if added else {})
