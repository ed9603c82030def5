"""The options of `run`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from satclip_bench.benchmarks.cli.command import CELLS_ARE_KEPT, Command
from satclip_bench.benchmarks.cli.encoder_table import add_table_options, table_request
from satclip_bench.benchmarks.cli.options import (
    RUNS,
    add_data_dir_option,
    add_device_option,
    add_edition_option,
    add_executor_options,
    add_folder_option,
    add_names_option,
    add_reading_options,
    add_seeds_option,
    add_suite_option,
)

DESCRIPTION = """\
Run a suite of cells, or a part of one: every combination of a task, an encoder, a split, a
fold, a probe and a seed. Each cell's record is kept in the run's folder, so that the same
command again runs only what is missing. In the end the leaderboard is printed, and tables
and figures are written."""

EXAMPLES = """\
--tasks, --encoders, --splits and --probes select from the suite's cells. A name that the suite
does not have is run with all of its tasks, splits, probes and seeds. If the suite has the names
but not together, such as countries in held-out regions, they are run as given.

examples:
  {program} run --suite quick
  {program} run --tasks 'bio*,ecoregions' --encoders geoclip,'harmonics.*' --seeds 0-4
  {program} run --splits blocks.10 --probes linear,knn
  {program} run --encoder my.py:MyEncoder
  {program} run --encoder-table embeddings.parquet --table-columns 'e*' --table-max-km 5
  {program} run --encoder-table farms.parquet --encoders geoclip+table.farms
  {program} run --task-file my.csv --target yield --target price --encoders geoclip"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what to run")
    add_suite_option(
        what,
        "named set of cells to start from, such as quick; `list suites` shows all (default: open)",
    )
    default = "(default: those of the suite)"
    for axis, example in (
        ("tasks", "elevation,'bio*'"),
        ("encoders", "geoclip,'harmonics.*'"),
        ("splits", "random,blocks.10"),
        ("probes", "linear,mlp"),
    ):
        add_names_option(
            what, axis, f"{axis} to run, such as {example}; `list {axis}` shows all {default}"
        )
    add_seeds_option(what, f"seeds of splits and probes, such as 0,1,2 or 0-4 {default}")
    add_edition_option(
        what,
        "edition of the tasks: `open` ships with the repository, `paper` uses the papers' own "
        "tables, which `download` fetches (default: that of the suite, or paper if --tasks names "
        "tables of coordbench and usavars alone)",
    )
    what.add_argument(
        "--dry-run", action="store_true", help="list the cells that would run, and stop"
    )

    yours = parser.add_argument_group("your own encoders and data")
    yours.add_argument(
        "--encoder",
        action="append",
        default=[],
        metavar="FILE.py:CLASS",
        help="custom encoder to run beside the others, such as my.py:MyEncoder; FILE.py is "
        "executed; can be repeated",
    )
    yours.add_argument(
        "--task-file",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="user table to make a task of: CSV, Parquet, GeoPackage or GeoJSON with points; its "
        "card is written beside it, or else in the run's folder, to be edited; needs --target; "
        "can be repeated",
    )
    yours.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="COLUMN",
        help="column of --task-file to predict, such as yield; repeat it for more targets, or "
        "give one per file",
    )
    add_reading_options(yours)
    add_table_options(parser, several=True)

    where = parser.add_argument_group("where and how")
    add_data_dir_option(where)
    add_folder_option(
        where,
        f"folder of the run (default: {RUNS}/<suite>, or {RUNS}/<suite>-<edition> for another "
        "edition than the suite's)",
    )
    add_executor_options(
        where,
        "time limit of a cell: one that takes longer is stopped and recorded as failed "
        "(default: none)",
    )
    add_device_option(where)


def _call(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.run import run
    from satclip_bench.benchmarks.runs.executors import make_executor
    from satclip_bench.benchmarks.runs.suites import suite_card
    from satclip_bench.benchmarks.runs.wildcards import edition_of
    from satclip_bench.core.device import use_device
    from satclip_bench.core.read_options import ReadOptions

    of_suite = suite_card(options.suite).edition
    edition = options.edition or edition_of(options.tasks, of_suite)
    reading = ReadOptions(lon=options.lon, lat=options.lat, sep=options.sep, layer=options.layer)
    with use_device(options.device):
        return run(
            suite=options.suite,
            tasks=options.tasks,
            encoders=options.encoders,
            own_encoders=options.encoder,
            splits=options.splits,
            probes=options.probes,
            seeds=options.seeds,
            edition=edition,
            data_dir=options.data_dir,
            out=options.out or _default_folder(options.suite, of_suite, edition),
            executor=make_executor(
                options.jobs, options.scheduler, options.cell_timeout or math.inf
            ),
            dry_run=options.dry_run,
            task_files=options.task_file,
            targets=options.target,
            reading=reading,
            tables=table_request(options),
        )


def _default_folder(suite: str, of_suite: str, edition: str) -> Path:
    # A folder holds one edition, because scores of two editions must not be averaged.
    return RUNS / (suite if edition == of_suite else f"{suite}-{edition}")


RUN = Command(
    name="run",
    group="evaluate encoders",
    summary="run a suite of tasks, encoders, splits and probes (the default command)",
    description=DESCRIPTION,
    examples=EXAMPLES,
    add_options=_add_options,
    call=_call,
    after_interrupt=CELLS_ARE_KEPT,
)
