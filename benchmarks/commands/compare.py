"""The command `compare`: what agrees in two runs, and what does not."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

import pandas as pd
from rich.console import Console
from rich.text import Text

from satclip_bench.benchmarks.commands.notices import print_notices
from satclip_bench.benchmarks.probes import list_probes
from satclip_bench.benchmarks.report.grid import Grid, GridRow, print_grid
from satclip_bench.benchmarks.report.terminal import print_heading
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE
from satclip_bench.benchmarks.runs.comparison import (
    DIFFERENT,
    EQUAL,
    FAILED_BOTH,
    FAILED_REFERENCE,
    FAILED_RUN,
    NAMES,
    ONLY_REFERENCE,
    ONLY_RUN,
    OTHER_SETTINGS,
    WITHIN,
    Comparison,
    Side,
    compare,
)
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.tidy import tidy_frame
from satclip_bench.benchmarks.submissions.entry import is_entry, read_entry
from satclip_bench.core.errors import BenchError
from satclip_bench.core.parquet import DAMAGE, reason
from satclip_bench.core.registry import match_names, unknown_name

TITLE_WIDTH = 60
"""Maximum width of the name of a cell, which is broken in narrow terminals."""

REASON_WIDTH = 120
"""Maximum length of the reason of a failure in the tables; JSON has all of it."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "Cells": (),
    "Equal": (EQUAL,),
    "Within": (WITHIN,),
    "Differ": (DIFFERENT,),
    "Settings": (OTHER_SETTINGS,),
    "Failed": (FAILED_RUN, FAILED_REFERENCE, FAILED_BOTH),
    "Only one": (ONLY_RUN, ONLY_REFERENCE),
}
"""Columns of the table of probes, and the states of cells that they count; none stands for all."""


def compare_runs(
    run: Path,
    reference: Path,
    tolerances: Mapping[str, float],
    metrics: Sequence[str] = (),
    *,
    partial: bool = False,
    worst: int = 10,
    as_json: bool = False,
) -> int:
    """Print which scores of two runs agree.

    Args:
        run: folder of the run to judge, or its `results.parquet`, or an entry of `submit`.
        reference: folder or table of the run to compare it with.
        tolerances: tolerances by probe that replace the default ones; `""` stands for all probes.
        metrics: names or wildcards of the scores to compare; all by default.
        partial: whether cells of only one run do not matter.
        worst: number of scores and cells to list.
        as_json: whether to print JSON instead of tables.

    Returns:
        The exit code: 0 if all agree, 1 if there are differences, 2 if the runs cannot be compared.

    Raises:
        BenchError: a file cannot be read or is not a table of results, or a name is unknown.
    """
    probes = (BASELINE_PROBE, *list_probes())
    for name in tolerances:
        if name and name not in probes:
            raise BenchError(unknown_name("probe", name, probes))
    sides = (_side(run), _side(reference))
    if metrics:
        known = sorted({str(name) for side in sides for name in side.frame.get("metric", ())})
        kept = match_names("score of these runs", metrics, known)
        sides = (_with_metrics(sides[0], kept), _with_metrics(sides[1], kept))
    comparison = compare(*sides, tolerances, partial=partial)
    if as_json:
        document = _document(comparison, run, reference)
        sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")
    else:
        _print(comparison, run, reference, worst)
    return comparison.exit_code


def _side(path: Path) -> Side:
    """Table and settings of a run: of its records, or of the Parquet file of a folder without any.

    Raises:
        BenchError: there is neither, or none of its records can be read or belongs to its plan.
    """
    if not path.exists():
        raise BenchError(f"there is no file or folder {path}")
    if not path.is_dir():
        return _side_of_entry(path) if is_entry(path) else Side(str(path), _table(path))
    store = Store(path)
    reading = store.read()
    if records := reading.records:
        print_notices(reading)
        settings = {record.key: record.settings.model_dump(mode="json") for record in records}
        return Side(str(path), tidy_frame(records), settings)
    if store.table_path.exists() and reading.finds_no_records:
        return Side(str(path), _table(store.table_path))
    # Raises, and says why there is nothing to compare.
    return Side(str(path), store.frame(reading))


def _side_of_entry(path: Path) -> Side:
    records = read_entry(path).records
    settings = {record.key: record.settings.model_dump(mode="json") for record in records}
    return Side(str(path), tidy_frame(records), settings)


def _table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except DAMAGE as error:
        raise BenchError(
            f"{path} cannot be read as a Parquet file: {reason(error)}. Name the folder of a run, "
            "or its results.parquet"
        ) from error


def _with_metrics(side: Side, metrics: Sequence[str]) -> Side:
    """The same side with these scores only; failed cells stay."""
    if "metric" not in side.frame or "status" not in side.frame:
        return side
    kept = side.frame["metric"].isin(metrics) | (side.frame["status"] == "failed")
    return Side(side.title, side.frame[kept], side.settings)


