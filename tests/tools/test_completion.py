# SPDX-License-Identifier: MIT
"""`semtool completion`: candidates for every parameter, and the scripts in the shells themselves."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import pytest
from other_programs import ROOT, program, put_semtool_on_path, run

from refcodec.cli import completion
from refcodec.cli.commands import COMMANDS
from tools.integration import man

FOLDER = ROOT / "integration"


@pytest.fixture
def semtool_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_semtool_on_path(tmp_path, monkeypatch)


def completed(line: str, shell: str = "bash") -> list[str]:
    """What the program answers to the script of a shell at the end of a line."""
    words = line.split(" ")
    more = {
        "_SEMTOOL_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1) if shell != "fish" else words[-1],
        "PYTHONPATH": str(ROOT),
    }
    answer = run(sys.executable, "-m", "refcodec", env={**os.environ, **more})
    return [line for line in answer.splitlines() if line]


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("semtool enc", {"plain,encode"}),
        ("semtool ", {f"plain,{name}" for name in COMMANDS}),
        ("semtool models ver", {"plain,verify"}),
        ("semtool decode ph", {"file,ph"}),
        ("semtool encode photo.jpg -o ph", {"file,ph"}),
        ("semtool decode --trace tr", {"dir,tr"}),
        ("semtool encode --profile perco-sm", {"plain,perco-small", "plain,perco-small-2"}),
        ("semtool encode --profile perco-small-", {"plain,perco-small-2"}),
        ("semtool encode --method pe", {"plain,perco"}),
        ("semtool encode --device c", {"plain,cpu", "plain,cuda"}),
        ("semtool encode --qual", {"plain,--quality"}),
        ("semtool completion ", {"plain,bash", "plain,zsh", "plain,fish"}),
        ("semtool encode --text wor", set()),
        ("semtool nothing x", set()),
    ],
)
def test_candidates(line: str, some: set[str]) -> None:
    found = set(completed(line))
    assert some <= found
    assert len(found) == len(some) or line == "semtool "


def test_rows_for_tests_are_not_offered() -> None:
    assert "plain,elic" in completed("semtool encode --profile ")
    assert not [line for line in completed("semtool encode --profile ") if "tiny" in line]


def test_candidates_of_bash_in_bash(semtool_on_path: None) -> None:
    for script in (f". {FOLDER / 'completions/semtool'}", 'eval "$(semtool completion bash)"'):
        lines = f"{script}; COMP_WORDS=(semtool enc); COMP_CWORD=1; _semtool_completion semtool; echo ${{COMPREPLY[@]}}"
        assert run(program("bash"), "--norc", "-c", f"{lines}; complete -p semtool").split("\n") == [
            "encode",
            "complete -o nosort -F _semtool_completion semtool",
            "",
        ]


def test_the_script_of_zsh_in_zsh(semtool_on_path: None, tmp_path: Path) -> None:
    folder, dump = FOLDER / "completions", tmp_path / "dump"
    start = f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -d {dump}"
    assert run(program("zsh"), "-f", "-c", f"{start}; print $_comps[semtool]") == "_semtool\n"
    loaded = 'eval "$(semtool completion zsh)"; print $_comps[semtool]'
    assert run(program("zsh"), "-f", "-c", f"autoload -Uz compinit; compinit -u -d {dump}2; {loaded}").split() == [
        "_semtool_completion"
    ]
    assert completed("semtool enc", "zsh") == ["plain", "encode", "Encode a picture, or symbols, as a .sem file."]


def test_candidates_of_fish_in_fish(semtool_on_path: None, tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path)}
    lines = f"source {FOLDER / 'completions/semtool.fish'}; complete -C 'semtool enc'"
    assert run(program("fish"), "--no-config", "-c", lines, env=environment).split("\t")[0].split() == ["encode"]


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_the_scripts_are_printed(shell: str, semtool_on_path: None) -> None:
    text = run("semtool", "completion", shell)
    assert text == completion.script(shell)
    assert "_SEMTOOL_COMPLETE" in text


@pytest.mark.parametrize("instruction", ["bash", "bash_", "bash_nothing", "csh_complete", "x"])
def test_a_wrong_instruction_is_refused_silently(instruction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMP_WORDS", raising=False)
    assert completion.answer(instruction) == 1


def parameters() -> dict[str, click.Parameter]:
    """Every option and argument that is a text, with its command."""
    return {
        f"{context.command_path} {parameter.opts[0]}": parameter
        for context in man.contexts()
        for parameter in context.command.params
        if isinstance(parameter.type, click.types.StringParamType)
    }


FREE = {  # texts that nothing is offered for, by their metavars
    *(
        "ADDRESS",
        "BYTES",
        "CMD",
        "ENCODE DECODE",
        "GLOB",
        "K=V",
        "LIST",
        "N",
        "NAME CMD",
        "NAME",
        "NAME[=VALUES",
        "REFERENCE",
    ),
    *("ROLE=FOLDER", "RRGGBB", "SECONDS", "T", "TEXT", "WxH", ""),
}


@pytest.mark.parametrize(("name", "parameter"), parameters().items(), ids=parameters())
def test_every_text_is_free_or_completed(name: str, parameter: click.Parameter) -> None:
    """A new metavar belongs into one of the lists, here or in refcodec/cli/completion.py."""
    metavar = (parameter.metavar or "").strip("[]").removesuffix("…")
    named = parameter.name in ("profile", "method")
    assert (metavar in completion.FILES) + (metavar in completion.FOLDERS) + (metavar in FREE) + named == 1, metavar
