"""The table of docs/tasks.md on the orders of encoders: are they the same on other tasks?

    python docs/studies/task_orders.py

reads the committed results of the suites `open` and `open-wide`, random splits with the linear
probe. `page_boards.py` writes the table into the page.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from satclip_bench.tasks import OPEN_TASKS, SHIPPED_TASKS, WIDE_TASKS

RESULTS = Path(__file__).parents[2] / "results"
RUNS = ("leaderboard", "wide")
"""Committed runs whose orders of encoders are compared."""
BASELINES = "baseline."


def main() -> None:
    """Print the table in Markdown."""
    print(order_table())


def order_table() -> str:
    """A Markdown table of rank correlations between the tasks outside the paper and its own.

    Spearman's correlations of the encoders' scores, means over all seeds, and the best encoder of
    each task. Encoders without a score on every task are left out, and so are baselines.
    """
    frame = pd.concat([pd.read_parquet(RESULTS / run / "results.parquet") for run in RUNS])
    chosen = frame[
        (frame["split"] == "random")
        & (frame["probe"] == "linear")
        & ~frame["encoder"].str.startswith(BASELINES)
        & frame["metric"].isin(["r2", "accuracy"])
    ]
    scores = chosen.pivot_table(index="encoder", columns="task", values="value").dropna()
    scores = scores[[task for task in SHIPPED_TASKS if task in scores.columns]]
    correlations = scores.corr(method="spearman")
    columns = [task for task in OPEN_TASKS if task in scores]
    lines = [f"| | {' | '.join(columns)} | best encoder |", "|---" * (len(columns) + 2) + "|"]
    for task in (task for task in WIDE_TASKS if task in scores):
        best = f"{scores[task].idxmax()} {scores[task].max():.3f}"
        cells = [f"{correlations[task][other]:.2f}" for other in columns]
        lines.append(f"| {task} | {' | '.join([*cells, best])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
