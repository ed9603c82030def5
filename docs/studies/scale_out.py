"""How long runs take on 2 to 512 cores, from measured durations and a simulation.

    python docs/studies/scale_out.py results/runs/open

reads the durations in the records of a run of the suite `open`. It prints the work of each split
and probe; the costs that `benchmarks/runs/costs.py` holds, fitted to them; how long the cells take
on several numbers of workers, and which share of that time workers wait, if they start in the order
of the plan, with the longest expected cells first, and with the longest true ones; and the time and
the machines for larger boards and for a billion points, from the same costs and
`results/speed.json`.
"""

from __future__ import annotations

import argparse
import heapq
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields, replace
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE
from satclip_bench.benchmarks.runs.costs import CellSize, Cost, expected_seconds, longest_first
from satclip_bench.benchmarks.runs.plan import Selection, fold_sizes, make_plan
from satclip_bench.benchmarks.runs.record import Record, Settings
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import (
    FULL_ENCODERS,
    GLOBAL_TASKS,
    NO_SEED,
    REGIONAL_TASKS,
    SEEDS,
    Block,
    Suite,
    get_suite,
)
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.encoders import get_encoder
from satclip_bench.tasks import OPEN_TASKS

WORKERS = (2, 4, 8, 16, 32, 64, 128, 512)
SPEED = Path("results/speed.json")
SPEED_CORES = 2
"""Cores that the encoders of `results/speed.json` were timed on."""

SUITES = (
    *("open", "open-spatial", "open-wide", "open-probes"),
    *("open-labels", "open-blocks", "open-full"),
)
"""Suites whose expected time is printed."""

FOUR_PROBES = ("linear", "knn", "mlp", "lightgbm")

