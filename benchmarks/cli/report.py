"""The options of `leaderboard`, `tables` and `figures`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.options import (
    add_board_options,
    add_filter_options,
    add_names_option,
    add_run_folder_options,
    record_filter,
    run_folder,
)
from satclip_bench.benchmarks.cli.page import add_page_options, require_no_page_options
from satclip_bench.benchmarks.report.figure_kinds import DEFAULT, FORMATS, KINDS
from satclip_bench.core.errors import BenchError

if TYPE_CHECKING:
    from satclip_bench.benchmarks.species.column import SpeciesColumn


def _add_leaderboard_options(parser: argparse.ArgumentParser) -> None:
    add_board_options(parser)
    add_filter_options(parser)
    tables = parser.add_mutually_exclusive_group()
    for table, explanation in (
        ("ranks", "ratings over all tasks with intervals: mean rank, Borda, wins and Elo"),
        ("gaps", "differences to the best of each task with intervals, and which are ties"),
        ("folds", "the median and the worst region or fold of each encoder"),
    ):
        tables.add_argument(
            f"--{table}",
            dest="table",
            action="store_const",
            const=table,
            default="scores",
            help=f"show {explanation} (default: show the scores)",
        )
    tables.add_argument(
        "--html",
        type=Path,
        metavar="DIR",
        help="write all boards as a static site to this folder, with a page for each encoder and "
        "task; it opens from disk, and its folder can be published as it is (default: show one "
        "board in the terminal)",
    )
    add_page_options(parser)
    _add_score_option(parser)
    parser.add_argument(
        "--without-contaminated",
        action="store_true",
        help="leave out encoders that were trained on the data of one of the tasks, or whose "
        "recipe was chosen with its labels (default: show them with a mark)",
    )
    _add_species_options(parser)
    add_run_folder_options(parser)


def _add_score_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--score",
        choices=("skill", "task"),
        help="score to show: skill over the training mean or majority, pooled over folds, or the "
        "metric of each task, such as R2 (default: task for random splits, skill for all others)",
    )


def _add_species_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--species",
        type=Path,
        metavar="DIR",
        help="folder that `species` wrote, whose scores become the column iNaturalist 2018 of the "
        "board of random splits and the linear probe (default: no such column)",
    )
    parser.add_argument(
        "--way",
        choices=("location", "product", "concatenation"),
        default="location",
        help="how `species` ranked the species in that column (default: location)",
    )


def _species_column(options: argparse.Namespace) -> SpeciesColumn | None:
    from satclip_bench.benchmarks.species.column import species_column

    return species_column(options.species, options.way) if options.species else None


def _add_table_options(parser: argparse.ArgumentParser) -> None:
    styles = parser.add_mutually_exclusive_group()
    styles.add_argument(
        "--style",
        metavar="NAME",
        help="write tables for a paper: satclip, range (the shape of these papers' tables, with "
        "their published scores in grey), overview (mean rank and skill, encoders x splits) or "
        "ablation (differences to a reference) (default: every board of the run, as Markdown and "
        "LaTeX)",
    )
    styles.add_argument(
        "--layout",
        type=Path,
        metavar="FILE",
        help="write tables for a paper with the rows, columns, digits and names of this YAML file; "
        "the styles are such files, docs/paper-tables.md has an example (default: that of --style)",
    )
    parser.add_argument(
        "--format",
        choices=("latex", "markdown", "html", "csv"),
        help="format of tables for a paper: latex for booktabs, markdown, html as one page, or csv "
        "with all digits (default: latex)",
    )
    parser.add_argument(
        "--probe",
        metavar="NAME",
        help="probe of tables for a paper, such as mlp (default: the style's: ridge for range, and "
        "linear for the others)",
    )
    _add_score_option(parser)
    _add_species_options(parser)
    _add_report_options(parser)


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    add_filter_options(parser)
    add_run_folder_options(parser)


def _leaderboard(options: argparse.Namespace) -> int:
    contaminated = not options.without_contaminated
    if options.html is not None:
        if options.split or options.probe:
            raise BenchError(
                "--html writes the boards of all splits and probes: leave out --split and --probe"
            )
        from satclip_bench.benchmarks.commands.page import leaderboard_page

        return leaderboard_page(
            (run_folder(options), *options.beside),
            options.html,
            embeddings=options.embedding_maps,
            profiles=options.profiles,
            contaminated=contaminated,
            score=options.score,
            only=record_filter(options),
            species=_species_column(options),
        )
    require_no_page_options(options)
    from satclip_bench.benchmarks.commands.report import leaderboard

    return leaderboard(
        run_folder(options),
        options.split,
        options.probe,
        table=options.table,
        contaminated=contaminated,
        score=options.score,
        only=record_filter(options),
        species=_species_column(options),
    )


def _tables(options: argparse.Namespace) -> int:
    if options.style is None and options.layout is None:
        return _boards(options)
    if options.score:
        raise BenchError(
            "--score belongs to the tables of boards; a layout says which score each part of its "
            "tables has"
        )
    from satclip_bench.benchmarks.commands.paper_tables import paper_tables

    return paper_tables(
        run_folder(options),
        options.layout or options.style,
        options.format or "latex",
        probe=options.probe or "",
        only=record_filter(options),
    )


def _boards(options: argparse.Namespace) -> int:
    if options.format or options.probe:
        raise BenchError("--format and --probe need --style or --layout, for tables of a paper")
    from satclip_bench.benchmarks.commands.report import tables

    return tables(
        run_folder(options), record_filter(options), options.score, _species_column(options)
    )


def _add_figure_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kind",
        nargs="+",
        choices=tuple(KINDS),
        default=DEFAULT,
        metavar="KIND",
        help=f"kinds of figures to draw, of the list above (default: {' '.join(DEFAULT)})",
    )
    parser.add_argument(
        "--format",
        nargs="+",
        choices=FORMATS,
        default=("png",),
        metavar="FORMAT",
        help="formats of the files: png, pdf or svg (default: png)",
    )
    for axis, example in (("split", "random,'labels.*'"), ("probe", "linear")):
        add_names_option(
            parser, axis, f"{axis}s to show, such as {example} (default: all of the run)"
        )
    _add_report_options(parser)


def _figures(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.report import figures

    only = replace(record_filter(options), splits=options.split, probes=options.probe)
    return figures(run_folder(options), only, options.kind, options.format)


def _kind_lines(kinds: Mapping[str, str]) -> str:
    """One line of help for each kind of figure."""
    return "\n".join(f"  {name:<20} {explanation}" for name, explanation in kinds.items())


LEADERBOARD = Command(
    name="leaderboard",
    group="look at a run",
    summary="show the scores of a run: tasks x encoders, for one split and probe",
    description="""\
