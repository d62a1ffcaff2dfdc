# SPDX-License-Identifier: MIT
"""The implementer's kit: the commands of its README run as they stand, its links work, and two builds have one hash."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("markdown_it")

from tools.kit import archive, contents, kit, links, page, printed
from tools.viewer.screenshots import chromium

ROOT = Path(__file__).resolve().parents[2]
SPEC = (ROOT / "SPEC.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return kit.assembled()


@pytest.fixture(scope="module")
def folder(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kit without SPEC.pdf, for which there is a text, so that no browser is needed."""
    made = tmp_path_factory.mktemp("kit")
    archive.write(made / "kit.zip", "sem-kit", files | {"SPEC.pdf": b"%PDF"}, kit.DEFAULT_DATE)
    with zipfile.ZipFile(made / "kit.zip") as packed:
        packed.extractall(made)
    return made / "sem-kit"


def commands(text: str) -> list[str]:
    return [line for block in re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S) for line in block.splitlines()]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of a page, with this Python as `python3`, isolated from the repository and its environment."""
    words = [sys.executable if word in ("python3", "python") else word for word in shlex.split(command)]
    words = [re.sub(r"^python3?(?= )", sys.executable, word) for word in words]
    return subprocess.run(words, cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)


def test_commands_of_the_readme(folder: Path) -> None:
    found = commands((folder / "README.md").read_text(encoding="utf-8"))
    assert len(found) == 2
    for command, passes in zip(found, (15, 300), strict=True):
        done = run(command, folder)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        summary = done.stdout.splitlines()[-1]
        assert int(re.search(r"(\d+) passed, 0 failed, 0 skipped", summary)[1]) >= passes  # type: ignore[index]


def test_command_of_the_guide(folder: Path) -> None:
    (command,) = commands((folder / "docs" / "implementing.md").read_text(encoding="utf-8"))
    (folder / "first.py").write_bytes((folder / "example" / "first.py").read_bytes())
    done = run(command, folder)
    (folder / "first.py").unlink()
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_decoders_find_their_data(folder: Path) -> None:
    file = (folder / "test_vectors" / "vq" / "vq-example.sem").read_bytes()
    micro = [sys.executable, str(folder / "conformance/decoders/micro/semmicro.py")]
    done = subprocess.run(micro, input=file, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["profile"] == "10"


def test_an_editor_of_the_kit(folder: Path) -> None:
    done = run("python3 conformance/run.py --editor 'python3 conformance/adapters/micro_writer.py' --quiet", folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "13 passed, 0 failed, 0 skipped" in done.stdout


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_decoder_in_javascript(folder: Path) -> None:
    decoder = "node conformance/decoders/js/semdec.mjs"
    done = run(f"python3 conformance/run.py --decoder '{decoder}' --tier S --run vq-example --run clip --quiet", folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.parametrize("place", ["kit", "repository"])
def test_the_timed_command_in_javascript(folder: Path, place: str) -> None:
    guide = (folder / "docs" / "implementing.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`time (node [^`]+)`", guide)
    done = run(command, folder if place == "kit" else ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    entries = json.loads((ROOT / "test_vectors" / "manifest.json").read_bytes())["vectors"]
    (expected,) = (entry["expected"]["sections"] for entry in entries if entry["id"] == "full-768x512")
    assert [section["sha256"] for section in json.loads(done.stdout)["sections"]] == [expected[0]["sha256"]]


def test_commands_say_python3(folder: Path) -> None:
    """As the kit's pages have to, since not every system has a `python`; contributors run tools in an environment."""
    pages = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}
    assert {"README.md", "docs/implementing.md", "conformance/PROTOCOL.md", "test_vectors/README.md"} <= pages.keys()
    assert sum("python3 " in text for text in pages.values()) >= 5
    found = {name: re.findall(r"(?<![\w./-])python (?!-m tools\.).*", text) for name, text in pages.items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_links(folder: Path) -> None:
    assert links.dead(folder) == []


def test_dead_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "# A b\n[1](#a-b) [2](b.html#x) [3](b.html#y) [`4`](c.md)\n```\n[5](d)\n```\n[6](http://x)"
    )
    (tmp_path / "b.html").write_text('<p id="x"><a href="a.md">1</a><a href="#z">2</a><img src="e.png"></p>')
    assert links.dead(tmp_path) == ["a.md: b.html#y", "a.md: c.md", "b.html: #z", "b.html: e.png"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[a](../SPEC.md#x)", "[a](../SPEC.md#x)"),
        ("[`a [b]`](../refcodec/registry)", "[`a [b]`](../data)"),
        ("[a](decisions/index.md), [b](#c)", "a, [b](#c)"),
        ("[a](https://example.org/)", "[a](https://example.org/)"),
        ("```\n[a](decisions/index.md)\n```", "```\n[a](decisions/index.md)\n```"),
        ("[a](../conformance)", "[a](../conformance)"),
        ("[a](../../outside.md)", "a"),
    ],
)
def test_links_that_lead_out_become_text(before: str, after: str) -> None:
    found = contents.places()
    assert links.rewritten(before, "docs/x.md", "docs/x.md", lambda path: contents.place_of(path, found)) == after


