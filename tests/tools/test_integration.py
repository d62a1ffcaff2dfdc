# SPDX-License-Identifier: MIT
"""integration/: each file is read by the program that it is for, as far as that is installed."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from image_files import packed
from other_programs import ROOT, program, put_semtool_on_path, run
from vector_cases import VECTORS, vectors

import refcodec

FOLDER = ROOT / "integration"
MAGIC = FOLDER / "magic/sem"


@pytest.fixture
def semtool_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_semtool_on_path(tmp_path, monkeypatch)


def types(*paths: Path) -> list[tuple[str, str]]:
    """What `file` says of each path, with our magic before the system's: description and media type."""
    magic = f"{MAGIC}:/usr/share/misc/magic"
    names = [str(path) for path in paths]
    described = run(program("file"), "-b", "-m", magic, *names).splitlines()
    media = run(program("file"), "-b", "--mime-type", "-m", magic, *names).splitlines()
    return list(zip(described, media, strict=True))


def test_the_magic_is_that_of_the_specification() -> None:
    block = (ROOT / "SPEC.md").read_text(encoding="utf-8").split("For `file(1)`:")[1].split("```")[1]
    lines = [line.split() for line in MAGIC.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if line[0] != "!:ext"] == [line.split() for line in block.strip().splitlines()]
    assert ["!:ext", "sem"] in lines


def test_file_knows_every_valid_vector() -> None:
    paths = [VECTORS / str(entry["file"]) for entry in vectors().values() if entry["expect"] == "accept"]
    assert set(types(*paths)) == {("Semantic image (.sem), version 1", "image/x-sem")}


def test_file_knows_the_version_of_a_later_file(tmp_path: Path) -> None:
    (tmp_path / "later.sem").write_bytes(b"\xf5\x9e\x4c\x01\x0b")
    assert types(tmp_path / "later.sem") == [("Semantic image (.sem), version 2", "image/x-sem")]


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM"])
def test_file_leaves_foreign_pictures_alone(name: str, tmp_path: Path) -> None:
    from pillow_files import pixels

    (tmp_path / "foreign.sem").write_bytes(packed(pixels(), name))
    ((_, media),) = types(tmp_path / "foreign.sem")
    assert media.startswith("image/")
    assert media != "image/x-sem"


@pytest.mark.parametrize("data", [b"", b"\xf5", b"\x9e\xf5\x2c", b"text", b"x\xf5\x9e", b"\xf5\x9f\x2c"])
def test_file_leaves_other_data_alone(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "foreign.sem").write_bytes(data)
    assert "image/x-sem" not in types(tmp_path / "foreign.sem")[0]


@pytest.fixture
def mime(tmp_path: Path) -> Path:
    """A folder of media types that `update-mime-database` has made of our file alone."""
    (tmp_path / "mime/packages").mkdir(parents=True)
    shutil.copy(FOLDER / "mime/refcodec-sem.xml", tmp_path / "mime/packages")
    assert "rror" not in run(program("update-mime-database"), "-V", tmp_path / "mime")
    return tmp_path / "mime"


def test_the_media_type_is_accepted(mime: Path) -> None:
    assert "50:image/x-sem:*.sem" in (mime / "globs2").read_text().splitlines()
    assert b"[50:image/x-sem]\n>0=\x00\x02\xf5\x9e\n" in (mime / "magic").read_bytes()
    assert (mime / "image/x-sem.xml").is_file()
    assert "image/x-sem:image-x-generic" in (mime / "generic-icons").read_text().splitlines()


def test_the_media_type_is_the_one_that_pillow_gets() -> None:
    from refcodec.pillow import registration

    root = ElementTree.parse(FOLDER / "mime/refcodec-sem.xml").getroot()
    space = "{http://www.freedesktop.org/standards/shared-mime-info}"
    (kind,) = root.iter(f"{space}mime-type")
    assert kind.attrib["type"] == registration.MEDIA_TYPE
    assert [glob.attrib["pattern"] for glob in kind.iter(f"{space}glob")] == ["*" + registration.EXTENSION]


def test_no_other_type_of_the_system_has_the_extension() -> None:
    globs = Path("/usr/share/mime/globs2")
    if not globs.is_file():
        pytest.skip("there are no media types of the system")
    others = [line for line in globs.read_text().splitlines() if line.endswith(":*.sem") and "x-sem" not in line]
    assert others == []


def test_the_thumbnailer_makes_a_thumbnail(semtool_on_path: None, tmp_path: Path) -> None:
    from PIL import Image
    from pillow_files import file_bytes

    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment, method-assign]
    entry.read(FOLDER / "thumbnailer/refcodec-sem.thumbnailer")
    section = entry["Thumbnailer Entry"]
    assert section["MimeType"].split(";") == ["image/x-sem", ""]
    assert shutil.which(section["TryExec"])
    source, target = tmp_path / "a picture.sem", tmp_path / "thumbnail without suffix"
    source.write_bytes(file_bytes())
    values = {"%i": str(source), "%o": str(target), "%s": "24", "%u": source.as_uri()}
    run(*(values.get(word, word) for word in shlex.split(section["Exec"])))
    with Image.open(target) as image:
        assert (image.format, image.size) == ("PNG", (24, 16))


def test_a_wheel_installs_the_files() -> None:
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    listed = targets["wheel"]["shared-data"]
    found = {path for name in listed for path in (ROOT / name, *(ROOT / name).glob("*")) if path.is_file()}
    assert found == {path for path in FOLDER.rglob("*") if path.is_file()}
    page = (ROOT / "docs/media-type.md").read_text(encoding="utf-8")
    for name, target in listed.items():
        folder = target if (ROOT / name).is_dir() else target.rpartition("/")[0]
        assert folder.removeprefix("share/") in page


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["encode", "--nothing"], ["verify", "absent.sem"]])
def test_python_m_refcodec_is_semtool(arguments: list[str], tmp_path: Path) -> None:
    results = [
        subprocess.run(
            [sys.executable, "-m", module, *arguments],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for module in ("refcodec", "refcodec.cli")
    ]
    first, second = ((done.returncode, done.stdout, done.stderr) for done in results)
    assert first == second
    assert refcodec.__version__ in first[1].decode() or arguments != ["--version"]
