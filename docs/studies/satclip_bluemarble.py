"""The tables of docs/satclip-bluemarble.md: score differences to other encoders, with intervals.

    python docs/studies/satclip_bluemarble.py

reads the committed results of `results/leaderboard`. Scores are those that the boards rank by: R2
and accuracy under random splits, skill pooled over folds under held-out region. The 95 % intervals
are from the bootstrap whose draws all encoders share. `page_boards.py` writes the tables into the
page.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.metrics.replicates import Replicates, RunReplicates
from satclip_bench.benchmarks.ranking.by_task import columns_by_task
from satclip_bench.benchmarks.ranking.pooling import ranked_metrics
from satclip_bench.benchmarks.ranking.ranking import Ranking, rank
from satclip_bench.benchmarks.runs.committed import read_table
from satclip_bench.benchmarks.runs.committed_bootstrap import read_bootstrap
from satclip_bench.benchmarks.runs.suites import REGIONAL_TASKS
from satclip_bench.tasks import task_card

OURS = ("satclip-bluemarble.l10", "satclip-bluemarble.l40")
OTHERS = ("harmonics.l10", "wrap", "direct", "geoclip", "baseline.gp")
SPLITS = ("random", "held-out-region")
PROBE = "linear"
FOLDER = Path(__file__).parents[2] / "results" / "leaderboard"


def main() -> None:
    """Print the tables in Markdown."""
    for split, table in difference_tables().items():
        print(f"{split}\n\n{table}\n")


def difference_tables() -> dict[str, str]:
    """Markdown tables of the differences to other encoders, task by task, by split."""
    frame = read_table(FOLDER / "results.parquet")
    replicates = read_bootstrap(FOLDER, frame)
    return {split: _table(frame, replicates, split) for split in SPLITS}


def _table(frame: pd.DataFrame, replicates: RunReplicates | None, split: str) -> str:
    of_tasks = {task: task_card(task).metric for task in REGIONAL_TASKS}
    metrics = ranked_metrics(frame, of_tasks, split)
    ranking = rank(frame, metrics, split, PROBE, replicates)
    titles = [task_card(task).title for task in REGIONAL_TASKS]
    lines = [f"| encoder minus other | {' | '.join(titles)} |", "|---|" + "---:|" * len(titles)]
    for encoder in OURS:
        for other in OTHERS:
            cells = [marked(*difference(ranking, task, encoder, other)) for task in REGIONAL_TASKS]
            name = f"{encoder.partition('.')[2]} minus {other}"
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def difference(ranking: Ranking, task: str, encoder: str, other: str) -> tuple[float, float, float]:
    """Difference of two encoders' mean scores on a task, and the ends of its 95 % interval."""
    if ranking.replicates is None:
        raise SystemExit("the results have no bootstrap scores to take intervals from")
    seeds = columns_by_task(ranking.by_seed.columns)[task]
    ours, others = ranking.by_seed.index.get_indexer(pd.Index([encoder, other]))
    scores = ranking.replicates.of_columns(seeds).mean(axis=1)
    low, high = Replicates(scores[ours] - scores[others]).interval()
    gap = float(np.subtract(*ranking.by_seed.loc[[encoder, other]].iloc[:, seeds].mean(axis=1)))
    return gap, float(low), float(high)


def marked(gap: float, low: float, high: float) -> str:
    """A difference with its interval: in bold if that is above zero, in italics if below.

    >>> marked(0.2, 0.1, 0.3)
    '**+0.20** [+0.10, +0.30]'
    """
    mark = "**" if low > 0 else "*" if high < 0 else ""
    return f"{mark}{gap:+.2f}{mark} [{low:+.2f}, {high:+.2f}]"


if __name__ == "__main__":
    main()
