"""Runs in which no task has a leader, no score is defined, or a task has no card."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.report.latex import latex
from satclip_bench.benchmarks.report.page.model import Run, Site
from satclip_bench.benchmarks.report.page.site import site_files
from satclip_bench.benchmarks.report.paper_tables.layout import style_layout
from satclip_bench.benchmarks.report.paper_tables.make import make_tables
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.core.errors import BenchError
from tests.benchmarks.frames import frame

STYLES = ("satclip", "range", "ablation", "overview")


def one_task() -> pd.DataFrame:
    return frame(tasks=["elevation"], seeds=[0, 1]).query("metric == 'r2' and split == 'random'")


def failed(seeds: list[int]) -> pd.DataFrame:
    """A run in which all cells of some seeds failed."""
    run = one_task()
    rows = run["seed"].isin(seeds)
    return run.assign(
        status=run["status"].mask(rows, "failed"),
        value=run["value"].mask(rows, np.nan),
        reason=run["reason"].mask(rows, "no memory"),
    )


def all_failed() -> pd.DataFrame:
    return failed([0, 1])


def one_seed_failed() -> pd.DataFrame:
    run = failed([1])
    return run[run["encoder"] == "geoclip"]


def undefined() -> pd.DataFrame:
    return one_task().assign(value=np.nan)


@pytest.mark.parametrize("run", [all_failed, one_seed_failed, undefined])
def test_a_run_without_leaders_has_pages(run: Callable[[], pd.DataFrame]) -> None:
    files = dict(site_files(Site((Run("mine", Results.from_frame(run())),))))
    front = files["index.html"].decode()
    assert "The best of each task, by where the test points lie. Brackets" in front
    assert "not evaluated" not in front
    assert ("no encoder is complete" in front) == (run is not undefined)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("run", [all_failed, one_seed_failed, undefined])
def test_a_run_without_leaders_has_tables_or_says_why_not(
    run: Callable[[], pd.DataFrame], style: str
) -> None:
    layout = style_layout(style).with_probe("linear")
    results = Results.from_frame(run())
    if run is undefined or (run is one_seed_failed and style == "ablation"):
        with pytest.raises(
            BenchError, match=r"the run has none of these tables.*(no task|none of the encoders)"
        ):
            make_tables(results, layout)
        return
    tables = make_tables(results, layout).tables
    assert all(": ," not in table.caption and "()" not in table.caption for table in tables)


def test_the_heading_of_a_board_without_tasks_says_so() -> None:
    board = Results.from_frame(undefined()).board("random", "linear")
    assert board.heading.startswith("no task with a score · random")
    assert r"\caption{No task with a score" in latex(board)


def test_unseen_classes_of_a_task_without_a_card_are_not_listed() -> None:
    run = frame(tasks=["elevation", "biomes"], seeds=[0])
    run = run.assign(
        task=run["task"].replace("biomes", "mine"), n_unseen=(run["task"] == "biomes") * 100
    )
    note = Results.from_frame(run).board("random", "linear").note
    assert "have no card: mine" in note
    assert "count as wrong" not in note
    both = pd.concat([run, frame(tasks=["biomes"], seeds=[0]).assign(n_unseen=100)])
    assert "count as wrong: Biomes 10%." in Results.from_frame(both).board("random", "linear").note
