# SPDX-License-Identifier: MIT
"""A package that a model needs and that is not installed: one line that names it, and never one that is installed."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

import tiny_models

from refcodec.errors import SemError
from refcodec.foundation.loading import library_errors, running
from refcodec.foundation.resolve import Models

pytestmark = pytest.mark.models
Block = Callable[[], AbstractContextManager[None]]
BLOCKS: dict[str, Block] = {
    "loading": lambda: library_errors("language", Path("lm")),
    "running": lambda: running("language", "lm"),
}


def caused(error: ImportError, cause: BaseException) -> ImportError:
    error.__cause__ = cause
    return error


NOTHING = "no_such_package"
MISSING = ModuleNotFoundError(f"No module named '{NOTHING}'", name=NOTHING)
# error of a library, what the message says, the remedy
ERRORS = [
    (ImportError("\nWhat requires the what library\nmore"), "What requires the what library", "install it"),
    (ImportError(), "(ImportError)", "install it"),
    (ImportError("x" * 1000), "x" * 100, "install it"),
    (ImportError("cannot import name 'X'", name="transformers"), "cannot import name 'X'", "install it"),
    (ImportError("DLL load failed", name="tokenizers"), "DLL load failed", "install it"),
    (ModuleNotFoundError("no", name="transformers.models.no"), "ModuleNotFoundError: no", "install it"),
    (ModuleNotFoundError("Could not import module 'X'"), "Could not import module 'X'", "install it"),
    (MISSING, f"needs {NOTHING}, which is not installed", f"pip install {NOTHING}"),
    (
        caused(ModuleNotFoundError("Could not import module 'X'"), MISSING),
        f"needs {NOTHING}, which",
        f"pip install {NOTHING}",
    ),
]


@pytest.mark.parametrize("block", sorted(BLOCKS))
@pytest.mark.parametrize(("error", "what", "remedy"), ERRORS)
def test_errors_of_imports(error: ImportError, what: str, remedy: str, block: str) -> None:
    with pytest.raises(SemError) as caught, BLOCKS[block]():
        raise error
    assert caught.value.code == 805
    assert what in caught.value.what
    assert caught.value.what.startswith("language: lm needs ")
    assert (caught.value.hint or "").startswith(remedy)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert "refcodec[models]" not in str(caught.value)


@pytest.mark.parametrize("hidden", ["torch", "transformers", "diffusers"])
def test_libraries_that_are_not_installed_are_named(hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from refcodec.foundation.missing_packages import import_error

    error = ImportError(f"{hidden} is needed")
    monkeypatch.setitem(sys.modules, hidden, None)
    line = str(import_error("language", "lm", error, str(error)))
    assert line.endswith("which are not installed; pip install 'refcodec[models]'")


@pytest.mark.parametrize(
    ("file", "member", "value", "package"),
    [
        ("config.json", "_attn_implementation", "flash_attention_2", "flash_attn"),
        ("config.json", "attn_implementation", "flash_attention_2", "flash_attn"),
        ("tokenizer_config.json", "tokenizer_class", "MistralCommonBackend", "mistral_common"),
        ("generation_config.json", "cache_implementation", "quantized", "optimum"),
    ],
)
def test_a_setting_that_needs_a_package(place: Path, file: str, member: str, value: Any, package: str) -> None:
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    tiny_models.language_model(Path("source"))
    shutil.copytree("source", "lm")
    path = Path("lm") / file
    path.write_text(json.dumps(json.loads(path.read_text()) | {member: value}))
    with pytest.raises(SemError) as caught:
        Models.of({"language": "lm"}).load_language({}).ask("Say", "a red cup", 2)
    line = str(caught.value)
    assert line.startswith("SEM-E-805 dependency-missing: language: lm needs a package that is not installed"), line
    assert "transformers and diffusers" not in line
    assert line.endswith("install it, or name another model for the role")
