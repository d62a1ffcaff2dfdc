# SPDX-License-Identifier: MIT
"""An `Environment` is all that answers depend on beside arguments: several side by side, in threads, each its own."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import pickle
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from default_environment import TABLES
from strategies import private_row, registry_file

import refcodec
from refcodec import table_files
from refcodec.codec import encode_file
from refcodec.container import Header, assemble
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.foundation.resolve import Models
from refcodec.networks import package_search
from refcodec.payloads import consonant
from refcodec.payloads.kinds import KINDS, WITH_DRAFTS
from refcodec.registry import Registry
from refcodec.table_files import TableFiles

MODELS = Path(__file__).parents[2] / "test_vectors" / "models"
ROW = 230  # the same private id in every registry here
TEXT = {"method": 2, "compact": 1, "kinds": [1], "fit": {"rule": "none"}, "model": None}
FIXED = private_row(ROW, **TEXT, parameters={"1": {"code": "fixed"}})
CODED = private_row(ROW, **TEXT, parameters={"1": {"code": "coded", "table": consonant.TABLE_SHA256}})
CODES = [0, 1, 2, 3, 3, 2, 1, 0]
ROUNDS = 40


def registry(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"version": 1, "profiles": rows}).encode()


def with_row(row: dict[str, Any], **more: Any) -> Environment:
    return Environment(Registry.shipped().extended_by(registry(row)), **more)


def code_of(call: Callable[..., Any], *args: Any, **more: Any) -> int:
    with pytest.raises(SemError) as caught:
        call(*args, **more)
    return int(caught.value.code)


def in_two_threads(one: Callable[[], None], other: Callable[[], None]) -> None:
    """Both again and again, at the same time."""
    start = Barrier(2)

    def again(call: Callable[[], None]) -> None:
        start.wait()
        for _ in range(ROUNDS):
            call()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(again, call) for call in (one, other)]:
            done.result()


# --- registries -----------------------------------------------------------------------------------------------------


def test_the_same_row_bound_in_two_ways() -> None:
    """Each environment reads its own file of the row, and refuses the other's for its check."""
    environments = [with_row(FIXED), with_row(CODED)]
    files = [
        refcodec.encode(text="ndn trdtnl", size=(640, 480), profile=ROW, method="consonant", environment=environment)
        for environment in environments
    ]
    assert files[0][:4] == files[1][:4]  # one profile id, two bindings
    assert files[0] != files[1]

    def holds(own: int) -> Callable[[], None]:
        environment, data, others = environments[own], files[own], files[1 - own]

        def check() -> None:
            assert refcodec.payload(data, environment=environment).sections[0].value == "ndn trdtnl"
            assert refcodec.inspect(data, environment=environment).method == "consonant"
            container = refcodec.read(data, environment=environment)
            assert container.profile is environment.registry.get(ROW)
            assert refcodec.write(container) == data
            assert code_of(refcodec.payload, others, environment=environment) in (401, 402, 501)

        return check

    in_two_threads(holds(0), holds(1))
    for data in files:  # the default knows no such row
        assert code_of(refcodec.read, data) == code_of(refcodec.payload, data) == 702
        assert [error.code for error in refcodec.inspect(data).errors] == [702]


def test_a_notebook_shows_the_names_of_the_environment_of_an_inspection() -> None:
    """The default does not know the row. JSON, comparisons and pickles are those of the fields of the file."""
    data, here = bytes.fromhex("F59E 20 E6 35 11"), with_row(FIXED | {"name": "ours"})
    other = with_row(FIXED | {"name": "theirs"})
    found = refcodec.inspect(data, environment=here)
    assert "ours" in found._repr_html_()
    assert "not in this registry" not in found._repr_html_()
    assert found == refcodec.inspect(data, environment=other)
    assert "registry" not in found.to_dict()
    assert "registry" not in repr(found)
    for again in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert again == found
        assert again.to_dict() == found.to_dict()
        assert "not in this registry" in again._repr_html_()


def test_a_row_that_is_a_picture_here_and_a_text_there() -> None:
    data = bytes.fromhex("F59E 20 E6 35 11")  # profile 230, no check, a body of one byte
    picture, text = with_row(private_row(ROW)), with_row(FIXED)
    assert refcodec.inspect(data, environment=picture).method == "elic"
    assert refcodec.inspect(data, environment=text).method == "consonant"
    assert refcodec.payload(data, environment=text).sections[0].value == "nn"
    assert code_of(refcodec.payload, data, environment=picture) == 801


def test_a_container_is_written_by_its_own_row() -> None:
    environment = with_row(FIXED)
    data = bytes.fromhex("F59E 20 E6 35 11")
    container = refcodec.read(data, environment=environment)
    assert refcodec.write(container) == data
    assert container.header == replace(container.header, row=None)  # which is no part of its value
    for header in (replace(container.header, row=None), replace(container.header, profile_id=1)):
        assert code_of(refcodec.write, replace(container, header=header)) == 702
        assert code_of(lambda header: header.profile, header) == 702
        assert code_of(assemble, header, container.sections) == 702
    assert isinstance(container.header, Header)