BILLION = 1_000_000_000
LARGE_COLUMNS = 256
"""Columns of each encoder of the large board."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the costs, the simulation and the extrapolations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--suite", default="open", help="the run's suite (default: open)")
    options = parser.parse_args(argv)
    records = [r for r in Store(options.run).read().records if r.status == "done"]
    sizes = [size_of(record.settings) for record in records]
    print_parts(records)
    print_costs(records, sizes)
    print_simulation(records, options.suite)
    print_suites()
    print_large_board(records, sizes)
    print_billion()
    return 0


def seconds_of(record: Record) -> float:
    """Duration of a cell: its fit, prediction and scoring."""
    return record.provenance.seconds_fit + record.provenance.seconds_predict


def method_of(settings: Settings) -> str:
    """Name of the probe, or of the baseline."""
    return settings.encoder if settings.probe == BASELINE_PROBE else settings.probe


def size_of(settings: Settings) -> CellSize:
    """Rows, columns, classes and fits of a cell."""
    source = TaskSource(settings.task)
    folds = make_folds(source, settings.split, settings.seed)
    names = [fold.name for fold in folds]
    size = fold_sizes(load_table(source), folds)[names.index(settings.fold)]
    if settings.probe == BASELINE_PROBE:
        return size
    return replace(size, columns=get_encoder(settings.encoder).card.dimension)


def print_parts(records: Sequence[Record]) -> None:
    """Print the work of each split and probe, and its longest cell."""
    rows: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        rows[record.settings.split, method_of(record.settings)].append(record)
    print("| split | probe | cells | core hours | mean, s | longest, s | longest cell |")
    print("|---|---|---:|---:|---:|---:|---|")
    for (split, method), of_method in sorted(rows.items()):
        seconds = [seconds_of(record) for record in of_method]
        s = max(of_method, key=seconds_of).settings
        print(
            f"| `{split}` | `{method}` | {len(seconds):,} | {sum(seconds) / 3600:.2f} | "
            f"{np.mean(seconds):.2f} | {max(seconds):.1f} | {s.task} {s.encoder} {s.fold} |"
        )


def print_costs(records: Sequence[Record], sizes: Sequence[CellSize]) -> None:
    """Print the costs of every method by non-negative least squares, and how well they fit."""
    by_method: defaultdict[str, list[int]] = defaultdict(list)
    for i, record in enumerate(records):
        by_method[method_of(record.settings)].append(i)
    names = [field.name for field in fields(Cost)]
    unit = [Cost(**{name: 1.0}) for name in names]
    for method, rows in sorted(by_method.items()):
        measured = np.array([seconds_of(records[i]) for i in rows])
        terms = np.array([[cost.seconds(sizes[i]) for cost in unit] for i in rows])
        # Weights between those of absolute and of relative errors.
        weight = 1 / np.sqrt(np.maximum(measured, 0.02))
        scale = terms.max(axis=0)
        coefficients, _ = nnls(terms / scale * weight[:, None], measured * weight)
        cost = Cost(*map(float, coefficients / scale))
        expected = np.array([cost.seconds(sizes[i]) for i in rows])
        held = np.array([expected_seconds(method, sizes[i]) for i in rows])
        text = ", ".join(f"{n}={v:.2g}" for n, v in zip(names, astuple(cost), strict=True) if v)
        print(
            f"{method}: {len(rows)} cells, {measured.sum():.0f} s, median error "
            f"x{error(expected, measured):.2f} (costs.py: x{error(held, measured):.2f}): {text}"
        )


def error(expected: np.ndarray, measured: np.ndarray) -> float:
    """Median factor between expected and measured durations of cells above .1 s, or of all."""
    long = measured > 0.1 if (measured > 0.1).any() else measured > 0
    return float(np.exp(np.median(np.abs(np.log(expected[long] / measured[long])))))


def print_simulation(records: Sequence[Record], suite: str) -> None:
    """Print times and idle shares of a run on several numbers of workers and in three orders."""
    measured = {record.settings.identity: seconds_of(record) for record in records}
    plan = [c for c in make_plan(get_suite(suite), Selection()) if c.settings.identity in measured]
    by_plan = [measured[cell.settings.identity] for cell in plan]
    ordered = longest_first(plan, lambda cell: cell.expected_seconds)
    expected = [measured[cell.settings.identity] for cell in ordered]
    total = sum(by_plan)
    print(f"\n{len(plan)} cells, {total:.0f} s in all, the longest {max(by_plan):.0f} s")
    print("| workers | order of the plan | idle | longest first | idle | true order | idle |")
    for workers in WORKERS:
        row = [f"{workers}"]
        for order in (by_plan, expected, sorted(by_plan, reverse=True)):
            time = makespan(order, workers)
            row += [f"{time:.0f} s", f"{100 * (1 - total / workers / time):.1f} %"]
        print("| " + " | ".join(row) + " |")


def makespan(seconds: Iterable[float], workers: int) -> float:
    """Time after which all cells are done, if each free worker takes the next one.

    >>> makespan([1, 1, 2], workers=2), makespan([2, 1, 1], workers=2)
    (3.0, 2.0)
    """
    free = [0.0] * workers
    for duration in seconds:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)


def print_suites() -> None:
    """Print the expected time of suites."""
    print()
    for suite in (*map(get_suite, SUITES), whole_grid(NO_SEED), whole_grid(SEEDS)):
        cells = make_plan(suite, Selection())
        order = [c.expected_seconds for c in longest_first(cells, lambda c: c.expected_seconds)]
        times = ", ".join(f"{w} cores {makespan(order, w) / 60:.1f} min" for w in WORKERS)
        work = f"{sum(order) / 3600:.2f} core hours expected"
        print(f"{suite.name}: {len(cells)} cells, {work}: {times}")


def whole_grid(seeds: tuple[int, ...]) -> Suite:
    """Four probes under four splits, with every encoder that needs no download.

    Args:
        seeds: seeds of all splits but `random`, which has five.
    """

    def block(tasks: tuple[str, ...], split: str, seeds: tuple[int, ...]) -> Block:
        return Block(
            tasks=tasks,
            encoders=FULL_ENCODERS,
            splits=(split,),
            probes=FOUR_PROBES,
            seeds=seeds,
        )

    return Suite(
        name=f"four probes, four splits, seeds {', '.join(map(str, seeds))}",
        title="The whole grid",
        description="",
        blocks=(
            block(OPEN_TASKS, "random", SEEDS),
            block(REGIONAL_TASKS, "held-out-region", seeds),
            block(GLOBAL_TASKS, "blocks.10", seeds),
            block(GLOBAL_TASKS, "buffered.10-500", seeds),
        ),
    )


def print_large_board(records: Sequence[Record], sizes: Sequence[CellSize]) -> None:
    """Print the time of 1,000 encoders x 100 tasks that are like those of the run.

    Each encoder has 256 columns, the linear probe on ten random splits, and all held-out regions.
    Nothing is printed of a run without the linear probe.
    """
    of_encoder: dict[tuple[str, ...], CellSize] = {}
    for record, size in zip(records, sizes, strict=True):
        s = record.settings
        if s.probe == "linear":
            of_encoder[s.task, s.split, s.fold, str(s.seed)] = replace(size, columns=LARGE_COLUMNS)
    if not of_encoder:
        return
    tasks = len({task for task, *_ in of_encoder})
    per_task = sum(expected_seconds("linear", size) for size in of_encoder.values()) / tasks
    rows = np.mean([len(load_table(TaskSource(t))) for t in {task for task, *_ in of_encoder}])
    hours = 1000 * 100 * per_task / 3600
    embedded = 1000 * 100 * rows * LARGE_COLUMNS * 4 / 1e12
    print(
        f"\n1,000 encoders x 100 tasks: {len(of_encoder) / tasks:.0f} cells and {per_task:.0f} s "
        f"for each encoder and task, {hours:.0f} core hours in all, "
        + ", ".join(f"{hours / cores:.1f} h on {cores} cores" for cores in (2, 64, 512))
        + f"; all embeddings {embedded:.1f} TB"
    )


def print_billion() -> None:
    """Print the time and the bytes of a billion points, by the encoders that were timed."""
    print()
    for timed in json.loads(SPEED.read_text())["encoders"]:
        hours = BILLION / timed["points_per_second"] / 3600
        columns = get_encoder(timed["encoder"]).card.dimension
        print(
            f"a billion points by {timed['encoder']}: {hours * SPEED_CORES:.0f} core hours, "
            f"{hours:.1f} h on {SPEED_CORES} cores, {hours * SPEED_CORES / 64 * 60:.0f} min on 64, "
            f"{BILLION * columns * 4 / 1e12:.1f} TB of float32"
        )


if __name__ == "__main__":
    raise SystemExit(main())
