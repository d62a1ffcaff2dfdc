# SPDX-License-Identifier: MIT
"""Who may import whom: downwards only, the two halves apart, torch in one place, and nothing heavy to look into a file.

Imports are read from the source, so that a wrong one is found wherever in a function it hides.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "refcodec"

# Parts of the library, from the top down. A module belongs to the longest name that it begins with, and imports only what
# stands on lower lines or in its own part; names on one line do not know each other.
LAYERS = (
    ("__main__",),
    ("cli", "pillow"),
    ("batch", "notebook"),
    ("export",),
    ("symbol_arrays", "file_text"),
    ("codec", "decode_picture", "progressive"),
    ("decode_settings",),
    ("pack", "reconstruct"),
    ("decode_memory", "partial_decode"),
    ("decoder", "methods", "inspection", "editing"),
    ("encode_settings", "draft_files"),
    ("assemble",),
    ("convert",),
    ("search",),
    ("foundation",),
    ("consonant_text",),
    ("container", "transforms"),
    ("environment", "networks.package_cache"),
    ("registry", "networks.package"),
    ("payloads",),
    ("networks", "entropy"),
    ("networks.package_search", "images", "table_files"),
    ("file_input", "report"),
    ("canonical_json", "fileio", "networks.trace", "networks.package_files", "unpacked"),
    ("descriptor_names", "replace_file"),
    ("temporary_files",),
    ("registry.hints",),
    ("limits", "sandbox", "rate_target", "python_errors"),
    ("spec", "errors", "progress", "memory", "process_settings", "efforts", "option_bounds"),
)
RANK = {part: len(LAYERS) - i for i, line in enumerate(LAYERS) for part in line}
HEAVY = ("numpy", "torch", "PIL", "safetensors", "rich", "numba", "zstandard")
TORCH = (
    "refcodec.networks.openmp",
    "refcodec.networks.torch_backend",
    "refcodec.networks.torch_flags",
    "refcodec.networks.torch_guard",
    "refcodec.convert",
    "refcodec.search",
    "refcodec.foundation",
    "refcodec.transforms.elic.blocks",
    "refcodec.transforms.elic.entropy_model",
    "refcodec.transforms.elic.network",
    "refcodec.transforms.elic.text_adapter",
    "refcodec.transforms.elic.torch_transforms",
    "refcodec.transforms.vq.network",
    "refcodec.transforms.vq.quantiser",
    "refcodec.cli.bench",
)


def modules() -> dict[str, Path]:
    """Dotted name -> file of everything in the library."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(["refcodec", *(part for part in parts if part != "__init__")])] = path
    return found


MODULES = modules()


def imports(name: str, *, now: bool = False) -> Iterator[str]:
    """The modules that one imports, those that `TYPE_CHECKING` guards left out; `now`: as it is itself imported."""

    def walk(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
                continue
            if now and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert not child.level, f"{name} has a relative import"
                module = child.module or ""
                yield from (
                    f"{module}.{alias.name}" if f"{module}.{alias.name}" in MODULES else module for alias in child.names
                )
            else:
                yield from walk(child)

    yield from walk(ast.parse(MODULES[name].read_text(encoding="utf-8")))


def part_of(module: str) -> str | None:
    """The part of LAYERS that a module belongs to; None for other libraries, and for `refcodec` itself."""
    package, _, rest = module.partition(".")
    if package != "refcodec" or not rest:
        return None
    names = rest.split(".")
    return next((part for n in range(len(names), 0, -1) if (part := ".".join(names[:n])) in RANK), names[0])


def closure(*names: str) -> set[str]:
    """Everything that is imported when these are, packages around them included."""
    seen: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        around = [name.rsplit(".", n)[0] for n in range(name.count(".") + 1)]
        for module in around:
            if module not in seen:
                seen.add(module)
                left += imports(module, now=True) if module in MODULES else []
    return seen


def test_every_part_has_a_place() -> None:
    assert {part for module in MODULES if (part := part_of(module))} == set(RANK)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_go_downwards(name: str) -> None:
    own = part_of(name)
    if own is None:  # refcodec/__init__.py hands out names of all parts, when they are asked for
        return
    for module in imports(name):
        part = part_of(module)
        assert part is None or part == own or RANK[part] < RANK[own], f"{name} imports {module}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: {module for module in imports(name) if module in MODULES} for name in MODULES}
    in_order: list[str] = []
    while ready := [name for name, needs in graph.items() if name not in in_order and needs <= {name, *in_order}]:
        in_order += ready
    assert not set(MODULES) - set(in_order), "in a circle, or above one"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_torch_is_imported_in_one_place(name: str) -> None:
    if not name.startswith(TORCH):
        assert not [module for module in imports(name) if module.partition(".")[0] == "torch"]


@pytest.mark.parametrize(
    "name",
    [
        "refcodec",
        "refcodec.inspection",
        "refcodec.container",
        "refcodec.networks.package_search",
        "refcodec.cli.inspect_",
    ],
)
def test_looking_into_a_file_imports_nothing_heavy(name: str) -> None:
    paths = {
        "refcodec.cli.inspect_": (
            "refcodec.cli.main",
            "refcodec.cli.commands",
            "refcodec.cli.error_report",
            "refcodec.cli.inspect_html",
            name,
        )
    }
    heavy = {module for module in closure(*paths.get(name, (name,))) if module.partition(".")[0] in HEAVY}
    assert not heavy


def test_what_is_heavy_is_seen() -> None:
    assert {"numpy", "torch"} <= closure("refcodec.networks.torch_backend")
    assert "torch" not in closure("refcodec.methods.elic")
    assert "torch" in set(imports("refcodec.transforms.elic.torch_transforms"))
    assert "torch" not in closure("refcodec.transforms.elic.runners", "refcodec.transforms.vq.transforms")


def test_payloads_entropy_and_container_do_without_torch() -> None:
    names = [name for name in MODULES if part_of(name) in ("payloads", "entropy", "container", "registry", "symbols")]
    assert "torch" not in closure(*names)


def test_refcodec_imports_its_names_when_they_are_used() -> None:
    assert closure("refcodec") & set(MODULES) == {"refcodec"}


def test_inspect_runs_where_nothing_heavy_is_installed() -> None:
    script = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({HEAVY!r}))\n"  # None: an import of it fails
        "import refcodec\n"
        "data = bytes.fromhex('F59E2C010BABCD010203')\n"
        "print(refcodec.inspect(data).to_dict()['method'], len(refcodec.write(refcodec.read(data))))\n"
        "from refcodec.cli.main import main\n"
        "sys.exit(main(['inspect', '-', '--json']))\n"
    )
    data = bytes.fromhex("F59E2C010BABCD010203")
    done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"elic 10\n{")


def test_the_first_line_of_every_file_is_its_licence() -> None:
    assert all(path.read_text(encoding="utf-8").startswith("# SPDX-License-Identifier: ") for path in MODULES.values())
