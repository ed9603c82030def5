"""The table in docs/satclip-bluemarble.md: score differences to other encoders, with intervals.

    make spatial && python docs/studies/satclip_bluemarble.py results/runs/spatial

The table has means over folds, where scores below -1 count as -1, and 95 % intervals from the
bootstrap of blocks that all encoders share.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.runs.replicates import load_replicates
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import WIDE_TASKS
from satclip_bench.tasks import task_card

OURS = ("satclip-bluemarble.l10", "satclip-bluemarble.l40")
OTHERS = ("siren.l10", "siren.l40", "harmonics.l10", "wrap", "direct", "geoclip")
SPLITS = ("random", "blocks.10", "held-out-region")
WORST = -1.0


def main(folder: Path) -> None:
    """Print the table in Markdown."""
    store = Store(folder)
    print("| | split | against |", " | ".join(task_card(t).title for t in WIDE_TASKS), "|")
    print("|---|---|---|" + "---:|" * len(WIDE_TASKS))
    for split in SPLITS:
        replicates = bootstrap_scores(store, split)
        scores = {
            (r.settings.task, r.settings.seed, r.settings.fold, r.settings.encoder): value
            for r in store.records()
            if r.settings.split == split and (value := r.scores.get(r.metric)) is not None
        }
        for encoder in OURS:
            for other in OTHERS:
                cells = []
                for task in WIDE_TASKS:
                    keys = [k[1:3] for k in scores if k[0] == task and k[3] == encoder]
                    gaps = [
                        max(scores[task, *k, encoder], WORST) - max(scores[task, *k, other], WORST)
                        for k in keys
                    ]
                    ours, others = (
                        replicates.xs((task, e), level=("task", "encoder")).to_numpy()
                        for e in (encoder, other)
                    )
                    low, high = np.nanpercentile(np.nanmean(ours - others, axis=0), (2.5, 97.5))
                    mark = "**" if low > 0 else "*" if high < 0 else ""
                    cells.append(f"{mark}{np.mean(gaps):+.2f}{mark} [{low:+.2f}, {high:+.2f}]")
                print(
                    f"| {encoder.partition('.')[2]} | {split} | {other} |", " | ".join(cells), "|"
                )


def bootstrap_scores(store: Store, split: str) -> pd.DataFrame:
    """Scores in every replicate, not below `WORST`, one row per cell."""
    replicates = load_replicates(store, split, "linear")
    if replicates is None:
        raise SystemExit(f"the run has no predictions of the split {split!r}")
    return pd.DataFrame(replicates.score.clipped(WORST).scores, replicates.score.index)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
