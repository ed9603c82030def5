"""Make a finished run the committed results of a folder: its table and its bootstrap scores.

python docs/studies/committed_run.py results/runs/reference results/leaderboard
python docs/studies/committed_run.py results/runs/trees results/full --add

Tables and figures are then made from these two files and from `submissions/`, by `make report`.
With `--add`, cells that the folder has and the run does not are kept, so that a long suite can be
run in parts, one after the other or on several machines.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from satclip_bench.benchmarks.metrics.replicates import Replicates, RunReplicates
from satclip_bench.benchmarks.runs.columns import REPLICATE_KEY
from satclip_bench.benchmarks.runs.committed import read_table
from satclip_bench.benchmarks.runs.committed_bootstrap import read_bootstrap, write_bootstrap
from satclip_bench.benchmarks.runs.replicates import load_replicates
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.tidy import frame_bytes
from satclip_bench.benchmarks.submissions.board import joined
from satclip_bench.core.files import atomic_write

Results = tuple[pd.DataFrame, RunReplicates]

ORDER = ["task", "edition", "encoder", "split", "fold", "probe", "seed", "protocol", "metric"]
"""Columns that sort a table as the store does, which compares seeds as text."""


def main() -> None:
    """Write the table, and the bootstrap scores beside it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("folder", type=Path, help="folder of the committed results")
    parser.add_argument("--add", action="store_true", help="keep the folder's other cells")
    options = parser.parse_args()
    store = Store(options.run)
    replicates = load_replicates(store)
    if replicates is None:
        parser.error(f"{options.run} has no predictions to draw bootstrap scores from")
    results = read_table(store.table_path), replicates
    table = options.folder / store.table_path.name
    if options.add and table.is_file():
        before = read_table(table)
        kept = read_bootstrap(options.folder, before)
        if kept is None:
            parser.error(f"{options.folder} has no bootstrap scores that could be kept")
        results = combined((before, kept), results)
    options.folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(table) as stream:
        stream.write(frame_bytes(results[0]))
    write_bootstrap(options.folder, *results)


def combined(before: Results, new: Results) -> Results:
    """Results with the cells of both; of a cell that both have, the new ones."""
    cells = [frame[REPLICATE_KEY].apply(tuple, axis=1) for frame, _ in (before, new)]
    kept = before[0][~cells[0].isin(set(cells[1]))]
    if kept.empty:
        return new
    frame = pd.concat([kept, new[0]], ignore_index=True)
    order = frame[ORDER].assign(seed=frame["seed"].astype(str)).sort_values(ORDER).index
    rows = before[1].score.rows(pd.MultiIndex.from_frame(kept[REPLICATE_KEY].drop_duplicates()))
    scores = RunReplicates(
        *(
            Replicates(part.scores[rows], part.index[rows] if part.index is not None else None)
            for part in (before[1].score, before[1].loss, before[1].reference)
        )
    )
    both = joined(scores, new[1])
    assert both is not None  # noqa: S101
    return frame.loc[order].reset_index(drop=True), both


if __name__ == "__main__":
    main()
