# SPDX-License-Identifier: MIT
"""docs/environment.md and `semtool --help` name every environment variable that the library reads."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click.testing
import pytest

import refcodec
from refcodec.cli.commands import cli
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.foundation.endpoint.keys import variable_of
from refcodec.foundation.worker import process

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/environment.md").read_text(encoding="utf-8")
OURS = re.compile(r"\bSEM(TOOL)?_[A-Z_]+[A-Z]")  # a name of our own
READERS = {"_variable": 0, "getenv": 0}  # functions that read a variable -> the position of its name
# reads of names that no literal has: of one host, of a parameter, of `PASSIVE`, of Ray, and of the process of the models
COMPUTED = {
    "refcodec/foundation/endpoint/keys.py": {"variable", "variable_of(h)"},
    "refcodec/limits.py": {"name"},
    "refcodec/batch/ray_pipeline.py": {"name"},
    "refcodec/batch/ray_cluster.py": {
        "name",
        "new",
        "{'RAY_AUTH_MODE': 'token', 'RAY_AUTH_TOKEN': secrets.token_hex(32)}",
    },
    "refcodec/cli/main.py": {"name"},
    "refcodec/convert/unpickle.py": {"key"},
}


def first_table() -> list[str]:
    """The variables of the first table of the page."""
    before = PAGE.partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", before, re.MULTILINE)


def documented() -> set[str]:
    """Every name of the page in backticks that is one of a variable, `<HOST>` left out."""
    return set(re.findall(r"`\$?([A-Za-z_]{2,})(?:_<HOST>)?`", PAGE))


def constants(tree: ast.Module) -> dict[str, str]:
    """Names of module level that stand for texts."""
    found = {}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = getattr(node, "value", None)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            found |= {target.id: value.value for target in targets if isinstance(target, ast.Name)}
    return found


def is_environ(node: ast.expr) -> bool:
    return ast.unparse(node) in ("os.environ", "environ")


def reads(tree: ast.Module) -> Iterator[ast.expr]:
    """The names of variables that a module reads, as expressions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and is_environ(node.value):
            yield node.slice
        elif isinstance(node, ast.Compare) and any(is_environ(each) for each in node.comparators):
            yield node.left
        elif isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if isinstance(function, ast.Attribute) and is_environ(function.value) and node.args:
                yield node.args[0]
            elif name in READERS and node.args:
                yield node.args[READERS[name]]
            yield from (each.value for each in node.keywords if each.arg == "envvar")


def variables(source: str) -> tuple[set[str], set[str]]:
    """The variables that a module reads by name, and the expressions of those whose names are computed."""
    tree, named, computed = ast.parse(source), set[str](), set[str]()
    known = constants(tree)
    for expression in reads(tree):
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            named.add(expression.value)
        elif isinstance(expression, ast.Name) and expression.id in known:
            named.add(known[expression.id])
        else:
            computed.add(ast.unparse(expression))
    return named, computed


SOURCES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in ROOT.glob("refcodec/**/*.py")}


def test_every_variable_that_is_read_is_documented() -> None:
    found: dict[str, set[str]] = {}
    for path, source in SOURCES.items():
        named, computed = variables(source)
        assert computed <= COMPUTED.get(path, set()), path
        for name in named:
            found.setdefault(name, set()).add(path)
    assert set(found) >= {
        "SEM_REGISTRY",
        "SEM_MODELS",
        "SEM_TIMEOUT",
        "SEM_ALLOW_DOWNLOAD",
        "SEM_NO_NUMBA",
        "XDG_DATA_HOME",
    }
    assert set(found) - documented() == set()


def test_every_name_of_ours_in_the_code_is_documented_and_the_other_way_round() -> None:
    text = "\n".join(SOURCES.values())
    names = {match.group() for match in OURS.finditer(text)}
    known = {name.removesuffix("_<HOST>") for name in first_table()}
    examples = {variable_of("api.example.com"), "SEM_ENDPOINT_KEY_API_EXAMPLE_COM"}
    assert names - examples - known == set()
    assert known <= names
    assert len(first_table()) == len(set(first_table()))


def test_help_lists_the_first_table() -> None:
    shown = click.testing.CliRunner().invoke(cli, ["--help"]).output
    assert [name for name in first_table() if name not in shown] == []
    assert "docs/environment.md" in shown


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ.get('SEM_NEW')",
        "import os\nNEW = 'SEM_NEW'\nprint(os.environ[NEW])",
        "import os\nprint('SEM_NEW' in os.environ)",
        "import os\nos.getenv('SEM_NEW')",
        "import click\nclick.option('--new', envvar='SEM_NEW')",
        "_variable('SEM_NEW', int)",
    ],
)
def test_a_new_variable_is_found(source: str) -> None:
    assert variables(source) == ({"SEM_NEW"}, set())
    assert "SEM_NEW" not in documented()


def test_a_computed_name_is_found() -> None:
    assert variables("import os\nos.environ.get(name_of(x))") == (set(), {"name_of(x)"})


def test_what_the_process_of_the_models_gets() -> None:
    line = PAGE[PAGE.index("The process in which") :]
    assert set(re.findall(r"`([A-Z_]+)`", line)) == {*process._KEPT, *process._KEPT_PREFIXES}


def test_a_private_registry_is_used_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = json.loads((ROOT / "refcodec/registry/registry.json").read_text(encoding="utf-8"))
    row = next(row for row in shipped["profiles"] if row["name"] == "pics")
    mine = {**row, "id": 230, "name": "mine", "status": "draft", "binding": {**row["binding"], "id": 230}}
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"version": 1, "profiles": [mine]}))
    monkeypatch.setenv("SEM_REGISTRY", str(path))
    assert Environment.default().registry.by_name("mine").id == 230
    data = refcodec.encode(caption="a cat", size=(64, 64), profile="mine")
    assert refcodec.read(data).profile.name == "mine"
    assert refcodec.text(data).text == "a cat"
    with pytest.raises(SemError):  # without the row
        refcodec.read(data, environment=Environment())
    monkeypatch.setenv("SEM_REGISTRY", str(tmp_path / "no.json"))
    with pytest.raises(SemError) as error:
        Environment.default().registry.by_name("mine")
    assert error.value.code == 101
