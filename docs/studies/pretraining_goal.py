"""The tables of docs/pretraining.md that compare trained networks with wrap and untrained ones.

    python docs/studies/pretraining_goal.py
    python docs/studies/pretraining_goal.py results/pretrained/mine/encoder.safetensors

All global tasks of the suites open and open-wide under held-out-region with the linear probe. What
the folder of the run does not hold is computed first, about ten minutes of one core.

A difference is one of skill, pooled over regions, with the 95 % interval of the bootstrap of places
whose draws all encoders share. A task is won if the interval is above zero, and lost if it is
below. Without arguments the weights that ship are compared, else those of the files.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from satclip_bluemarble import OURS, difference, marked

from satclip_bench.benchmarks.commands.api import evaluate
from satclip_bench.benchmarks.ranking.pooling import SKILL
from satclip_bench.benchmarks.ranking.ranking import Ranking, rank
from satclip_bench.benchmarks.runs.replicates import load_replicates
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import GLOBAL_TASKS
from satclip_bench.benchmarks.runs.tidy import tidy_frame
from satclip_bench.encoders.satclip_retrained import TrainedSatCLIP
from satclip_bench.tasks import WIDE_TASKS, task_card

TASKS = (*GLOBAL_TASKS, *(task for task in WIDE_TASKS if task_card(task).extent == "global"))
OTHERS = ("wrap", "siren.l10", "siren.l40")
SPLIT, PROBE = "held-out-region", "linear"
RUN = Path("results/runs/pretraining-goal")


def main(files: Sequence[Path]) -> None:
    """Run what is missing, and print a table in Markdown for every network."""
    custom = [TrainedSatCLIP(f"trained.{path.parent.name}", path) for path in files]
    names = [encoder.card.name for encoder in custom] or list(OURS)
    evaluate([*(custom or OURS), *OTHERS], list(TASKS), SPLIT, PROBE, out=RUN)
    store = Store(RUN)
    frame = tidy_frame(store.records())
    frame = frame[frame["encoder"].isin([*names, *OTHERS])]
    metrics = dict.fromkeys(TASKS, SKILL)
    ranking = rank(frame, metrics, SPLIT, PROBE, load_replicates(store, SPLIT, PROBE))
    for name in names:
        show(ranking, name)


def show(ranking: Ranking, encoder: str) -> None:
    """Print the table of one encoder."""
    print(f"\n| {encoder} | skill |", " | ".join(f"less {other}" for other in OTHERS), "|")
    print("|---|---:|" + "---:|" * len(OTHERS))
    outcomes = np.zeros((len(OTHERS), 3), dtype=np.int64)
    for task in TASKS:
        cells = []
        for column, other in enumerate(OTHERS):
            gap, low, high = difference(ranking, task, encoder, other)
            outcomes[column] += [low > 0, low <= 0 <= high, high < 0]
            cells.append(marked(gap, low, high))
        skill = f"{ranking.mean[task][encoder]:.2f}"
        print("|", " | ".join([task_card(task).title, skill, *cells]), "|")
    totals = [" / ".join(map(str, outcome)) for outcome in outcomes.tolist()]
    print("| won / level / lost | |", " | ".join(totals), "|")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
