# SPDX-License-Identifier: MIT
"""The pipeline of a batch in Ray Data: blocks of inputs, readers of shards, and a pool of actors with their models."""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from refcodec import __version__
from refcodec.batch.ray_cluster import Cluster
from refcodec.batch.ray_ledger import Ledger
from refcodec.batch.ray_plan import BLOCK_ROWS, Plan
from refcodec.batch.ray_rows import arrow
from refcodec.batch.ray_shards import table_of
from refcodec.batch.ray_store import reason
from refcodec.batch.ray_worker import Stage, Worker
from refcodec.errors import Code, SemError
from refcodec.process_settings import SharedSettings, Undo, ignore_message

BLOCK_BYTES: Final = 1 << 23
BLOCKS_OF_WORKER: Final = 4  # at least, so that workers end at about the same time
THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
FEWER_INPUTS: Final = "The minimum number of concurrent actors"  # than workers, of which Ray warns
SETTINGS: Final = ("SEM_REGISTRY", "SEM_MODELS", "SEM_DRAFTS", "SEM_ALLOW_DOWNLOAD", "SEM_NO_NUMBA")


def row_tables(ray: Any, plan: Plan, cluster: Cluster) -> Iterator[Any]:
    """Yield tables of rows (`row_schema`) as blocks are done, in any order.

    An actor that dies is started again, and its block is tried again.
    """
    workers = cluster.most_workers(ray)
    ledger = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Ledger).remote()
    with _SETTINGS.changed():
        inputs = _inputs(ray.data, plan, workers)
        rows = inputs.map_batches(
            Worker,
            batch_size=None,
            batch_format="pyarrow",
            fn_constructor_args=(plan.stage, ledger),
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=cluster.threads,
            num_gpus=cluster.gpus or None,
            runtime_env={"env_vars": _variables(cluster.threads)},
        )
        try:
            yield from rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1)
        except ray.exceptions.RayError as error:
            raise cause_of(error) from error


def _inputs(data: Any, plan: Plan, workers: int) -> Any:
    """Return the dataset of inputs: files by their names, and what readers find in shards."""
    datasets = []
    if plan.files:
        rows = max(1, min(BLOCK_ROWS, math.ceil(len(plan.files) / (workers * BLOCKS_OF_WORKER))))
        blocks = [table_of(plan.files[start : start + rows]) for start in range(0, len(plan.files), rows)]
        datasets.append(data.from_blocks(blocks))
    if plan.shard_entries:
        shards = [arrow().table({"shard": [pickle.dumps(shard)]}) for shard in plan.shard_entries]
        # Readers take no processor: workers may have them all
        read = data.from_blocks(shards).map_batches(
            plan.shards, batch_size=None, batch_format="pyarrow", num_cpus=0, zero_copy_batch=True
        )
        datasets.append(read)
    return datasets[0].union(*datasets[1:]) if len(datasets) > 1 else datasets[0]


def _variables(threads: int) -> dict[str, str]:
    passive = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
    passed = {
        name: os.environ[name] for name in SETTINGS if name in os.environ
    }  # no keys: a cluster shows its variables
    return {**dict.fromkeys(THREAD_VARIABLES, str(threads)), **passive, **passed}


def _set_context() -> list[Undo]:
    """Set what datasets that are made from now on run with: small blocks, and neither bars nor a warning."""
    import ray.data

    context = ray.data.DataContext.get_current()
    settings = {
        "target_max_block_size": BLOCK_BYTES,
        "enable_progress_bars": False,
        "print_on_execution_start": False,
        "enable_auto_log_stats": False,
    }
    undo: list[Undo] = [partial(setattr, context, name, getattr(context, name)) for name in settings]
    for name, value in settings.items():
        setattr(context, name, value)
    return [*undo, *ignore_message(FEWER_INPUTS)]


_SETTINGS: Final = SharedSettings(_set_context)


def prepare_there(ray: Any, stage: Stage, cluster: Cluster) -> None:
    """Prepare the task once on the cluster, so that an error of its options or models is one line."""
    prepare = ray.remote(num_cpus=cluster.threads, num_gpus=cluster.gpus or None)(_prepared)
    try:
        version, error = ray.get(prepare.remote(stage))
    except ray.exceptions.RayError as failure:
        what = f"the cluster cannot run refcodec: {reason(failure).split(' Traceback')[0]}"
        hint = f"install refcodec {__version__} and its extras on its machines"
        raise SemError(Code.DEPENDENCY_MISSING, what, hint=hint) from failure
    if version != __version__:
        what = f"the machines of the cluster have refcodec {version}, and this one has {__version__}"
        raise SemError(Code.DEPENDENCY_MISSING, what, hint="install one version on all")
    if error is not None:
        raise error


def _prepared(stage: Stage) -> tuple[str, Exception | None]:
    try:
        stage.task.prepare()
    except Exception as error:  # noqa: BLE001 - the caller raises it
        return __version__, error
    return __version__, None


def cause_of(error: BaseException) -> BaseException:
    """Return the error of this library or of an argument that an error of Ray stands for, else the error itself."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, SemError) or type(each) is ValueError:
            return each
        left += [getattr(each, "cause", None), each.__cause__, each.__context__]
    return error
