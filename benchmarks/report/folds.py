"""Scores of single folds: the median and the worst of each board, and region by region."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.report.board import Board, Row
from satclip_bench.benchmarks.report.markdown import escape_markdown, table_lines
from satclip_bench.benchmarks.report.notes import submitted_note
from satclip_bench.benchmarks.report.text_table import TextTable, task_table
from satclip_bench.benchmarks.report.wording import DASH, number
from satclip_bench.benchmarks.runs.columns import CELL
from satclip_bench.tasks import TaskCard


def unit(split: str) -> str:
    """What a fold of a split is called: a region, or a fold."""
    return "region" if split == "held-out-region" else "fold"


def folds_table(board: Board) -> TextTable | None:
    """Median and worst fold of every encoder and task; None for a board of single folds.

    A fold's score is its mean over the seeds that are done.
    """
    if board.folds < 2:
        return None
    name = unit(board.split)
    return task_table(
        board,
        "folds",
        f"Median and worst {name}",
        {card.name: _medians_and_worst(board, card) for card in board.tasks},
        (
            f"Median over the {name}s, then the {name} with the lowest score; each is the score of "
            "a single one, against the same reference as the pooled score."
            if board.shows_skill
            else f"Median over the {name}s, then the {name} with the lowest score.",
            submitted_note(board.ranking.rows),
            board.edition_note,
        ),
    )


def _of_task(board: Board, card: TaskCard) -> pd.DataFrame:
    """Scores of a task, encoder x fold."""
    return pd.DataFrame(board.ranking.by_fold.xs(card.name, axis=1, level="task"))


def _medians_and_worst(board: Board, card: TaskCard) -> dict[str, str]:
    """Texts of one task by encoder."""
    scores = _of_task(board, card)
    pairs = zip(scores.index, scores.median(axis=1), scores.min(axis=1), strict=True)
    return {
        str(encoder): DASH if np.isnan(median) else f"{number(median)} / {number(worst)}"
        for encoder, median, worst in pairs
    }


def regions(board: Board) -> str:
    """Held-out regions one by one, as Markdown.

    For each task, encoders x regions: the score of the board, the sizes of the regions with the
    standard deviation of their targets, and R2 within each region.
    """
    rows = board.ranking.rows
    lines = [f"# Held-out regions one by one, probe `{board.probe}`"]
    for card, sign in zip(board.tasks, board.metrics, strict=True):
        of_task = rows[(rows["task"] == card.name) & (rows["status"] == "done")]
        table = _of_task(board, card)
        folds = [str(fold) for fold in table.columns]
        lines += ["", f"## {escape_markdown(f'{card.title} ({sign})')}", ""]
        body = [_line(row, table) for row in board.rows]
        lines += table_lines(_head(folds), [*body, *_sizes(of_task, folds)])
        if board.shows_skill and card.task_type == "regression":
            within = _within(of_task).reindex(columns=folds)
            lines += ["", "R² within the region, against its own mean:", ""]
            lines += table_lines(_head(folds), [_line(row, within) for row in board.rows])
    notes = [board.subtitle, "Mean over the seeds that are done.", *_notes(board)]
    note = " ".join(filter(None, [*notes, submitted_note(rows), board.edition_note]))
    return "\n".join([*lines, "", escape_markdown(note)]) + "\n"


def _notes(board: Board) -> Iterable[str]:
    if board.shows_skill and any(card.task_type == "regression" for card in board.tasks):
        yield (
            "R² within a region compares with the mean of the region itself, which no model "
            "without labels from there knows; where the target varies little it is far below zero."
        )


def _head(folds: Sequence[str]) -> list[str]:
    return ["Encoder", *map(escape_markdown, folds)]


def _line(row: Row, table: pd.DataFrame) -> list[str]:
    title = escape_markdown(row.title)
    values = table.reindex([row.name]).to_numpy(dtype=np.float64)[0]
    return [
        f"*{title}*" if row.baseline else title,
        *(escape_markdown(number(float(value))) for value in values),
    ]


def _within(of_task: pd.DataFrame) -> pd.DataFrame:
    """R2 of each fold against its own mean, encoder x fold, mean over seeds."""
    own = of_task[of_task["metric"] == "r2"]
    return own.groupby(["encoder", "fold"])["value"].mean().unstack("fold")  # noqa: PD010


def _sizes(of_task: pd.DataFrame, folds: list[str]) -> list[list[str]]:
    """Lines of the numbers of test points, and of what their targets are like."""
    counts = of_task.groupby("fold")[["n_test", "n_unseen"]].max().reindex(folds)
    lines = [["*test points*", *map(_count, counts["n_test"])]]
    if (counts["n_unseen"] > 0).any():
        lines.append(["*of unseen classes*", *map(_count, counts["n_unseen"])])
    deviations = target_deviations(of_task).reindex(folds)
    if deviations.notna().any():
        texts = (DASH if np.isnan(value) else f"{value:.3g}" for value in deviations)
        lines.append(["*standard deviation of the target*", *texts])
    return lines


def target_deviations(of_task: pd.DataFrame) -> pd.Series[float]:
    """Standard deviation of the target (ddof 0) in each fold of a regression, from its scores.

    R2 = 1 - RMSE^2 / variance, so that every encoder's scores give the same variance. NaN where R2
    is not defined, because the target does not vary.

    Args:
        of_task: rows of the tidy table for one task and split, all metrics.
    """
    scores = of_task[of_task["metric"].isin(["r2", "rmse"])]
    by_cell = scores.set_index(["encoder", *CELL, "metric"])["value"]
    wide = by_cell.unstack("metric")  # noqa: PD010
    wide = wide.reindex(columns=["r2", "rmse"])
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = wide["rmse"] / np.sqrt(1 - wide["r2"])
    finite = pd.Series(deviation.replace([np.inf], np.nan))
    return finite.groupby(level="fold").median()


def _count(value: float) -> str:
    return DASH if np.isnan(value) else f"{value:.0f}"
