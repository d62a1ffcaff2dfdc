# SPDX-License-Identifier: MIT
"""List the software that comes with an installation: its licences as a page, its versions as a CycloneDX document.

    python -m tools.sbom [--out out/refcodec.cdx.json]   packages and versions of this environment
    python -m tools.sbom licences [--check [--strict]]   docs/licences.md

The packages are those that the installed metadata of refcodec requires, directly or not, with the extras that users install.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "licences.md"
OUT: Final = ROOT / "out" / "refcodec.cdx.json"
PROJECT: Final = "refcodec"
EXTRAS: Final = ("codec", "models", "fast")  # what users install beside the package itself, "" below
BEGIN, END = "<!-- packages: python -m tools.sbom licences -->\n", "<!-- end of packages -->\n"

CLASSIFIERS: Final = {
    "Apache Software License": "Apache-2.0", "MIT License": "MIT", "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "Python Software Foundation License": "PSF-2.0",
}  # fmt: skip
FREE_TEXTS: Final = {"Apache": "Apache-2.0", "Apache 2.0 License": "Apache-2.0"}
# packages whose metadata has a family of licences only; from the licence files that they come with
# the CUDA build of torch brings these, under the licences of their vendor
OTHER_BUILDS: Final = ("cuda-", "nvidia-", "triton")
KNOWN: Final = {"jinja2": "BSD-3-Clause", "mpmath": "BSD-3-Clause", "numba": "BSD-2-Clause", "sympy": "BSD-3-Clause"}


@dataclass
class Package:
    """An installed package. `extras`: those of refcodec that need it, "" for the package itself; `needs`: its own."""

    name: str
    version: str
    licence: str
    extras: set[str] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)


def requirements(package: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    """Yield what a package with these extras requires on this machine."""
    for text in package.requires or ():
        requirement = Requirement(text)
        environments = [{"extra": extra} for extra in (*extras, "")]
        if requirement.marker is None or any(requirement.marker.evaluate(each) for each in environments):
            yield requirement


def licence_of(package: Distribution) -> str:
    """Return the licence of a package as an SPDX expression. Raises ValueError if its metadata does not tell."""
    data = package.metadata
    name = canonicalize_name(data["Name"])
    if "License-Expression" in data:
        return data["License-Expression"]
    if name in KNOWN:
        return KNOWN[name]
    for classifier in data.get_all("Classifier") or ():
        if (known := CLASSIFIERS.get(classifier.rpartition(" :: ")[2])) is not None:
            return known
    text = data["License"].strip() if "License" in data else ""
    if not text or "\n" in text or len(text) > 60:
        raise ValueError(f"the metadata of {name} does not name its licence: add it to KNOWN in tools/sbom.py")
    return FREE_TEXTS.get(text, text)


def installed() -> dict[str, Package]:
    """Return the packages that refcodec and its extras need and that are installed here, by name."""
    found: dict[str, Package] = {}
    for extra in ("", *EXTRAS):
        pending = [(PROJECT, frozenset({extra} - {""}))]
        seen = set()
        while pending:
            name, extras = pending.pop()
            if (name, extras) in seen:
                continue
            seen.add((name, extras))
            try:
                package = distribution(name)
            except PackageNotFoundError:  # of an extra that is not installed here
                continue
            needs = [(canonicalize_name(each.name), frozenset(each.extras)) for each in requirements(package, extras)]
            one = found.setdefault(name, Package(name, package.version, licence_of(package)))
            one.extras.add(extra)
            one.needs |= {needed for needed, _ in needs}
            pending += needs
    return dict(sorted(found.items()))


# --- the page ----------------------------------------------------------------------------------------------------


def table(packages: Mapping[str, Package]) -> str:
    """Return the table of packages; those of the package itself are needed by every extra."""
    lines = ["| package | licence | needed by |", "|---|---|---|"]
    for one in packages.values():
        if one.name != PROJECT:
            by = "refcodec" if "" in one.extras else ", ".join(f"`{extra}`" for extra in EXTRAS if extra in one.extras)
            lines.append(f"| {one.name} | {one.licence} | {by} |")
    return "".join(f"{line}\n" for line in lines)


def listed(page: str) -> dict[str, str]:
    """Return the licence of each package in the page."""
    rows = (line.split("|") for line in page.partition(BEGIN)[2].partition(END)[0].splitlines()[2:])
    return {row[1].strip(): row[2].strip() for row in rows if len(row) > 3}


def disagreements(page: str, packages: Mapping[str, Package]) -> dict[str, str]:
    """Return what the page lacks or says otherwise, by package. It may list packages that another system needs."""
    rows = listed(page)
    return {
        one.name: f"{one.name} has the licence {one.licence}, the page {rows.get(one.name, 'does not list it')}"
        for one in packages.values()
        if one.name != PROJECT and rows.get(one.name) != one.licence and not one.name.startswith(OTHER_BUILDS)
    }


def check(packages: Mapping[str, Package], strict: bool) -> int:
    """Compare the page with what is installed; return 1 if a package that refcodec itself names differs.

    `strict`: or any other, whose releases may change any day.
    """
    wrong = disagreements(PAGE.read_text(encoding="utf-8"), packages)
    print(
        "\n".join(wrong.values()) or f"docs/licences.md has the licences of {len(packages) - 1} packages, as installed"
    )
    return int(any(strict or name in packages[PROJECT].needs for name in wrong))


# --- the bill of materials ---------------------------------------------------------------------------------------


def bill(packages: Mapping[str, Package]) -> str:
    """Return the CycloneDX document of these packages, as JSON."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    licences = LicenseFactory()
    components: dict[str, Any] = {
        one.name: Component(
            type=ComponentType.APPLICATION if one.name == PROJECT else ComponentType.LIBRARY,
            name=one.name,
            version=one.version,
            bom_ref=one.name,
            licenses=[licences.make_from_string(one.licence)],
            purl=PackageURL("pypi", None, one.name, one.version.partition("+")[0]),
        )
        for one in packages.values()
    }
    document = Bom()
    document.metadata.component = components[PROJECT]
    for name, component in components.items():
        if name != PROJECT:
            document.components.add(component)
        needed = [components[need] for need in sorted(packages[name].needs) if need in components]
        document.register_dependency(component, needed)
    text: str = JsonV1Dot6(document).output_as_string(indent=1)
    return text + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("bill", "licences"), default="bill")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--check", action="store_true", help="compare docs/licences.md with what is installed")
    parser.add_argument("--strict", action="store_true", help="packages that others need count, too")
    arguments = parser.parse_args()
    packages = installed()
    if arguments.what == "bill":
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(bill(packages), encoding="utf-8")
        print(f"{arguments.out}: {len(packages)} packages")
        return 0
    if arguments.check:
        return check(packages, arguments.strict)
    head, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(head + begin + table(packages) + END + rest.partition(END)[2], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