# --- tables ---------------------------------------------------------------------------------------------------------


def test_tables_of_a_folder(tmp_path: Path) -> None:
    """A damaged table, a missing one and that of this release, in two threads at once."""
    shipped = Path(consonant.__file__).parent / "data" / "consonant.bin"
    (tmp_path / "good").mkdir(), (tmp_path / "bad").mkdir()
    shutil.copy(shipped, tmp_path / "good")
    (tmp_path / "bad" / "consonant.bin").write_bytes(shipped.read_bytes()[:-1] + b"?")
    good, bad, none = (with_row(CODED, tables=TableFiles(tmp_path / name)) for name in ("good", "bad", "none"))
    data = refcodec.encode(text="ct", size=(64, 64), profile=ROW, method="consonant", environment=good)

    def reads() -> None:
        assert refcodec.payload(data, environment=good).sections[0].value == "ct"

    def refuses() -> None:
        assert code_of(refcodec.payload, data, environment=bad) == 802
        assert code_of(refcodec.payload, data, environment=none) == 801
        assert refcodec.inspect(data, environment=bad).errors == ()  # needs no table

    in_two_threads(reads, refuses)
    assert good.tables.load(consonant.TABLES) is good.tables.load(consonant.TABLES)
    assert good.tables.load(consonant.TABLES) is not TABLES.load(consonant.TABLES)


def test_a_table_is_parsed_once() -> None:
    parsed = []

    def slow(data: bytes) -> int:
        parsed.append(len(data))
        return len(data)

    table, tables = replace(consonant.TABLES, parse=slow), TableFiles()
    in_two_threads(lambda: assert_equal(tables.load(table), 69632), lambda: assert_equal(tables.load(table), 69632))
    assert parsed == [69632]


def assert_equal(found: object, wanted: object) -> None:
    assert found == wanted


# --- packages -------------------------------------------------------------------------------------------------------


def test_packages_of_an_environment(tmp_path: Path) -> None:
    shutil.copytree(MODELS / "clip-tiny", tmp_path / "mine")
    here, there, nowhere = (
        Environment(package_folders=folders) for folders in ((MODELS,), (tmp_path / "mine", MODELS), ())
    )
    data = encode_file(method="clip", codes=CODES, profile="clip-tiny", size=(64, 64), environment=here).data
    digest = here.registry.by_name("clip-tiny").model or ""

    def finds() -> None:
        assert refcodec.payload(data, environment=here).sections[0].value == CODES
        assert refcodec.inspect(data, environment=here).model.available
        assert here.locate_package(digest) == MODELS / "clip-tiny"
        assert there.locate_package(digest) == tmp_path / "mine"

    def lacks() -> None:
        assert code_of(refcodec.payload, data, environment=nowhere) == 801
        assert not refcodec.inspect(data, environment=nowhere).model.available
        assert nowhere.find_package(digest) is None
        assert refcodec.payload(data, environment=nowhere, models=MODELS).sections[0].value == CODES

    in_two_threads(finds, lacks)


def test_folders_are_looked_at_in_order() -> None:
    environment = Environment(package_folders=(Path("own"),))
    assert environment.with_packages("a").package_folders == (Path("a"), Path("own"))
    assert environment.with_packages(["a", Path("b")]).package_folders == (Path("a"), Path("b"), Path("own"))
    assert environment.with_packages(()) is environment
    assert environment.with_packages("a").registry is environment.registry
    assert environment.with_packages("a").tables is environment.tables


# --- the environment of a process -----------------------------------------------------------------------------------


