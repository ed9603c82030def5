"""Make a finished run the committed results of a folder: its table and its bootstrap scores.

python docs/studies/committed_run.py results/runs/reference results/leaderboard
python docs/studies/committed_run.py results/runs/trees results/full --add

Tables and figures are then made from these two files and from `submissions/`, by `make report`.
With `--add`, the folder keeps its cells and gets those that only the run has, so that a long suite
can be run in parts, one after the other or on several machines.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from satclip_bench.benchmarks.runs.columns import REPLICATE_KEY
from satclip_bench.benchmarks.runs.committed import read_table
from satclip_bench.benchmarks.runs.committed_bootstrap import ADDED, write_bootstrap
from satclip_bench.benchmarks.runs.replicates import load_replicates
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.tidy import frame_bytes
from satclip_bench.core.files import atomic_write

ORDER = ["task", "edition", "encoder", "split", "fold", "probe", "seed", "protocol", "metric"]
"""Columns that sort a table as the store does, which compares seeds as text."""


def main() -> None:
    """Write the table, and the bootstrap scores beside it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("folder", type=Path, help="folder of the committed results")
    parser.add_argument("--add", action="store_true", help="keep the cells of the folder")
    options = parser.parse_args()
    store = Store(options.run)
    replicates = load_replicates(store)
    if replicates is None:
        parser.error(f"{options.run} has no predictions to draw bootstrap scores from")
    frame = read_table(store.table_path)
    table = options.folder / store.table_path.name
    added = sorted(options.folder.glob(ADDED))
    if options.add and table.is_file():
        before = read_table(table)
        new = frame[~frame["key"].isin(before["key"])]
        if set(_cells(new)) & set(_cells(before)):
            parser.error(f"{options.folder} has other versions of some cells: replace all of it")
        if not new.empty:
            file = ADDED.replace("*", str(len(added) + 2))
            write_bootstrap(options.folder, new, replicates, file)
        frame = pd.concat([before, new], ignore_index=True)
        order = frame.assign(seed=frame["seed"].astype(str)).sort_values(ORDER).index
        frame = frame.loc[order]
    else:
        options.folder.mkdir(parents=True, exist_ok=True)
        write_bootstrap(options.folder, frame, replicates)
        for file in added:
            file.unlink()
    with atomic_write(table) as stream:
        stream.write(frame_bytes(frame))


def _cells(frame: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    return frame[REPLICATE_KEY].itertuples(index=False, name=None)


if __name__ == "__main__":
    main()
