# SPDX-License-Identifier: MIT
"""Hooks of the build (hatchling): addresses, a README for package indexes, and SPEC.md in the wheel.

The address of the repository is stated in one place, `repository` in the table `[tool.hatch.metadata.hooks.custom]` of
pyproject.toml. From it come the URLs of the metadata and the links of the README. While it is empty, there are no URLs,
links become text and pictures their descriptions, so that nothing points to a page that does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

PAGES: Final = {
    "Repository": "",
    "Documentation": "docs/tutorial.md",
    "Specification": "SPEC.md",
    "Changelog": "CHANGELOG.md",
    "Security": "SECURITY.md",
}  # label of a URL -> the page it leads to; one that the repository lacks is left out
REMARK: Final = "\nPages named here without a link are in the source distribution.\n"

_LABEL = r"\[(?P<label>(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]"
_MARKDOWN: Final = re.compile(
    r"(?P<code>^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)[ \t]*$)"
    rf"|(?P<picture>!)?{_LABEL}\((?P<target>[^\s()]+)(?P<title>\s+\"[^\"]*\")?\)"
    r"|(?P<ticks>`+)[^`].*?(?P=ticks)"
    r"|(?P<define>^\[[^\]]+\]:[ \t]+)(?P<defined>\S+)"
    r"|(?P<tag><(?:img|source|a)\b[^>]*>)",
    re.MULTILINE | re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r"\b(?P<name>src|srcset|href)=\"(?P<target>[^\"]*)\"")
_ALT: Final = re.compile(r"\balt=\"([^\"]*)\"")


def absolute(target: str) -> bool:
    """Return whether a link has a scheme or a host."""
    return bool(re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.IGNORECASE))


def for_index(text: str, address: Callable[[str, bool], str] | None) -> str:
    """Return Markdown without relative links.

    address: path in the repository, and whether it is a picture -> URL; None: links become text, pictures their
    descriptions in italics. Code is left as it is.
    """

    def replaced(match: re.Match[str]) -> str:
        if match["target"]:
            return _link(match, address)
        if match["tag"]:
            return _tag(match["tag"], address)
        if match["define"] and not absolute(match["defined"]) and address is not None:
            return match["define"] + address(match["defined"], False)
        return match[0]

    changed = _MARKDOWN.sub(replaced, text)
    return re.sub(r"</a>", "", changed) + REMARK if address is None else changed


def _link(match: re.Match[str], address: Callable[[str, bool], str] | None) -> str:
    """Return a link or picture of Markdown, absolute or as text."""
    picture, target, title = bool(match["picture"]), match["target"], match["title"] or ""
    label = match["label"] if picture else for_index(match["label"], address).removesuffix(REMARK)
    if not absolute(target):
        if address is None:
            return f"*{label}*" if picture else label
        target = address(target, picture)
    return f"{match['picture'] or ''}[{label}]({target}{title})"


def _tag(tag: str, address: Callable[[str, bool], str] | None) -> str:
    """Return an HTML tag with absolute addresses; without any, a picture's description or nothing."""
    attributes = {match["name"]: match["target"] for match in _ATTRIBUTE.finditer(tag)}
    if all(absolute(target) for target in attributes.values()):
        return tag
    if address is None:
        described = _ALT.search(tag)
        return f"<em>{described[1]}</em>" if tag.startswith("<img") and described else ""
    picture = not tag.startswith("<a")
    return _ATTRIBUTE.sub(
        lambda m: m[0] if absolute(m["target"]) else f'{m["name"]}="{address(m["target"], picture)}"', tag
    )


def addresses(config: dict[str, Any], version: str) -> Callable[[str, bool], str] | None:
    """Return the function from a path of this version to its URL; None if no repository is configured."""
    repository: str = config["repository"].rstrip("/")
    if not repository:
        return None

    def address(path: str, picture: bool) -> str:
        if path.startswith("#"):
            return f"{repository}{path}"
        page = config["picture" if picture else "page"].format(version=version, path=path.removeprefix("./"))
        return f"{repository}/{page}"

    return address


class Metadata(MetadataHookInterface):
    """README and URLs for package indexes."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme` and `urls`."""
        root = Path(self.root)
        found = re.search(r'^__version__ = "(.+)"$', (root / "refcodec/__init__.py").read_text("utf-8"), re.MULTILINE)
        if found is None:
            raise ValueError("refcodec/__init__.py states no __version__")
        address = addresses(self.config, found[1])
        text = for_index((root / "README.md").read_text("utf-8"), address)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = {}
        if address is not None:
            for label, page in PAGES.items():
                if not page:
                    metadata["urls"][label] = self.config["repository"]
                elif (root / page).exists():
                    metadata["urls"][label] = address(page, False)


class Build(BuildHookInterface[Any]):
    """SPEC.md in the package, where `semtool spec` reads it; an editable installation reads that of the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add it to a wheel that is not editable."""
        if version == "standard" and self.target_name == "wheel":
            build_data["force_include"][str(Path(self.root, "SPEC.md"))] = "refcodec/SPEC.md"