def test_every_rule_error_and_section_has_an_anchor(files: dict[str, bytes]) -> None:
    text = files["SPEC.html"].decode("utf-8")
    ids = re.findall(r'id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    rules = set(re.findall(r"\*\*(SEM-R-[0-9]{3})\*\*", SPEC))
    errors = set(re.findall(r"^\| (SEM-E-[0-9]{3}) \|", SPEC, re.M))
    sections = set(re.findall(r"\]\(#([^)]+)\)", SPEC))
    assert len(rules) >= 116
    assert len(errors) >= 40
    assert {name.lower() for name in rules | errors} | sections | {"sem-r-103", "9-range-coder"} <= set(ids)
    assert '<a href="#sem-e-804">SEM-E-804</a>' in text
    assert '<a href="#9-range-coder">§9</a>' in text
    assert 'href="#sem-e-999"' not in text


def test_a_page() -> None:
    text = page.html(
        "# T `x` <y>\n\n## 3 Part\n\n**SEM-R-001** see SEM-E-201, `SEM-E-201` and §3, not §4 [SEM-E-201](#3-part).\n\n"
        "| code | name |\n|---|---|\n| SEM-E-201 | SEM-R-001 |\n"
    )
    assert "<title>T x &lt;y&gt;</title>" in text
    assert '<p><strong id="sem-r-001">SEM-R-001</strong> see <a href="#sem-e-201">SEM-E-201</a>, ' in text
    assert '<code>SEM-E-201</code> and <a href="#3-part">§3</a>, not §4 <a href="#3-part">SEM-E-201</a>.</p>' in text
    assert (
        '<tr id="sem-e-201">\n<td><a href="#sem-e-201">SEM-E-201</a></td>\n<td><a href="#sem-r-001">SEM-R-001' in text
    )
    with pytest.raises(ValueError, match="SEM-R-001 is defined twice"):
        page.html("# T\n\n**SEM-R-001** a\n\n**SEM-R-001** b\n")


def test_contents(files: dict[str, bytes]) -> None:
    data = {
        "registry.json",
        "registry.schema.json",
        "dims.json",
        "consonant.bin",
        "caption.bin",
        "caption.zdict",
        "gaussian.bin",
    }
    assert {name.removeprefix("data/") for name in files if name.startswith("data/")} == data
    assert {
        "SPEC.md",
        "README.md",
        "LICENSE",
        "NOTICE",
        "LICENSES/CC0-1.0.txt",
        "test_vectors/manifest.json",
    } <= files.keys()
    assert {"conformance/schema/report.schema.json", "conformance/sem.ksy", "example/first.py"} <= files.keys()
    assert not any("__pycache__" in name or name.startswith("refcodec") for name in files)
    assert all(
        (ROOT / name).read_bytes() == files[name]
        for name in files
        if name.startswith("test_vectors/") and name.endswith(".sem")
    )


def test_the_readme_names_optional_pages_that_are_there() -> None:
    row = "| [docs/integer-widths.md](docs/integer-widths.md) |"
    assert row in kit.readme({"docs/integer-widths.md"})
    assert "integer-widths" not in kit.readme(set())


def test_the_archive_depends_on_its_files_alone(tmp_path: Path) -> None:
    parts = {"b/c": b"1" * 999, "a": b""}
    archive.write(tmp_path / "one.zip", "top", parts, kit.DEFAULT_DATE)
    time.sleep(2.1 - time.time() % 2)  # ZIP counts in steps of two seconds
    archive.write(tmp_path / "two.zip", "top", dict(reversed(parts.items())), kit.DEFAULT_DATE)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as packed:
        assert [(entry.filename, entry.date_time) for entry in packed.infolist()] == [
            ("top/a", (2020, 2, 2, 0, 0, 0)),
            ("top/b/c", (2020, 2, 2, 0, 0, 0)),
        ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.zip", "two.zip"]


def test_dates_of_a_pdf() -> None:
    before = b"/CreationDate (D:20261130110109+00'00')\n/ModDate (D:20261130110109+00'00')"
    after = b"/CreationDate (D:20200202000000+00'00')\n/ModDate (D:20200202000000+00'00')"
    assert printed.dated(before, kit.DEFAULT_DATE) == after
    with pytest.raises(ValueError, match="another form"):
        printed.dated(b"/ModDate (D:20261130110109Z)", kit.DEFAULT_DATE)


def test_ids_of_a_pdf() -> None:
    assert printed.numbered(b"/ID (node00000141) (node00000200) (node00000099)/ID (node00000141) (node1)") == (
        b"/ID (node00000002) (node00000003) (node00000001)/ID (node00000002) (node1)"
    )


def test_without_chromium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from tools.kit import __main__ as program

    monkeypatch.setattr(printed, "chromium", lambda: None)
    monkeypatch.setattr(sys, "argv", ["kit", "--out", str(tmp_path)])
    assert program.main() == 1
    assert capsys.readouterr().err.startswith("kit: no Chromium is installed")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="SPEC.pdf is printed by Chromium")
def test_two_builds_have_one_hash(tmp_path: Path) -> None:
    pytest.importorskip("playwright")
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(kit.make(tmp_path / name).read_bytes())
    assert made[0] == made[1]
    with zipfile.ZipFile(next((tmp_path / "one").iterdir())) as packed:
        data = packed.read(next(name for name in packed.namelist() if name.endswith("/SPEC.pdf")))
    assert data.startswith(b"%PDF-")
    rules = {name.lower().encode() for name in re.findall(r"\*\*(SEM-R-[0-9]{3})\*\*", SPEC)}
    assert rules <= set(re.findall(rb"sem-r-[0-9]{3}", data))
