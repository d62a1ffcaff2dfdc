# SPDX-License-Identifier: MIT
"""Wheel and sdist as `make release` builds them: reproducible, complete, with metadata, and with tests that run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

for _name in ("build", "hatchling", "twine", "readme_renderer"):
    pytest.importorskip(_name)

from refcodec import __version__
from tools.release import build, check, environments, tour
from tools.release.build import Packages

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    return build.build(build.ROOT, tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def environment(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, which takes what that requires from this one."""
    made = environments.borrowing(tmp_path_factory.mktemp("environment") / "venv")
    environments.install(made, str(packages.wheel), "--no-deps")
    return made


@pytest.fixture(scope="module")
def source(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build.unpack(packages.sdist, tmp_path_factory.mktemp("source"))


def test_names(packages: Packages) -> None:
    assert [path.name for path in packages] == [
        f"refcodec-{__version__}-py3-none-any.whl",
        f"refcodec-{__version__}.tar.gz",
    ]


def test_two_builds_have_one_hash(packages: Packages, tmp_path: Path) -> None:
    assert build.differences(packages, build.rebuilt(packages, tmp_path)) == []


def test_a_difference_is_found(packages: Packages, tmp_path: Path) -> None:
    other = tmp_path / packages.wheel.name
    other.write_bytes(packages.wheel.read_bytes() + b"\0")
    (line,) = build.differences(packages, Packages(other, packages.sdist))
    assert line.startswith(f"{other.name} is not reproducible: SHA-256 {build.sha256(packages.wheel)}")


def test_contents_and_metadata(packages: Packages) -> None:
    """What git tracks, or would, is in the sdist, the library in the wheel; twine and the page of an index are content."""
    assert check.problems(packages, check.files_of_git(new_ones=True)) == []


def test_missing_and_stray_files_are_found(packages: Packages) -> None:
    expected = check.files_of_git(new_ones=True)
    if expected is None:
        pytest.skip("no git")
    assert check.contents(packages, expected - {"refcodec/py.typed", "SPEC.md"} | {"refcodec/new.json"}) == [
        "the sdist lacks refcodec/new.json",
        "the sdist has SPEC.md, which the repository does not track",
        "the sdist has refcodec/py.typed, which the repository does not track",
        "the wheel lacks refcodec/new.json",
        "the wheel has refcodec/py.typed, which the repository does not track",
    ]


def test_metadata(packages: Packages) -> None:
    about = check.metadata(packages.wheel)
    assert about["Name"] == "refcodec"
    assert about["Version"] == __version__
    assert about["Author"] == "The .sem authors"
    assert about["License-Expression"] == "MIT AND CC0-1.0 AND CC-BY-4.0 AND LicenseRef-SCOWL"
    assert about["Description-Content-Type"] == "text/markdown"
    assert "Typing :: Typed" in about.get_all("Classifier", [])
    urls = about.get_all("Project-URL", [])
    assert all(check.repository() in url for url in urls) if check.repository() else urls == []
    assert not [line for line in about.get_all("Requires-Dist", []) if line.startswith("torch") and "extra" not in line]


def test_the_wheel_works_in_an_empty_folder(environment: Path, tmp_path: Path) -> None:
    environments.smoke(environment, tmp_path / "trial", extras=True)
    printed = environments.run(["semtool", "spec"], environment, tmp_path)
    assert printed == (build.ROOT / "SPEC.md").read_text(encoding="utf-8")


def test_readme_tour(environment: Path, tmp_path: Path) -> None:
    """Word for word, from the wheel, in an empty folder; `make release` also does it with the wheel's own packages."""
    assert tour.follow(environment, tmp_path / "tour") > 10


def test_tests_run_from_the_sdist(source: Path) -> None:
    """All of tests/unit is collected there, and modules that read other files of the repository pass."""

    def pytest_of(*arguments: str) -> str:
        command = [sys.executable, "-m", "pytest", "-q", *arguments]
        variables = {name: value for name, value in environments.os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(command, cwd=source, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    assert "tests/unit/test_container.py" in pytest_of("--collect-only", "tests/unit")
    modules = ("test_registry", "test_release_papers", "test_python_and_tool", "test_variables", "test_tables")
    pytest_of(*(f"tests/unit/{name}.py" for name in modules))
