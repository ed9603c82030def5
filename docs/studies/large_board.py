"""Time and memory of boards of hundreds of encoders and dozens of tasks.

    python docs/studies/large_board.py
    python docs/studies/large_board.py 50 20 2 5 200

prints the seconds, of the processor and by the clock, of each step of the reports of a synthetic
run, by default of 200 encoders, 60 tasks, 5 splits and 10 seeds with 1,000 bootstrap scores for
each cell. The numbers of encoders, tasks, splits, seeds and bootstrap scores can be given in this
order.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.metrics.replicates import Replicates, RunReplicates
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.runs.columns import COLUMNS, REPLICATE_KEY
from satclip_bench.tasks import TaskCard, task_card

BASELINES = ("baseline.mean", "baseline.knn")
SPLITS = ("random", "blocks.1", "blocks.10", "blocks.20", "blocks.30")
TEST_POINTS = 1000
LOSS_OF_REFERENCE = 4.0
"""Mean squared error of the training mean at a test point."""
PROBE = "linear"


@dataclass(frozen=True)
class Size:
    """Numbers of encoders (baselines included), tasks, splits, seeds and bootstrap scores."""

    encoders: int = 200
    tasks: int = 60
    splits: int = 5
    seeds: int = 10
    replicates: int = 1000


def cards(size: Size) -> dict[str, TaskCard]:
    """Cards of the tasks: copies of that of elevation under other names."""
    card = task_card("elevation")
    names = (f"task{i:02}" for i in range(size.tasks))
    return {name: card.model_copy(update={"name": name, "title": name}) for name in names}


def make_cells(size: Size, split: str, rng: np.random.Generator) -> pd.DataFrame:
    """The cells of a split, one row each, with their R2 and the columns that name them.

    Encoders differ in quality, and in what they are good at; the seeds of a task shift all alike.
    """
    encoders = [*BASELINES, *(f"encoder{i:03}" for i in range(size.encoders - len(BASELINES)))]
    shape = (size.tasks, size.encoders, size.seeds)
    quality = np.linspace(0.2, 0.8, size.encoders)[:, None]
    score = quality + 0.1 * rng.standard_normal((size.tasks, size.encoders, 1))
    score = score + 0.02 * rng.standard_normal((size.tasks, 1, size.seeds))
    score = np.minimum(score + 0.01 * rng.standard_normal(shape), 0.99)
    labels = [list(cards(size)), encoders, range(size.seeds)]
    index = pd.MultiIndex.from_product(labels, names=["task", "encoder", "seed"])
    cells = pd.Series(score.ravel(), index, name="r2").reset_index()
    baseline = cells["encoder"].isin(BASELINES)
    return cells.assign(split=split, fold="0", probe=np.where(baseline, "none", PROBE))


def make_frame(cells: pd.DataFrame) -> pd.DataFrame:
    """The tidy table of cells, with the metrics that boards are made from."""
    r2 = cells["r2"].to_numpy()
    reference = np.sqrt(LOSS_OF_REFERENCE)
    values = {
        "r2": r2,
        "rmse": reference * np.sqrt(1 - r2),
        "reference_rmse": np.full(len(r2), reference),
        "mae": 0.8 * reference * np.sqrt(1 - r2),
        "skill": r2,
    }
    rows = pd.concat([cells.assign(metric=name, value=v) for name, v in values.items()])
    texts = {"task_type": "regression", "edition": "open", "interval": "places", "status": "done"}
    texts |= {"best_params": "{}", "protocol": "synthetic/1"}
    numbers = {"low": 0.0, "high": 1.0, "converged": True, "n_train": 3000}
    constant: dict[str, str | float] = {
        name: "" if dtype == "str" else 0 for name, dtype in COLUMNS.items()
    }
    constant |= {**texts, **numbers, "n_test": TEST_POINTS}
    missing = {name: value for name, value in constant.items() if name not in rows}
    rows = rows.assign(**(missing | {"encoder_title": rows["encoder"]}))
    return rows[list(COLUMNS)].astype(COLUMNS).reset_index(drop=True)


def make_replicates(cells: pd.DataFrame, count: int, rng: np.random.Generator) -> RunReplicates:
    """Bootstrap scores of cells: noise of the points that the encoders of a task and seed share."""
    places = cells.groupby(["task", "seed"], sort=False).ngroup().to_numpy()
    r2 = cells["r2"].to_numpy()[:, None]
    shared = 0.03 * rng.standard_normal((places.max() + 1, count), dtype=np.float32)
    noise = shared[places] + 0.01 * rng.standard_normal((len(cells), count), dtype=np.float32)
    index = pd.MultiIndex.from_frame(cells[REPLICATE_KEY])
    reference = np.full(noise.shape, TEST_POINTS * LOSS_OF_REFERENCE)
    score = r2 + noise
    return RunReplicates(
        score=Replicates(score, index),
        loss=Replicates((1 - score) * reference, index),
        reference=Replicates(reference, index),
    )


@dataclass
class Stopwatch:
    """Seconds of all steps, of the processor and by the clock."""

    processor: float = 0.0
    clock: float = 0.0

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Add and print the seconds of a block."""
        processor, clock = time.process_time(), time.perf_counter()
        yield
        processor, clock = time.process_time() - processor, time.perf_counter() - clock
        self.processor += processor
        self.clock += clock
        print(line(what, processor, clock), flush=True)


def line(what: str, processor: float, clock: float) -> str:
    """A line of the table of seconds."""
    return f"| {what} | {processor:.1f} | {clock:.1f} |"


def main(size: Size) -> None:
    """Print the seconds of each step."""
    rng = np.random.default_rng(0)
    by_split = {split: make_cells(size, split, rng) for split in SPLITS[: size.splits]}
    frame = make_frame(pd.concat(by_split.values()))
    titles = dict(zip(frame["encoder"], frame["encoder_title"], strict=True))
    print(f"{len(frame):,} rows, {size}\n\n| step | seconds | by the clock |\n|---|---:|---:|")
    stopwatch = Stopwatch()
    without = Results(frame, cards(size), titles)
    with stopwatch.step("boards without bootstrap scores"):
        for split in by_split:
            without.board(split, PROBE)
    for split, cells in by_split.items():
        # One split at a time: the bootstrap scores of all would not fit into memory.
        replicates = make_replicates(cells, size.replicates, rng)
        results = Results(frame, cards(size), titles, replicates)
        with stopwatch.step(f"board of {split} with intervals"):
            results.board(split, PROBE)
        with stopwatch.step(f"ratings of {split}"):
            results.ranks(split, PROBE)
    print(line("all of these", stopwatch.processor, stopwatch.clock))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\nPeak memory: {peak:.1f} GB")


if __name__ == "__main__":
    main(Size(*map(int, sys.argv[1:])))
