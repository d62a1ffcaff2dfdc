# SPDX-License-Identifier: MIT
"""List the rows of docs/robustness.md: an attack, its inputs, and the command that tries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from tools.fuzz.catalogue import TARGETS

Form = Literal["pytest", "fuzz", "flips"]


@dataclass(frozen=True)
class Attack:
    """One row. `arguments`: test files and options of pytest, or the name of a fuzz target; `inputs`: their noun."""

    name: str
    area: str  # heading of its table
    what: str
    form: Form
    arguments: tuple[str, ...]
    inputs: str = "tests"

    @property
    def command(self) -> tuple[str, ...]:
        """Return the command of the row, after `python -m`."""
        if self.form == "pytest":
            return ("pytest", *self.arguments)
        if self.form == "fuzz":
            return ("tools.fuzz", "--targets", *self.arguments, "--runs", "1000000")
        return ("tools.flips", *self.arguments)


def _tests(name: str, area: str, what: str, *arguments: str) -> Attack:
    return Attack(name, area, what, "pytest", arguments)


FILES, MODELS, WORLD = "Files, symbols and pictures", "Models and endpoints", "Processes, disks, decoders and pages"

_OF_MODELS: Final = ("package", "registry", "checkpoint", "folders", "endpoint", "tables")  # targets of that table

ATTACKS: Final[tuple[Attack, ...]] = (
    Attack("flips", FILES, "every bit flip and every prefix of every test vector", "flips", (), "damaged files"),
    _tests("hostile-files", FILES, "made files: claimed sizes, bombs, contradictions", "tests/unit/test_hostile.py"),
    _tests("limits", FILES, "limits of pixels, memory and time that a caller sets", "tests/unit/test_limits.py", "tests/cli/test_limits.py"),
    _tests("resources", FILES, "time and memory of each class of input against what is predicted", "tests/tools/test_resources.py"),
    _tests("pictures", FILES, "pictures of every format, damaged and unusual", "tests/unit/images", "tests/cli/test_pictures.py"),
    *(Attack(f"fuzz-{name}", FILES, f"fuzzing: {what}", "fuzz", (name,), "executions") for name, what in TARGETS.items() if name not in _OF_MODELS),
    _tests("packages", MODELS, "hostile model packages: headers, dimensions, numbers", "tests/unit/test_hostile_packages.py", "tests/unit/test_package.py"),
    _tests("planted-code", MODELS, "code planted in the folder of each role, the question answered y", "tests/methods/test_planted_code.py"),
    _tests("worker", MODELS, "models that panic, grow, loop or write outside of their scratch folder", "tests/methods/test_worker.py"),
    _tests("model-folders", MODELS, "incomplete, misnamed and misleading model folders", "tests/methods/test_model_folders.py"),
    _tests("broken-models", MODELS, "models with wrong shapes, numbers and outputs", "tests/methods/test_broken_models.py"),
    _tests("endpoints", MODELS, "servers that are slow, endless, redirecting or wrong", "tests/methods/test_endpoint.py",
           "tests/unit/test_endpoint_exchange.py", "tests/unit/test_endpoint_keys.py"),
    *(Attack(f"fuzz-{name}", MODELS, f"fuzzing: {what}", "fuzz", (name,), "executions") for name, what in TARGETS.items() if name in _OF_MODELS),
    _tests("process-states", WORLD, "global flags, autocast, threads and forks around the codec", "tests/unit/test_process_states.py",
           "tests/methods/test_model_states.py"),
    _tests("disks", WORLD, "full, read-only and bind-mounted outputs, signals in the write window", "tests/cli/test_disks.py", "tests/unit/test_replace_file.py"),
    _tests("runner", WORLD, "decoders that hang, fork, flood or look for the answers", "tests/vectors/test_runner_hostile.py"),
    _tests("pages", WORLD, "names and values that would be markup in a page", "tests/cli/test_html_page.py", "tests/unit/test_inspect.py"),
)  # fmt: skip
