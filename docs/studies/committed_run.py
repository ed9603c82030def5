"""Make a finished run the committed results of a folder: its table and its bootstrap scores.

python docs/studies/committed_run.py results/runs/reference results/leaderboard

Tables and figures are then made from these two files and from `submissions/`, by `make report`.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from satclip_bench.benchmarks.runs.committed import read_table
from satclip_bench.benchmarks.runs.committed_bootstrap import write_bootstrap
from satclip_bench.benchmarks.runs.replicates import load_replicates
from satclip_bench.benchmarks.runs.store import Store


def main() -> None:
    """Copy the table, and write the bootstrap scores beside it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("folder", type=Path, help="folder of the committed results")
    options = parser.parse_args()
    store = Store(options.run)
    replicates = load_replicates(store)
    if replicates is None:
        parser.error(f"{options.run} has no predictions to draw bootstrap scores from")
    options.folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(store.table_path, options.folder / store.table_path.name)
    write_bootstrap(options.folder, read_table(store.table_path), replicates)


if __name__ == "__main__":
    main()
