# SPDX-License-Identifier: MIT
"""semtool batch: encode, decode and verify any number of files with Ray Data, on one machine or on a cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from refcodec.batch.notes import digest_of
from refcodec.batch.outputs import OutputClash
from refcodec.batch.verify import Verify
from refcodec.cli import decode as decode_command
from refcodec.cli import encode as encode_command
from refcodec.cli.batch_options import INPUT, OUTPUTS, WORKERS, Places, with_options
from refcodec.cli.batch_report import BatchReport
from refcodec.cli.common_options import json_option, level_option, model_folders, model_option
from refcodec.cli.decode import FORMATS, OVERRIDES
from refcodec.cli.decode_many import decode_task
from refcodec.cli.encode import encode_options
from refcodec.cli.encode_many import encode_task, in_several
from refcodec.cli.limit_options import limits_options
from refcodec.cli.many import report_left_out
from refcodec.cli.many_options import SUFFIXES, present_of
from refcodec.cli.output_file import folder_name
from refcodec.cli.symbol_options import NAMES
from refcodec.images.suffixes import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from refcodec.batch.ray_cluster import Cluster
    from refcodec.batch.task import Task
    from refcodec.limits import Limits

OWN: Final = (
    *("sources", "output", "force", "no_clobber", "jobs", "resume", "keep_suffix", "preserve_times", "trace", "json"),
    *("max_pixels", "max_memory", "timeout", "suffix"),
)
NOT_ENCODE: Final = (*OWN, "size", *NAMES, "mode", "strict")
NOT_DECODE: Final = (*OWN, "symbols", "text", "alternatives", "progressive", "samples")
MANY: Final = 1 << 20  # files, if their number is unknown


@click.group(short_help="Encode, decode or verify any number of files on a cluster.")
def group() -> None:
    """Encode, decode or verify any number of files, on the processors of this machine or on a cluster of Ray.

    IN is a file, a folder, a pattern such as 'photos/**/*.jpg', or a URL such as s3://bucket/photos, of files or of shards:
    WebDataset tars (.tar, .tar.gz) and Parquet files with a column of bytes. DIR gets the same subfolders as the inputs;
    rows with the columns key, width, height, method, bpp, check and error are written as Parquet into DIR/_rows, or with
    --parquet into DIR, with the files in a column sem or picture.

    An input that fails becomes a row with its error; the batch goes on. Exit status: 0 if none failed, else that of the failed
    input whose key is first in the order of characters; a batch that is interrupted can be resumed. Needs the extra
    refcodec[batch] (docs/scaling.md).
    """


@group.command("encode", short_help="Encode pictures as .sem files.")
@INPUT
@with_options(OUTPUTS)
@with_options(WORKERS)
@limits_options
@json_option
def encode_(sources: tuple[str, ...], limits: Limits, **options: Any) -> int:
    """Encode the pictures IN as .sem files below DIR.

    \b
    semtool batch encode photos/ -o out/ --quality 4
    semtool batch encode 's3://bucket/shards/*.tar' -o s3://bucket/sems --parquet --address auto --workers 64
    """
    places = Places.of(options)
    absent = {parameter.name: None for parameter in encode_command.command.params if parameter.name in NOT_ENCODE}
    options = {**absent, **options, "strict": False, "limits": limits}
    task = encode_task(encode_options(options), options)
    return _run(
        task,
        sources,
        PICTURE_SUFFIXES,
        places,
        limits,
        ".sem",
        "sem",
        task.options,
        several=in_several(options),
        level=options["level"],
    )


@group.command("decode", short_help="Reconstruct the pictures of .sem files.")
@INPUT
@with_options(OUTPUTS)
@click.option(
    "--format", "suffix", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True, help="Format of pictures."
)
@with_options(WORKERS)
@limits_options
@json_option
def decode_(sources: tuple[str, ...], limits: Limits, suffix: str, **options: Any) -> int:
    """Reconstruct the pictures of the .sem files IN below DIR.

    \b
    semtool batch decode sems/ -o pictures/ --format jpg
    """
    places = Places.of(options)
    options["limits"] = limits
    arguments = {name: options[name] for name in (*OVERRIDES, "reflections") if options[name] is not None}
    task = decode_task(suffix, arguments, options)
    kept = {**task.options, "format": task.format}
    return _run(
        task,
        sources,
        SUFFIXES,
        places,
        limits,
        f".{suffix}",
        "picture",
        kept,
        several=not options["model"],
        level=options["level"],
    )


@group.command("verify", short_help="Check that .sem files are valid and intact.")
@INPUT
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    callback=folder_name,
    help="Write the rows as Parquet into this folder, or into its URL (fsspec).",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue a batch that was interrupted: skip files that were valid and have not changed.",
)
@click.option("--force", is_flag=True, help="Replace existing rows.")
@with_options(WORKERS)
@model_option
@level_option
@limits_options
@json_option
def verify_(sources: tuple[str, ...], limits: Limits, model: str | None, level: int, **options: Any) -> int:
    """Check form, canonical streams, keyed check and limits of the .sem files IN.

    \b
    semtool batch verify sems/
    semtool batch verify encoded/ -o report/     Parquet of batch encode --parquet, or files
    """
    places = replace(Places.of(options), parquet=True)
    if places.output is None and places.resume:
        raise click.UsageError("--resume needs the folder of an earlier batch, -o DIR")
    task = Verify(tuple(map(str, model_folders(model))), level, replace(limits, timeout=None, until=None))
    kept = {"models": list(task.models), "level": level}
    return _run(task, sources, SUFFIXES, places, limits, "", None, kept, several=True, level=level)


def _share(command: click.Command, source: click.Command, without: Collection[str]) -> None:
    """Give a command the options of another but some."""
    names = {parameter.name for parameter in command.params}
    command.params += [each for each in source.params if each.name not in without and each.name not in names]


_share(encode_, encode_command.command, NOT_ENCODE)
_share(decode_, decode_command.command, NOT_DECODE)


def _run(
    task: Task,
    sources: tuple[str, ...],
    suffixes: Collection[str],
    places: Places,
    limits: Limits,
    suffix: str,
    data: str | None,
    kept: Mapping[str, Any],
    *,
    several: bool,
    level: int,
) -> int:
    """Carry out a task; return the exit status. suffix, data: of outputs as files, and their column as Parquet."""
    from refcodec.batch.ray_batch import inputs_of, rows_of
    from refcodec.batch.ray_plan import Batch
    from refcodec.batch.run import OutputsPresent

    batch = Batch(
        task,
        sources,
        suffixes,
        places.output,
        None if places.parquet else suffix,
        data if places.parquet else None,
        digest_of(kept),
        present_of(force=bool(places.force), no_clobber=False, resume=bool(places.resume)),
        bool(places.keep_suffix),
        data == "picture",
        places.column,
        places.key_column,
        level,
        replace(limits, timeout=None, until=None),
    )
    try:
        found, files = inputs_of(batch)
        report_left_out(found.others)
        count = None if found.shards else len(files)
        cluster = _cluster(places, limits, MANY if count is None else count, several=several)
        report = BatchReport(task.done, places.output)
        with report.reporting(count), closing(rows_of(batch, cluster, found, files)) as rows:
            for row in rows:
                report.add(row)
    except (OutputClash, OutputsPresent, ValueError) as error:
        raise click.UsageError(str(error)) from error
    return report.finish()


def _cluster(places: Places, limits: Limits, count: int, *, several: bool) -> Cluster:
    from refcodec.batch.ray_cluster import Cluster
    from refcodec.batch.sizing import process_count

    workers = places.workers
    if workers is None and places.address is None and not places.gpus:
        workers = process_count(count, limits, several=several)
    return Cluster(places.address, workers, places.threads, places.gpus)
