"""The options of `submit` and `merge`."""

from __future__ import annotations

import argparse
from pathlib import Path

from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.encoder_table import add_table_options, table_request
from satclip_bench.benchmarks.cli.options import RUNS, add_suite_option


def _add_submit_options(parser: argparse.ArgumentParser) -> None:
    add_suite_option(parser, "suite whose cells the board has (default: open)")
    parser.add_argument(
        "--encoder",
        metavar="FILE.py:CLASS",
        help="encoder to submit, as it was run: FILE.py:CLASS, whose file is executed, or a listed "
        "name; its card goes into the entry (default: that of --encoder-table)",
    )
    parser.add_argument(
        "--run", type=Path, metavar="DIR", help=f"folder of the run (default: {RUNS}/<suite>)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="entry to write, a .parquet file; required",
    )
    parser.add_argument(
        "--submitter",
        required=True,
        metavar="TEXT",
        help="person or group that measured it, to be named beside the scores; required",
    )
    parser.add_argument(
        "--contact",
        default="",
        metavar="TEXT",
        help="where questions are answered, such as the address of the code (default: none)",
    )
    parser.add_argument(
        "--licence",
        default="CC-BY-4.0",
        metavar="TEXT",
        help="licence of the entry, not of the encoder, whose card has its own "
        "(default: CC-BY-4.0)",
    )
    add_table_options(parser)


def _submit(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.submit import submit

    return submit(
        run=options.run or RUNS / options.suite,
        suite=options.suite,
        encoder=options.encoder,
        out=options.out,
        submitter=options.submitter,
        contact=options.contact,
        licence=options.licence,
        table=table_request(options) if options.encoder_table else None,
    )


def _add_merge_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "entries",
        nargs="+",
        type=Path,
        metavar="ENTRY",
        help="file that `submit` has written, such as my-encoder.parquet; can be repeated",
    )
    parser.add_argument(
        "--into",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of a run, or of committed results, such as results/leaderboard; required",
    )
    parser.add_argument("--check", action="store_true", help="check the entries and write nothing")
    parser.add_argument(
        "--replace",
        action="store_true",
        help="let an entry take the place of one of the same name; never that of an encoder that "
        "the run itself measured",
    )


def _merge(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.submit import merge

    return merge(options.entries, options.into, replace=options.replace, check=options.check)


SUBMIT = Command(
    name="submit",
    group="share results",
    summary="pack the results of an encoder into one file for a leaderboard",
    description="""\
Pack the records of one encoder, and the predictions that its scores are made of, into one file
that others can check without running the encoder. The run must have all cells of the suite. The
entry passes the checks of `merge` before it is written.""",
    examples="""\
examples:
  {program} run --suite open --encoder my.py:MyEncoder
  {program} submit --encoder my.py:MyEncoder --submitter 'A. Author, Some University' \\
      --contact https://example.org/my-encoder --out my-encoder.parquet
  {program} submit --encoder-table embeddings.parquet --submitter 'A. Author' --out e.parquet

docs/submit.md says how to hand it in.""",
    add_options=_add_submit_options,
    call=_submit,
)

MERGE = Command(
    name="merge",
    group="share results",
    summary="check submitted entries, and add them to a leaderboard",
    description="""\
Check entries of others, and add those that pass to the boards of a folder. Tables, folds,
settings and protocol must be those of this package, all cells of the suite must be there, and
predictions are scored again here. An entry is added as a whole or not at all; boards mark it as
submitted. The encoder itself is not run. Nothing in an entry is executed.""",
    examples="""\
examples:
  {program} merge my-encoder.parquet --into results/leaderboard --check
  {program} merge one.parquet two.parquet --into results/leaderboard

exit codes of this command:
  0    all entries were added, or are there already
  1    some entries were refused
  2    all entries were refused, or the folder has no results""",
    add_options=_add_merge_options,
    call=_merge,
)
