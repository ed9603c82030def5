"""The options of `reproduce`."""

from __future__ import annotations

import argparse
import math

from satclip_bench.benchmarks.cli.command import CELLS_ARE_KEPT, Command
from satclip_bench.benchmarks.cli.options import (
    add_data_dir_option,
    add_executor_options,
    add_records_option,
)

DESCRIPTION = """\
Measure a paper's published scores again, under the paper's own protocol. Every published cell
whose data and weights are available is run, and the measured score is shown beside the
published one with a verdict: exact to the printed digit, within the published spread, off, or
not run and why. The published scores, and where each was read, are in published.csv. Every
cell's record is kept in --out, so that the same command continues after an interruption.
docs/reproduction.md discusses the results."""

EXAMPLES = """\
examples:
  {program} download air_temperature median_income
  {program} reproduce --paper range
  {program} reproduce --paper all --jobs 4"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--paper",
        required=True,
        metavar="NAME",
        help="paper to reproduce: range, satclip, climplicit or coordbench, or all; required",
    )
    add_data_dir_option(parser)
    add_records_option(parser, "reproduction", "reproduction.csv")
    add_executor_options(
        parser,
        "time limit of a published cell with all its folds and seeds: one that takes longer is "
        "stopped and not run, and the folds that are finished are kept (default: none)",
    )


def _call(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.reproduce import reproduce_papers
    from satclip_bench.benchmarks.runs.executors import make_executor

    executor = make_executor(options.jobs, options.scheduler, options.cell_timeout or math.inf)
    return reproduce_papers(options.paper, options.data_dir, options.out, executor)


REPRODUCE = Command(
    name="reproduce",
    group="evaluate encoders",
    summary="measure a paper's published scores again, under its own protocol",
    description=DESCRIPTION,
    examples=EXAMPLES,
    add_options=_add_options,
    call=_call,
    after_interrupt=CELLS_ARE_KEPT,
)
