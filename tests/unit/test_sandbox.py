# SPDX-License-Identifier: MIT
"""What the processes that read untrusted files give up: each limit tried in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from refcodec.sandbox import audit

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")


def run(code: str, folder: Path) -> tuple[int, str]:
    """Status and last line of standard error of a process that runs `code` in a folder."""
    command = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


DEEDS = {
    "write outside": "open('../made', 'w')",
    "remove outside": "import os; os.remove('../kept')",
    "rename out": "import os; os.rename('inside', '../made')",
    "make a folder outside": "import os; os.mkdir('../made')",
    "run a program": "import os; os.execv('/bin/true', ['true'])",
    "cut a file": "import os; os.truncate('../kept', 0)",
}
ALLOWED = {
    "write inside": "open('made', 'w').write('x')",
    "read outside": "open('../kept').read()",
    "devices": "open('/dev/null', 'w').write('x')",
    "rename inside": "import os; os.rename('inside', 'made')",
}


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "inside").write_text("")
    return tmp_path / "scratch"


@linux
@pytest.mark.parametrize("deed", [*DEEDS, *ALLOWED])
def test_the_kernel_refuses(deed: str, scratch: Path) -> None:
    start = "import os, sys; from refcodec.sandbox import landlock; landlock.restrict(os.getcwd()) or sys.exit(77)\n"
    status, line = run(start + {**DEEDS, **ALLOWED}[deed], scratch)
    if status == 77:
        pytest.skip("this kernel has no Landlock")
    assert (status != 0, "PermissionError" in line or "cross-device" in line) == ((deed in DEEDS),) * 2, line
    assert (scratch.parent / "kept").read_text() == "kept"
    assert not (scratch.parent / "made").exists()


HOOK = "import os; from refcodec.sandbox import audit; audit.refuse_in_process(audit.Policy({}, writable=(os.path.realpath('.'),), during='here'))\n"


@pytest.mark.parametrize("deed", [*DEEDS, *ALLOWED])
def test_the_hook_refuses(deed: str, scratch: Path) -> None:
    start = HOOK.format("(*audit.PROGRAMS, *audit.NETWORK, *audit.CHANGES)")
    status, line = run(start + {**DEEDS, **ALLOWED}[deed], scratch)
    assert (status != 0, line.startswith("PermissionError: ")) == ((deed in DEEDS),) * 2, line
    assert not line or line.endswith(" here")
    assert (scratch.parent / "kept").read_text() == "kept"
    assert not (scratch.parent / "made").exists()


def test_policies_are_taken_off_again() -> None:
    with pytest.raises(ValueError, match="inner"), audit.refusing(audit.Policy(("builtins.input",))):
        raise ValueError("inner")
    with audit.refusing(audit.Policy(("os.mkdir",))), pytest.raises(PermissionError, match=r"os\.mkdir is not allowed"):
        Path("never").mkdir()
    assert not Path("never").exists()


@linux
@pytest.mark.parametrize(
    ("deed", "status", "said"),
    [
        ("resources.limit_address_space(1 << 28); bytearray(1 << 30)", 1, "MemoryError"),
        ("resources.limit_address_space(1 << 28); resources.limit_address_space(None); bytearray(1 << 30)", 0, ""),
        ("resources.limit_address_space(1 << 28, final=True); resources.limit_address_space(None); bytearray(1 << 30)", 1, "MemoryError"),
        ("resources.limit_files(1000); open('big', 'wb', 0).write(bytes(999)); open('big', 'ab', 0).write(bytes(999) * 2)", 0, ""),
        ("resources.limit_files(1000); f = open('big', 'wb', 0); f.write(bytes(1000)); f.write(b'x')", 1, "OSError: [Errno 27] File too large"),
        ("resources.end_first(); assert open('/proc/self/oom_score_adj').read() == '500\\n'", 0, ""),
        ("from refcodec import memory; assert 0 < memory.free() < 1 << 50", 0, ""),
        ("import os; from refcodec import memory; assert 0 < memory.resident(os.getpid()) < memory.address_space()", 0, ""),
    ],
)  # fmt: skip
def test_resources_are_bounded(deed: str, status: int, said: str, tmp_path: Path) -> None:
    assert run(f"from refcodec.sandbox import resources; {deed}", tmp_path) == (status, said)


def test_threads_that_begin_at_once_install_one_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook cannot be removed: a second one would check every event twice."""
    installed, begin = [], threading.Barrier(8)

    class Hooked(list[bool]):
        def __bool__(self) -> bool:
            found = len(self) > 0
            time.sleep(0.01)  # in which other threads run
            return found

    def work() -> None:
        begin.wait(10)
        with audit.refusing(audit.Policy()):
            pass

    monkeypatch.setattr(audit, "_hooked", Hooked())
    monkeypatch.setattr(sys, "addaudithook", installed.append)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert installed == [audit._hook]
