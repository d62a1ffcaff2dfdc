# SPDX-License-Identifier: MIT
"""The codec in processes of unusual state: the same bytes, symbols and pixels, and nothing of the state changed."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import warnings
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from refcodec.errors import Code, SemError
from refcodec.networks import openmp, package_cache
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.torch_guard import (
    is_failure_of_device,
    is_out_of_memory,
    loading_weights,
    neutral,
    without_memory,
)
from refcodec.process_settings import SharedSettings, quiet_warnings
from tools.bench.states.callers import CALLERS, PROCESSES, forked, several_threads
from tools.bench.states.matrix import Results, concurrently, in_process, in_state, states
from tools.bench.states.operations import plain
from tools.bench.states.snapshot import changes, snapshot
from tools.bench.states.torch_states import mixed_flags

AS_PLAIN: Any = {"differs": {}, "left": []}
QUICK = ("fork after torch has run", "python -I")  # processes that are started in the quick tests


@pytest.fixture(scope="module")
def expected() -> Results:
    return plain()


def test_there_are_enough_states() -> None:
    assert len(states()) + len(CALLERS) + len(PROCESSES) + 1 >= 60


@pytest.mark.parametrize("name", sorted(states()))
def test_a_state_changes_nothing(name: str, expected: Results) -> None:
    assert in_state(states()[name], expected) == AS_PLAIN


@pytest.mark.parametrize("name", sorted(CALLERS))
def test_a_way_of_calling_changes_nothing(name: str, expected: Results) -> None:
    assert CALLERS[name](partial(in_state, ExitStack, expected)) == AS_PLAIN


def test_eight_threads_at_once_under_flags_that_have_to_be_changed(expected: Results) -> None:
    assert concurrently(expected) == AS_PLAIN


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in PROCESSES]
)
def test_another_process_computes_the_same(name: str, expected: Results) -> None:
    assert in_process(PROCESSES[name], expected) == AS_PLAIN


def test_the_tool_sees_a_difference(expected: Results) -> None:
    wrong = {**expected, "payload": {**expected["payload"], "caption": "other"}}
    found = in_state(ExitStack, wrong)
    assert found == {"differs": {"payload": "caption"}, "left": []}


def test_the_tool_sees_what_is_left() -> None:
    before = snapshot()
    with warnings.catch_warnings(), mixed_flags():
        warnings.simplefilter("ignore", FutureWarning)
        torch.rand(1)
        left = changes(before, snapshot())
    assert {"warnings.filters", "torch random", "torch dtype", "torch deterministic", "torch precision"} <= set(left)


# ---------------------------------------------------------------------------------------------------------- the guard


def test_inside_torch_is_as_in_a_new_process() -> None:
    torch.set_default_device("meta")
    try:
        with torch.autocast("cpu", torch.bfloat16), mixed_flags(), neutral():
            assert torch.zeros(1).device.type == "cpu"
            assert not torch.is_autocast_enabled("cpu")
            assert torch.is_inference_mode_enabled()
            assert torch.backends.mkldnn.enabled
            assert torch.is_deterministic_algorithms_warn_only_enabled()
            precision = torch._C._get_fp32_precision_getter
            parts = [(backend, part) for backend in ("mkldnn", "cuda") for part in ("all", "conv", "matmul", "rnn")]
            assert {precision(*part) for part in parts} <= {"none", "ieee"}
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.allow_tf32
        assert torch.zeros(1).device.type == "meta"
    finally:
        torch.set_default_device(None)


@pytest.mark.parametrize("setting", ["none", "ieee", "tf32"])
@pytest.mark.parametrize("matmul", ["highest", "high", "medium"])
@pytest.mark.parametrize("cudnn", [True, False])
def test_precisions_come_back_as_they_were_set_and_inherited(setting: str, matmul: str, cudnn: bool) -> None:
    get, put = torch._C._get_fp32_precision_getter, torch._C._set_fp32_precision_setter
    parts = [("generic", "all"), *((b, p) for b in ("mkldnn", "cuda") for p in ("all", "conv", "matmul", "rnn"))]

    def inherited() -> list[list[str]]:
        found = []
        for value in ("none", "tf32", "ieee"):
            put("generic", "all", value)
            found.append([get(*part) for part in parts])
        put("generic", "all", setting)
        return found

    start = torch.get_float32_matmul_precision(), torch._C._get_cudnn_allow_tf32()
    try:
        torch.set_float32_matmul_precision(matmul)
        torch._C._set_cudnn_allow_tf32(cudnn)
        put("mkldnn", "conv", setting)
        put("generic", "all", setting)
        before, whole = inherited(), snapshot()
        with neutral(), neutral():
            assert get("mkldnn", "conv") in ("none", "ieee")
            assert get("mkldnn", "matmul") in ("none", "ieee")
        assert changes(whole, snapshot()) == []
        assert inherited() == before
    finally:
        for part in parts:
            put(*part, "none")
        torch.set_float32_matmul_precision(start[0])
        torch._C._set_cudnn_allow_tf32(start[1])
        put("mkldnn", "matmul", "none")
        put("cuda", "matmul", "none")


def test_on_cuda_tf32_is_off_inside_and_as_it_was_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    before = snapshot()
    with neutral():
        assert torch._C._get_fp32_precision_getter("cuda", "conv") in ("none", "ieee")
        assert not torch.backends.cudnn.allow_tf32
        assert not torch.backends.cuda.matmul.allow_tf32
    assert changes(before, snapshot()) == []
    assert torch.backends.cudnn.allow_tf32


def test_weights_are_loaded_on_the_cpu_without_random_numbers_of_the_program() -> None:
    def load() -> torch.nn.Linear:
        with mixed_flags(), torch.inference_mode(), loading_weights():
            assert torch.get_default_device().type == "cpu"
            return torch.nn.Linear(3, 3)

    torch.set_default_device("meta")
    try:
        load()  # the first time, torch imports its compiler, which sets a variable and a filter
        before = snapshot()
        layer = load()
        assert (layer.weight.dtype, layer.weight.device.type) == (torch.float32, "cpu")
        assert not layer.weight.is_inference()
        assert changes(before, snapshot()) == []
    finally:
        torch.set_default_device(None)


def test_networks_without_memory_are_built_in_several_threads() -> None:
    failures: list[str] = []

    def build() -> None:
        for _ in range(20):
            with without_memory():
                if torch.nn.Linear(2, 2).weight.device.type != "meta":
                    failures.append("a weight with memory")

    workers = [threading.Thread(target=build) for _ in range(4)]
    before = snapshot()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (failures, changes(before, snapshot())) == ([], [])


# -------------------------------------------------------------------------------------------------------------- threads


def inside(work: float) -> tuple[int, int]:
    """Threads of torch in a block for `work`, in this thread and in another one that begins meanwhile."""
    others: list[int] = []
    with openmp.threads_for(work):
        other = threading.Thread(target=lambda: others.append(torch.get_num_threads()))
        other.start()
        other.join()
        return torch.get_num_threads(), others[0]


def test_threads_are_chosen_for_the_work_in_this_thread_alone() -> None:
    with several_threads():
        torch.set_num_threads(3)
        assert inside(1000) == (1, 3)
        assert inside(openmp.WORK * 2.5) == (2, 3)
        assert inside(openmp.WORK * 1000) == (3, 3)
        assert inside(float("inf")) == (3, 3)
        assert torch.get_num_threads() == 3


def test_without_the_library_of_torch_threads_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openmp, "_library", lambda: None)
    with several_threads():
        assert inside(1000) == (2, 2)
        monkeypatch.setattr(openmp, "has_lost_its_pool", lambda: True)
        assert inside(float("inf"))[0] == 1
        assert torch.get_num_threads() == 2


@pytest.mark.parametrize("first", ["main", "other"])
def test_blocks_that_overlap_put_the_threads_of_torch_back(first: str) -> None:
    """Also where the other thread is new to torch, and has the number of the first block."""
    new = CALLERS["another thread"]
    entered, leave = threading.Event(), threading.Event()

    def work() -> None:
        with openmp.threads_of_torch(2):
            entered.set()
            leave.wait(10)

    with several_threads():
        torch.set_num_threads(3)
        other = threading.Thread(target=work)
        with openmp.threads_of_torch(1):
            other.start()
            assert entered.wait(10)
            if first == "other":
                leave.set()
                other.join()
        leave.set()
        other.join()
        assert (torch.get_num_threads(), new(torch.get_num_threads)) == (3, 3)


def test_blocks_in_one_another_have_their_own_threads_of_torch() -> None:
    with several_threads():
        torch.set_num_threads(4)
        with openmp.threads_of_torch(1):
            with openmp.threads_of_torch(2):
                assert torch.get_num_threads() == 2
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 4


def test_semtool_waits_passively_and_a_caller_keeps_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from refcodec.cli.main import PASSIVE, main

    for name in PASSIVE:
        monkeypatch.setenv(name, "")  # put back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "argv", ["semtool", "--version"])
    assert main(["--version"]) == 0
    assert not set(PASSIVE) & set(os.environ)
    assert main() == 0
    assert {name: os.environ[name] for name in PASSIVE} == PASSIVE
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert main() == 0
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


def test_a_fork_is_recognised() -> None:
    def found() -> Any:
        return {
            "lost": {"main": openmp.has_lost_its_pool(), "thread": CALLERS["another thread"](openmp.has_lost_its_pool)}
        }

    assert found() == {"lost": {"main": False, "thread": False}}
    assert forked(found) == {"lost": {"main": True, "thread": False}}


def test_a_fork_of_a_program_that_has_not_imported_the_codec(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "import os, sys, signal, torch\n"
        "torch.set_num_threads(2)\n"
        "torch.conv2d(torch.ones(1, 32, 128, 128), torch.ones(32, 32, 3, 3))\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    signal.alarm(250)\n"
        "    import refcodec\n"
        "    refcodec.decode(refcodec.encode(__import__('numpy').zeros((900, 900, 3), 'uint8')))\n"
        "    os._exit(0)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, str(script)], env=environment, timeout=300, check=False)
    assert done.returncode == 0


# --------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "message",
    [
        "CUDA error: device-side assert triggered",
        "expected m1 and m2 to have the same dtype, but got: float != c10::Half",
        "Expected all tensors to be on the same device, but found at least two devices",
    ],
)
def test_an_error_of_torch_does_not_blame_the_package(message: str) -> None:
    error = RuntimeError(f"{message}\nmore lines")
    with pytest.raises(SemError) as caught, package_cache.torch_errors(Path("elic-small"), "painter"):
        raise error
    assert caught.value.code == Code.DEPENDENCY_MISSING
    assert caught.value.what == (f"torch cannot run the painter of model elic-small here (RuntimeError: {message})")
    assert "fetch" not in str(caught.value)
    assert is_failure_of_device(error)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_exhausted_memory_is_told_as_such(error: Exception) -> None:
    assert is_out_of_memory(error)
    with pytest.raises(MemoryError), package_cache.torch_errors(Path("elic-small"), "painter"):
        raise error


def test_errors_of_values_are_none_of_the_device() -> None:
    assert not is_failure_of_device(ValueError("CUDA"))
    assert not is_failure_of_device(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_another_module_of_the_name_torch_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "refcodec.networks.torch_backend", raising=False)
    monkeypatch.setitem(sys.modules, "torch", type(sys)("torch"))
    assert isinstance(package_cache.backend(), NumpyBackend)


# ------------------------------------------------------------------------------------------------------------- settings


def test_shared_settings_are_put_back_by_the_last_block() -> None:
    value, changed = ["host"], []

    def change() -> list[Any]:
        changed.append(value[0])
        before, value[0] = value[0], "codec"
        return [lambda: value.__setitem__(0, before)]

    settings = SharedSettings(change)
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with settings.changed():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with settings.changed():
        thread.start()
        assert entered.wait(10)
    assert value == ["codec"]
    leave.set()
    thread.join()
    assert (value, changed) == (["host"], ["host"])


def test_warnings_are_quiet_in_one_thread_only() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        with quiet_warnings():
            warnings.warn("not seen", stacklevel=1)
            with pytest.raises(UserWarning):
                CALLERS["another thread"](lambda: _raised(lambda: warnings.warn("seen", stacklevel=1)))()
        assert warnings.filters == before


def _raised(call: Any) -> Any:
    """Return a function that raises what a call raises."""
    try:
        call()
    except Warning as error:
        caught = error

        def raises() -> None:
            raise caught

        return raises
    return lambda: None


@pytest.mark.models
@pytest.mark.slow
def test_levels_and_bars_of_model_libraries_come_back() -> None:
    diffusers, transformers = pytest.importorskip("diffusers"), pytest.importorskip("transformers")
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    from refcodec.foundation.loading import quiet

    libraries = transformers.utils.logging, diffusers.utils.logging
    start = [(library.get_verbosity(), library.is_progress_bar_enabled()) for library in libraries]
    try:
        for level, hub in ((logging.DEBUG, True), (logging.ERROR, False)):
            for library in libraries:
                library.set_verbosity(level)
                library.enable_progress_bar()
            (enable_progress_bars if hub else disable_progress_bars)()
            before = snapshot()
            with quiet(), quiet():
                assert not any(library.is_progress_bar_enabled() for library in libraries)
                assert {library.get_verbosity() for library in libraries} == {logging.CRITICAL}
            assert changes(before, snapshot()) == []
            assert are_progress_bars_disabled() is not hub
    finally:
        enable_progress_bars()
        for library, (level, bars) in zip(libraries, start, strict=True):
            library.set_verbosity(level)
            (library.enable_progress_bar if bars else library.disable_progress_bar)()


@pytest.mark.models
@pytest.mark.slow
def test_imports_of_model_libraries_leave_the_environment_alone() -> None:
    script = (
        "import os, warnings; before = dict(os.environ)\n"
        "import torch; filters = list(warnings.filters)\n"
        "from refcodec.foundation.loading import quiet\n"
        "with quiet(): from diffusers import AutoPipelineForText2Image\n"
        "assert dict(os.environ) == before, set(os.environ) ^ set(before)\n"
        "assert warnings.filters == filters, [f for f in warnings.filters if f not in filters]\n"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TRANSFORMERS")}
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
