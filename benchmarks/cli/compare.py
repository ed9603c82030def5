"""The options of `compare`."""

from __future__ import annotations

import argparse
from pathlib import Path

from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.options import add_names_option, count

DESCRIPTION = """\
Compare the scores of two runs cell by cell: which are equal, within a stated tolerance, outside it,
or of only one of the two. RUN and REFERENCE are folders of runs or their results.parquet.

On the same kind of processor a run gives the same scores to the last digit. Elsewhere sums are
rounded differently: the tolerances say by how much each probe's scores can then differ."""

EXAMPLES = """\
examples:
  {program} compare results/runs/open results/leaderboard
  {program} compare results/runs/quick results/leaderboard --partial
  {program} compare mine/results.parquet theirs/results.parquet --tolerance mlp=0.05 --json

exit codes of this command:
  0    all scores agree within tolerance
  1    scores differ, cells failed in one run, or cells are missing in one (unless --partial)
  2    the runs cannot be compared: other settings or protocols, or a file cannot be read"""


def tolerance(text: str) -> tuple[str, float]:
    """Parse a tolerance, of all probes or of one.

    >>> tolerance("0.01"), tolerance("mlp=0.05")
    (('', 0.01), ('mlp', 0.05))
    """
    probe, equals, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    # The comparison is False for a value that is not a number.
    if not 0 <= value < float("inf") or (equals and not probe):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a tolerance such as 0.01, or mlp=0.05 for one probe"
        )
    return probe, value


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run",
        type=Path,
        metavar="RUN",
        help="folder of the run to judge, such as results/runs/open, or its results.parquet",
    )
    parser.add_argument(
        "reference",
        type=Path,
        metavar="REFERENCE",
        help="folder of the run to compare it with, such as results/leaderboard, or its "
        "results.parquet",
    )
    parser.add_argument(
        "--tolerance",
        type=tolerance,
        action="append",
        default=[],
        metavar="[PROBE=]NUMBER",
        help="tolerance of scores, of all probes or of one, and `none` for baselines; can be "
        "repeated (default: 1e-9 for baselines, 0.001 for ridge, linear and knn, 0.01 for "
        "lightgbm, 0.02 for mlp)",
    )
    add_names_option(
        parser, "metrics", "scores to compare, such as r2,accuracy (default: all scores)"
    )
    parser.add_argument(
        "--partial",
        action="store_true",
        help="compare the cells that both have, if one is a part of the other (default: a cell of "
        "only one is a difference)",
    )
    parser.add_argument(
        "--worst",
        type=count,
        default=10,
        metavar="N",
        help="number of scores and cells to list (default: 10)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the outcome as JSON (default: as tables)"
    )


def _call(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.compare import compare_runs

    return compare_runs(
        options.run,
        options.reference,
        dict(options.tolerance),
        options.metrics,
        partial=options.partial,
        worst=options.worst,
        as_json=options.json,
    )


COMPARE = Command(
    name="compare",
    group="look at a run",
    summary="compare the scores of two runs cell by cell, with a verdict",
    description=DESCRIPTION,
    examples=EXAMPLES,
    add_options=_add_options,
    call=_call,
)
