"""Committed scores of an encoder or baseline, for its page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from reference_pages.markdown import prose, table
from satclip_bench.benchmarks.report.board import Score
from satclip_bench.benchmarks.report.wording import METRIC_SIGNS
from satclip_bench.tasks import task_card

SCORES = Path(__file__).parents[3] / "results" / "leaderboard" / "tables" / "scores.parquet"
"""Scores of the committed reference run, with intervals."""

_PROBE = "linear"
_BOARDS = {"random": "Random splits", "held-out-region": "Held-out regions"}


def score_sections(scores: pd.DataFrame) -> Mapping[str, str]:
    """Section with the scores of every encoder and baseline of the reference run, by name.

    Args:
        scores: table of scores, as a run's `tables/scores.parquet` has it.
    """
    return {str(name): _section(rows) for name, rows in scores.groupby("encoder", sort=False)}


def _section(rows: pd.DataFrame) -> str:
    shown = rows[rows["probe"].eq(_PROBE) & rows["split"].isin(list(_BOARDS))]
    cells: dict[str, dict[str, str]] = {}
    for row in shown.to_dict("records"):
        score = Score(row["mean"], row["std"], row["best"], row["tied"], row["low"], row["high"])
        text = f"{score.text()} {score.interval()} {METRIC_SIGNS[row['metric']]}"
        if row["best"] or row["tied"]:
            text = f"**{text}**"
        cells.setdefault(str(row["task"]), {})[str(row["split"])] = text.replace("[", r"\[")
    body = [
        [prose(task_card(task).title), *(of_task.get(split, "") for split in _BOARDS)]
        for task, of_task in cells.items()
    ]
    return (
        f"## Scores\n\n{table(['Task', *_BOARDS.values()], body)}\n\n"
        f"Board of the probe `{_PROBE}`, with 95 % intervals; bold: the best of the task, or tied "
        "with it. [The reference results](../../leaderboard.md) have the boards "
        "with all encoders and what the scores mean."
    )
