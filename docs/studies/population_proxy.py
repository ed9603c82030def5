"""The table in docs/tasks.md: is the order of methods the same on the proxy and on MOSAIKS points?

    python docs/studies/population_proxy.py FOLDER

FOLDER holds the paper edition's tables; `mosaiks/population.csv` is needed. As many of its points
are drawn as the open table has, because scores depend on the distance between labelled points.
Takes half a minute on two cores.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import satclip_bench as sb
from satclip_bench.tasks import get_task

TASK = "population_density"
METHODS = (
    *("baseline.gp", "baseline.idw", "baseline.knn", "harmonics.l40", "satclip-bluemarble.l10"),
    *("geoclip", "harmonics.l10", "wrap", "direct"),
)
SEEDS = (0, 1)
DRAWN_WITH = 0
"""Seed of the draw of MOSAIKS points."""


def main(folder: Path) -> None:
    """Print the table in Markdown: mean R2 over the seeds, on either table, and the ranks."""
    from scipy.stats import kendalltau

    open_table = get_task(TASK, "open", None).load()
    points = drawn(folder, len(open_table))
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "mosaiks.parquet"
        points.to_parquet(file)
        scores = pd.DataFrame(
            {"proxy": mean_scores(TASK), "MOSAIKS": mean_scores((file, "log_population"))}
        ).sort_values("proxy", ascending=False)
    ranks = scores.round(9).rank(ascending=False).astype(int)
    print("| | R² on the proxy | R² on MOSAIKS points | rank, proxy | rank, MOSAIKS |")
    print("|---|---:|---:|---:|---:|")
    of_both = zip(scores.index, scores.to_numpy(), ranks.to_numpy(), strict=True)
    for name, (proxy, mosaiks), (rank_proxy, rank_mosaiks) in of_both:
        print(f"| `{name}` | {proxy:.3f} | {mosaiks:.3f} | {rank_proxy} | {rank_mosaiks} |")
    print(f"Kendall's tau: {kendalltau(ranks['proxy'], ranks['MOSAIKS']).statistic:.2f}")


def drawn(folder: Path, rows: int) -> pd.DataFrame:
    """A random sample of the MOSAIKS points, as a table that `evaluate` reads."""
    table = get_task(TASK, "paper", folder).load()
    chosen = np.sort(np.random.default_rng(DRAWN_WITH).permutation(len(table))[:rows])
    longitude, latitude = table.lonlat[chosen].T
    return pd.DataFrame(
        {"longitude": longitude, "latitude": latitude, "log_population": table.target[chosen]}
    )


def mean_scores(task: str | tuple[Path, str]) -> pd.Series[float]:
    """Mean R2 over the seeds by method, under random splits with the linear probe."""
    frame = sb.evaluate(list(METHODS), tasks=[task], seeds=SEEDS, progress=False)
    failed = frame[frame["status"] == "failed"]
    if len(failed):
        raise SystemExit(f"{failed.iloc[0]['encoder']} failed: {failed.iloc[0]['reason']}")
    return frame[frame["metric"] == "r2"].groupby("encoder")["value"].mean()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