Show the leaderboard of a finished run for one split and probe: the score of every encoder on
every task, with intervals and mean ranks. --html writes all of them as pages for a browser, also
of several runs.
A folder with a results.parquet and no records, such as results/leaderboard, can be shown too.""",
    examples="""\
examples:
  {program} leaderboard --split held-out-region --probe linear
  {program} leaderboard --split held-out-region --folds
  {program} leaderboard --gaps
  {program} leaderboard --species results/runs/species
  {program} leaderboard --ranks --out results/leaderboard
  {program} leaderboard --out results/leaderboard --beside results/wide --html site""",
    add_options=_add_leaderboard_options,
    call=_leaderboard,
)

TABLES = Command(
    name="tables",
    group="look at a run",
    summary="write the tables of a run: Markdown, LaTeX, and tables for a paper",
    description="""\
Write the leaderboards of a finished run as Markdown and LaTeX, to its tables/; or, with --style or
--layout, tables for a paper: captions of two sentences with protocol, splits and seeds, the best
bold and the second underlined with ties shared, contamination marks, and the reason below the
table for each number that is missing.""",
    examples="""\
examples:
  {program} tables --out results/runs/quick
  {program} tables --style satclip --format latex
  {program} tables --style overview --format html --out results/runs/spatial
  {program} tables --style range --probe linear --format markdown
  {program} tables --layout mine.yaml --format csv""",
    add_options=_add_table_options,
    call=_tables,
)

FIGURES = Command(
    name="figures",
    group="look at a run",
    summary="draw the figures of a run",
    description=f"""\
Draw figures of a finished run, at the size at which a paper prints them, to its figures/.
Their captions are in figures/captions.md.

kinds:
{_kind_lines(KINDS)}""",
    examples="""\
examples:
  {program} figures --out results/runs/quick
  {program} figures --kind critical-difference gap --format pdf svg
  {program} figures --kind distance predictions --tasks biomes --split random --probe linear
  {program} figures --kind label-efficiency --suite open-labels""",
    add_options=_add_figure_options,
    call=_figures,
)