@pytest.fixture
def bare(no_models_of_this_machine: None, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A process without SEM_REGISTRY, SEM_MODELS and models of the user."""
    return monkeypatch


def test_default_follows_the_variables(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain = Environment.default()
    assert plain is Environment.default()
    assert plain.registry is Registry.shipped()
    assert plain.tables is table_files.SHIPPED
    assert plain.package_folders == (tmp_path / "home" / "sem" / "models", package_search.SHIPPED)
    bare.setenv("SEM_REGISTRY", str(registry_file(tmp_path, FIXED)))
    assert Environment.default().registry.get(ROW).parameters(1) == {"code": "fixed"}
    assert Environment.default() is Environment.default() is not plain
    bare.setenv("SEM_REGISTRY", "")
    assert Environment.default() is plain
    bare.setenv("SEM_MODELS", f"{MODELS}{os.pathsep}{os.pathsep}other")
    assert Environment.default().package_folders[:2] == (MODELS, Path("other"))
    assert Environment.default().registry is plain.registry
    with pytest.raises(SemError) as caught:
        plain.registry.get(ROW)
    assert caught.value.code == 702


@pytest.mark.parametrize("others", [1, 40])
def test_default_does_not_depend_on_what_came_between(others: int, bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither on other settings of the variables, nor on registries of payload kinds that the program adds."""
    bare.setenv("SEM_REGISTRY", str(registry_file(tmp_path, FIXED)))
    private = Environment.default()
    assert private.registry.get(ROW).id == ROW
    bare.delenv("SEM_REGISTRY")
    plain, drafts = Environment.default(), Registry.shipped(WITH_DRAFTS)
    rows = plain.registry.rows
    for number in range(others):
        assert Registry.shipped(KINDS.extended_by()).rows == rows
        bare.setenv("SEM_MODELS", f"models-{number}")
        bare.setenv("SEM_REGISTRY", f"rows-{number}.json")
        assert Environment.default().package_folders[0] == Path(f"models-{number}")
    bare.delenv("SEM_MODELS")
    bare.delenv("SEM_REGISTRY")
    assert Environment.default() is plain
    assert plain.registry is Registry.shipped()
    assert plain.registry.rows is rows
    assert Registry.shipped(WITH_DRAFTS) is drafts
    bare.setenv("SEM_REGISTRY", str(registry_file(tmp_path, FIXED)))
    assert Environment.default() is private


def test_registries_of_the_same_kinds_are_equal() -> None:
    own, other = KINDS.extended_by(), KINDS.extended_by()
    assert Registry.shipped(own) == Registry.shipped(own) != Registry.shipped(other)
    assert hash(Registry.shipped(own)) == hash(Registry.shipped(own))
    assert Environment(Registry.shipped(own)) == Environment(Registry.shipped(own)) != Environment()
    assert Registry.of() != Registry.of()  # of two sources


def test_public_functions_follow_the_variables(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = encode_file(method="clip", codes=CODES, profile="clip-tiny", size=(64, 64), model=MODELS / "clip-tiny").data
    text = bytes.fromhex("F59E 20 E6 35 11")
    assert code_of(refcodec.payload, data) == 801
    assert code_of(refcodec.payload, text) == 702
    bare.setenv("SEM_MODELS", str(MODELS))
    bare.setenv("SEM_REGISTRY", str(registry_file(tmp_path, FIXED)))
    assert refcodec.payload(data).sections[0].value == CODES
    assert refcodec.payload(text).sections[0].value == "nn"
    assert refcodec.payload(text, environment=Environment.default()).sections[0].value == "nn"
    assert code_of(refcodec.payload, data, environment=Environment()) == 801
    assert code_of(refcodec.payload, text, environment=Environment()) == 702


def test_a_faulty_registry_is_found_when_a_row_is_asked_for(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare.setenv("SEM_REGISTRY", str(tmp_path / "none.json"))
    environment = Environment.default()
    assert code_of(refcodec.read, b"no file of the kind") == 201  # judged before any row
    data = bytes.fromhex("F59E 20 01 35")
    assert code_of(refcodec.read, data) == code_of(refcodec.encode, text="ct", size=(64, 64)) == 101
    assert [error.code for error in refcodec.inspect(data).errors] == [101]
    registry_file(tmp_path, FIXED).rename(tmp_path / "none.json")
    assert environment.registry.get(ROW).id == ROW  # there by now


def test_an_environment_is_a_value() -> None:
    environment = Environment()
    for name in ("registry", "tables", "package_folders"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(environment, name, None)
    with pytest.raises(TypeError):
        environment.registry.rows[1] = None  # type: ignore[index]
    assert environment == Environment()
    assert hash(environment) == hash(Environment())


def test_the_first_member_that_breaks_the_schema_is_named() -> None:
    for change, member in (({"method": 99}, "binding.method"), ({"kinds": [7, 6]}, "binding.kinds")):
        with pytest.raises(SemError, match=f"breaks registry.schema.json at {member}"):
            Registry.shipped().extended_by(registry(private_row(ROW, **change)))
    with pytest.raises(SemError, match="at recommended"):
        Registry.shipped().extended_by(registry(private_row(ROW, method=99) | {"recommended": []}))


def test_a_registry_of_a_file_or_of_its_bytes(tmp_path: Path) -> None:
    path = registry_file(tmp_path, FIXED)
    for extra in (path, str(path), path.read_bytes()):
        assert Registry.shipped().extended_by(extra).get(ROW).name == f"private-{ROW}"
    assert Registry.parse(path.read_bytes()).rows.keys() == {ROW}
    with pytest.raises(ValueError, match="a registry is an object"):
        Registry.parse(b"[]")
    with pytest.raises(SemError, match="cannot read the registry: a registry is an object"):
        Registry.shipped().extended_by(b"[]")


def test_what_fills_roles_is_found_in_the_environment(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listing = {"format": "sem-models", "format_version": 1}
    roles = {"captioner": {"source": "owner/name", "revision": None, "sha256": None}}
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "models.json").write_text(json.dumps(listing | {"roles": roles}))
    here, made = Environment(package_folders=(tmp_path,)), Models()
    assert Models.of(environment=here).has("captioner")
    assert Models.of(made, environment=here).has("captioner")
    assert not made.has("captioner")
    assert Models.of(made) is made
    bare.setenv("SEM_MODELS", str(tmp_path))
    assert Models.of(made).has("captioner")  # the default is that of the call
    assert not Models.of(made, environment=Environment()).has("captioner")
