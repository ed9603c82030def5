"""A cell -> a record; nothing else."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.baselines import is_baseline, make_baseline
from satclip_bench.benchmarks.metrics.bootstrap import block_ids
from satclip_bench.benchmarks.metrics.intervals import (
    classification_intervals,
    regression_intervals,
)
from satclip_bench.benchmarks.metrics.scores import (
    TOP_K,
    classification_scores,
    rank_classes,
    regression_scores,
)
from satclip_bench.benchmarks.probes import make_probe
from satclip_bench.benchmarks.runs.plan import Cell
from satclip_bench.benchmarks.runs.record import Counts, Provenance, Record
from satclip_bench.benchmarks.runs.tables import load_table, make_folds
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import TaskTable

if TYPE_CHECKING:
    import pyarrow as pa

    from satclip_bench.benchmarks.splits import Fold

LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "lightgbm")


def run_cell(cell: Cell, embedding: Path | None) -> tuple[Record, pa.Table | None]:
    """Fit, predict and score one cell.

    Whatever goes wrong inside becomes a failed record with its reason; only an interrupt passes.

    Args:
        cell: what to run.
        embedding: the `.npy` file with the task's embedding; None for a baseline.

    Returns:
        The record, and the predictions on the test part (None for a failed cell).
    """
    if cell.problem:
        return failed(cell, cell.problem), None
    s = cell.settings
    try:
        with one_thread():
            table = load_table(cell.table)
            return _measure(cell, table, _fold(cell), _features(table, embedding))
    except BenchError as error:
        return failed(cell, str(error)), None
    except Exception as error:
        return failed(cell, f"probe {s.probe!r} raised {type(error).__name__}: {error}"), None


def failed(cell: Cell, reason: str) -> Record:
    """The record of a cell that could not be run."""
    card = cell.task_card
    return Record(
        key=cell.settings.key,
        settings=cell.settings,
        encoder_title=cell.encoder_title,
        contaminated=cell.contaminated,
        task_type=card.task_type,
        metric=card.metric,
        status="failed",
        reason=reason,
        provenance=provenance(),
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for BLAS, OpenMP and torch: the same bytes however many cells run beside."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def _fold(cell: Cell) -> Fold:
    s = cell.settings
    for fold in make_folds(cell.table, s.split, s.seed):
        if fold.name == s.fold:
            if fold.sha256 != s.fold_sha256:
                raise BenchError(f"fold {s.fold!r} is not the one that was planned")
            return fold
    raise BenchError(f"there is no fold {s.fold!r}")


def _features(table: TaskTable, embedding: Path | None) -> NDArray[Any]:
    if embedding is None:
        return table.lonlat
    return _load(embedding)


@lru_cache(maxsize=2)
def _load(embedding: Path) -> NDArray[np.float32]:
    array: NDArray[np.float32] = np.load(embedding, mmap_mode="r", allow_pickle=False)
    return array


def _measure(cell: Cell, table: TaskTable, fold: Fold, X: NDArray[Any]) -> tuple[Record, pa.Table]:
    import pyarrow as pa

    s, task_type, y = cell.settings, table.card.task_type, table.target
    estimator: Any = (
        make_baseline(s.encoder, task_type)
        if is_baseline(s.encoder)
        else make_probe(s.probe, task_type, s.seed)
    )
    start = time.perf_counter()
    estimator.fit(X[fold.train], y[fold.train], validation=(X[fold.validation], y[fold.validation]))
    fitted = time.perf_counter()
    target = y[fold.test]
    blocks = block_ids(table.lonlat[fold.test], table.card.extent)
    columns: dict[str, Any] = {
        "row": fold.test.astype(np.int32),
        "block": blocks.astype(np.int32),
    }
    if task_type == "regression":
        predicted = np.asarray(estimator.predict(X[fold.test]), dtype=np.float64)
        _require_finite(predicted)
        scores = regression_scores(target.astype(np.float64), predicted)
        intervals = regression_intervals(blocks, target.astype(np.float64), predicted)
        columns |= {"target": target.astype(np.float64), "prediction": predicted}
        unseen = 0
    else:
        trained = np.unique(y[fold.train]).astype(np.int64)
        probabilities = np.asarray(estimator.predict_proba(X[fold.test]))
        _require_finite(probabilities)
        classes = np.asarray(estimator.classes_, dtype=np.int64)
        truth = target.astype(np.int64)
        ranked, weight = rank_classes(probabilities, classes)
        own = _probability_of(truth, probabilities, classes)
        scores = classification_scores(truth, ranked, weight[:, 0], own, trained)
        intervals = classification_intervals(blocks, truth, ranked, weight[:, 0], own, trained)
        unseen = int((~np.isin(truth, trained)).sum())
        columns |= {
            "target": truth.astype(np.int32),
            "prediction": ranked[:, 0].astype(np.int32),
            "target_probability": own,
            "top_classes": _lists(ranked.astype(np.int32)),
            "top_probabilities": _lists(weight),
        }
    done = time.perf_counter()
    record = Record(
        key=s.key,
        settings=s,
        encoder_title=cell.encoder_title,
        contaminated=cell.contaminated,
        caveat=table.caveat,
        task_type=task_type,
        metric=table.card.metric,
        status="done",
        scores={name: None if np.isnan(v) else v for name, v in scores.items()},
        intervals=intervals,
        best_params=estimator.best_params_,
        counts=Counts(
            train=len(fold.train),
            validation=len(fold.validation),
            test=len(fold.test),
            unseen=unseen,
        ),
        provenance=provenance(fitted - start, done - fitted),
    )
    return record, pa.table(columns)


def _require_finite(values: NDArray[Any]) -> None:
    bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
    if len(bad):
        raise BenchError(f"the probe predicted values that are not finite for {len(bad)} points")


def _probability_of(
    truth: NDArray[np.int64], probabilities: NDArray[Any], classes: NDArray[np.int64]
) -> NDArray[np.float32]:
    """The probability given to each point's own class; 0 for a class never trained."""
    column = np.clip(np.searchsorted(classes, truth), 0, len(classes) - 1)
    own = probabilities[np.arange(len(truth)), column]
    return np.where(classes[column] == truth, own, 0).astype(np.float32)


def _lists(rows: NDArray[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), TOP_K)


def provenance(fit: float = 0.0, predict: float = 0.0) -> Provenance:
    """How a record made now came to be; durations in seconds."""
    return Provenance(
        finished=datetime.now(UTC).isoformat(timespec="microseconds"),
        seconds_fit=round(fit, 4),
        seconds_predict=round(predict, 4),
        versions=_versions(),
        git_commit=_git_commit(),
        machine=f"{platform.system()} {platform.machine()}",
    )


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


@lru_cache(maxsize=1)
def _git_commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