def _print(comparison: Comparison, run: Path, reference: Path, worst: int) -> None:
    console = Console()
    print_heading(f"{run} compared with {reference}", console)
    print_grid(_by_probe(comparison), console, TITLE_WIDTH)
    note = "Cells by probe. Max ratio: the largest difference, in tolerances."
    console.print(Text(note, style="dim"), highlight=False)
    scores = comparison.worst(worst)
    if len(scores):
        total = int((comparison.scores["state"] != EQUAL).sum())
        console.print()
        print_heading(f"Scores that are not equal: {_share(len(scores), total)}", console)
        print_grid(_of_scores(scores), console, TITLE_WIDTH)
    states = (OTHER_SETTINGS, FAILED_RUN, FAILED_REFERENCE, ONLY_RUN, ONLY_REFERENCE)
    listed = {
        "outside tolerance whose search chose other settings": comparison.chose_otherwise,
        **{state: comparison.cells[comparison.cells["state"] == state] for state in states},
    }
    for title, cells in listed.items():
        if len(cells):
            console.print()
            print_heading(f"Cells {title}: {_share(min(worst, len(cells)), len(cells))}", console)
            for row in cells[:worst].to_dict("records"):
                why = f" ({shorten(row['why'], REASON_WIDTH)})" if row["why"] else ""
                console.print(Text(f"  {_name(row)}{why}"), highlight=False)
    console.print()
    style = {0: "green", 1: "yellow", 2: "red"}[comparison.exit_code]
    console.print(Text(comparison.verdict, style=style), highlight=False)


def _share(shown: int, total: int) -> str:
    return str(total) if shown == total else f"{shown} of {total}"


def _by_probe(comparison: Comparison) -> Grid:
    rows = []
    for probe in comparison.probes:
        counts = comparison.counts(probe)
        numbers = [sum(counts[state] for state in states or counts) for states in COLUMNS.values()]
        ratios = comparison.scores.loc[comparison.scores["probe"] == probe, "ratio"]
        largest = _number(float(ratios.max())) if len(ratios) else "-"
        name = "baselines" if probe == BASELINE_PROBE else probe
        rows.append(GridRow(tuple(map(Text, (name, *map(str, numbers), largest)))))
    headings = ("Probe", *COLUMNS, "Max ratio")
    return Grid(tuple(map(Text, headings)), "l" + "r" * (len(headings) - 1), tuple(rows), gap=2)


def _of_scores(scores: pd.DataFrame) -> Grid:
    rows = []
    for row in scores.to_dict("records"):
        numbers = (row[name] for name in ("run", "reference", "difference", "tolerance"))
        cells = (f"{_name(row)}, {row['metric']}", *map(_number, numbers), row["state"])
        rows.append(GridRow(tuple(map(Text, cells)), "yellow" if row["ratio"] > 1 else ""))
    headings = ("Score", "Run", "Ref.", "Diff.", "Tol.", "")
    return Grid(tuple(map(Text, headings)), "lrrrrl", tuple(rows), gap=2)


def _name(row: Mapping[Any, Any]) -> str:
    edition = "" if row["edition"] == "open" else f" ({row['edition']})"
    probe = "" if row["probe"] == BASELINE_PROBE else f", {row['probe']}"
    fold = "" if row["fold"] == "0" else f" {row['fold']}"
    return (
        f"{row['task']}{edition} {row['encoder']}, {row['split']}{fold}{probe}, seed {row['seed']}"
    )


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.3g}" if abs(value) < 0.01 or abs(value) >= 1e6 else f"{value:.6g}"


def _document(comparison: Comparison, run: Path, reference: Path) -> dict[str, Any]:
    unequal = comparison.worst(len(comparison.scores))
    apart = comparison.cells[~comparison.cells["state"].isin([EQUAL, WITHIN, DIFFERENT])]
    return {
        "run": str(run),
        "reference": str(reference),
        "verdict": comparison.verdict,
        "exit_code": comparison.exit_code,
        "cells": comparison.counts(),
        "cells_by_probe": {probe: comparison.counts(probe) for probe in comparison.probes},
        "differing_settings": dict(sorted(comparison.settings.items())),
        "unequal_scores": _rows(
            unequal,
            (*NAMES, "metric", "run", "reference", "difference", "tolerance", "state"),
        ),
        "cells_chose_otherwise": _rows(comparison.chose_otherwise, (*NAMES, "why")),
        "cells_not_compared": _rows(apart, (*NAMES, "state", "why")),
    }


def _rows(frame: pd.DataFrame, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of a table for JSON, in which numbers that are not finite are null."""
    return [
        {
            str(name): None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in row.items()
        }
        for row in frame[list(columns)].to_dict("records")
    ]
