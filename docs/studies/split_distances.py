"""Distances, sizes and unseen classes of the splits' folds: the tables of docs/splits.md.

python docs/studies/split_distances.py             # distances and training sets, elevation
python docs/studies/split_distances.py --classes   # test points of classes that are not trained on
python docs/studies/split_distances.py --nndm      # what nearest-neighbour-distance matching does
python docs/studies/split_distances.py --places    # test points that share their coordinates

All of seed 0; `--task` chooses another task for the distances, and `--data-dir` is the folder of
tables that do not ship with the repository, for one row of `--nndm`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.diagnostics.predictions import nearest_km
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import Fold, SplitInputs
from satclip_bench.benchmarks.splits.domain import prediction_domain
from satclip_bench.benchmarks.splits.nndm import candidate_foldings
from satclip_bench.benchmarks.splits.places import shared_places
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import OPEN_TASKS, Edition

SPLITS = (
    *("random", "random-grouped", "nndm", "checkerboard", "blocks.10", "buffered.10-500"),
    *("thinned.10-500", "labels.10", "few-shot", "latitude", "held-out-region"),
)
SEED = 0
NNDM_TASKS: tuple[tuple[str, Edition], ...] = (
    ("california_housing", "open"),
    ("air_temperature", "paper"),
    ("biomes", "open"),
    ("elevation", "open"),
    ("median_income", "open"),
)


def chosen_on(fold: Fold) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Training and validation rows of every fit that settings are chosen by."""
    if fold.inner:
        yield from ((inner.train, inner.validation) for inner in fold.inner)
    else:
        yield fold.train, fold.validation


def distances(task: str) -> Iterator[Sequence[str]]:
    """Median km to the nearest training point, and the size of the training sets, by split."""
    table = load_table(TaskSource(task))
    yield "split", "km, test", "km, inner validation", "training set", "inner training set"
    for split in SPLITS:
        try:
            folds = make_folds(TaskSource(task), split, SEED)
        except BenchError as error:
            yield split, str(error), "", "", ""
            continue
        test = [nearest_km(table.lonlat, fold.test, fold.train) for fold in folds]
        rounds = [pair for fold in folds for pair in chosen_on(fold)]
        validation = [nearest_km(table.lonlat, held_out, fitted) for fitted, held_out in rounds]
        yield (
            split,
            *(f"{np.median(np.concatenate(km)):.0f}" for km in (test, validation)),
            f"{np.mean([len(fold.train) for fold in folds]) / len(table):.0%}",
            f"{np.mean([len(fitted) for fitted, _ in rounds]) / len(table):.0%}",
        )


def unseen(tasks: Sequence[str] = ("ecoregions", "biomes")) -> Iterator[Sequence[str]]:
    """Fraction of the test points whose class is not in the training set, by split."""
    yield "split", *tasks
    for split in SPLITS:
        shares = []
        for task in tasks:
            target = load_table(TaskSource(task)).target
            known = [
                np.isin(target[fold.test], target[fold.train])
                for fold in make_folds(TaskSource(task), split, SEED)
            ]
            shares.append(f"{1 - np.concatenate(known).mean():.1%}")
        yield split, *shares


def matching(data_dir: Path | None) -> Iterator[Sequence[str]]:
    """Distances of nearest-neighbour-distance matching, by table."""
    yield "table", "clustered", "prediction km", "test km", "random folds km", "W", "W, random"
    for task, edition in NNDM_TASKS:
        try:
            table = load_table(TaskSource(task, edition, data_dir))
        except BenchError as error:
            yield f"{task} ({edition})", str(error), *[""] * 5
            continue
        inputs = SplitInputs.from_table(table, prediction_domain(table))
        foldings = candidate_foldings(inputs, SEED)
        best, random = min(foldings, key=lambda one: one.wasserstein_km), foldings[-1]
        yield (
            f"{task} ({edition})",
            "yes" if len(foldings) > 1 else "no",
            *(f"{np.median(km):.1f}" for km in (best.domain_km, best.test_km, random.test_km)),
            f"{best.wasserstein_km:.1f}",
            f"{random.wasserstein_km:.1f}",
        )


def places() -> Iterator[Sequence[str]]:
    """Test points at the coordinates of a training or validation point, by task and split."""
    yield "task", *SPLITS
    for task in OPEN_TASKS:
        lonlat = load_table(TaskSource(task)).lonlat
        row = []
        for split in SPLITS:
            try:
                folds = make_folds(TaskSource(task), split, SEED)
            except BenchError:
                row.append("not made")
                continue
            shared = sum(shared_places(lonlat, fold) for fold in folds)
            row.append(f"{shared:,} of {sum(len(fold.test) for fold in folds):,}")
        yield task, *row


def main() -> None:
    """Print the tables that were asked for, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--task", default="elevation")
    for name in ("classes", "nndm", "places"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--data-dir", type=Path)
    args = parser.parse_args()
    chosen: list[Iterable[Sequence[str]]] = [
        rows
        for asked, rows in (
            (args.classes, unseen()),
            (args.nndm, matching(args.data_dir)),
            (args.places, places()),
        )
        if asked
    ]
    for rows in chosen or [distances(args.task)]:
        for number, row in enumerate(rows):
            print("| " + " | ".join(row) + " |", flush=True)
            if not number:
                print("|---" * len(row) + "|", flush=True)


if __name__ == "__main__":
    main()
