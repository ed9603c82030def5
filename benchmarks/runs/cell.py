"""One cell of a run: task x encoder x split x fold x probe x seed, and how it is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.baselines import is_baseline, make_baseline
from satclip_bench.benchmarks.baselines.sphere import SphereBaseline
from satclip_bench.benchmarks.metrics.intervals import (
    Interval,
    IntervalKind,
    classification_intervals,
    interval_kind,
    regression_intervals,
)
from satclip_bench.benchmarks.metrics.resampling import block_ids
from satclip_bench.benchmarks.metrics.scores import (
    TOP_K,
    classification_reference,
    classification_scores,
    classification_skill,
    normal_scores,
    rank_classes,
    regression_reference,
    regression_scores,
    regression_skill,
)
from satclip_bench.benchmarks.probes import make_probe
from satclip_bench.benchmarks.probes.rows import Features, blocks, release, select
from satclip_bench.benchmarks.runs.json_values import json_value
from satclip_bench.benchmarks.runs.provenance import provenance, seconds_spent
from satclip_bench.benchmarks.runs.record import Counts, Record, Settings
from satclip_bench.benchmarks.runs.tables import TaskSource, get_fold, load_table
from satclip_bench.benchmarks.splits.places import shared_places
from satclip_bench.benchmarks.targets import UNSEEN, class_codes, clip_to, count_outside
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import TaskTable
from satclip_bench.tasks.base import TaskType
from satclip_bench.tasks.user_tables.task import UserTable

if TYPE_CHECKING:
    import pyarrow as pa

    from satclip_bench.benchmarks.runs.engine import Result
    from satclip_bench.benchmarks.splits import Fold


@dataclass(frozen=True)
class Cell:
    """One task x encoder x split x fold x probe x seed.

    Attributes:
        settings: everything that can change its score.
        task_type: type of the task when the run was planned.
        metric: score that tables show for this task.
        encoder_title: title of the encoder in tables.
        contaminated: whether the encoder was trained on the task's data, according to its card.
        recipe_chosen: whether its recipe was chosen with labels of the task, according to its card.
        data_dir: folder of the task's table, if the table does not ship.
        problem: reason why the cell cannot be run, if that is known beforehand; else empty.
        file: user table that the task was made from, if any.
        expected_seconds: expected duration of the cell; 0 if it is not known.
        partial: whether the encoder may leave points uncovered, whose embedding is zeros.
        coverage: share of points that a combination with tables covers; None for all others.
    """

    settings: Settings
    task_type: TaskType
    metric: str
    encoder_title: str = ""
    contaminated: bool = False
    recipe_chosen: bool = False
    data_dir: Path | None = None
    problem: str = ""
    file: UserTable | None = None
    expected_seconds: float = 0.0
    partial: bool = False
    coverage: float | None = None

    @property
    def source(self) -> TaskSource:
        """The table that the cell is measured on."""
        s = self.settings
        # Other processes measure cells too, and are to write nothing beside a user's file.
        file = replace(self.file, save_card=False) if self.file else None
        return TaskSource(s.task, s.edition, self.data_dir, file, s.data_sha256)

    @property
    def title(self) -> str:
        """Short description for progress and messages."""
        s = self.settings
        fold = "" if s.fold in ("0", "-") else f" {s.fold}"
        return f"{s.task} {s.encoder} {s.split}{fold} {s.probe}"

    @property
    def method(self) -> str:
        """Name of what computes the cell, for messages."""
        return f"probe {self.settings.probe!r}"

    @property
    def encoder(self) -> str:
        """Name of the encoder whose embedding the cell needs; empty for a baseline."""
        return "" if self.settings.dtype == "none" else self.settings.encoder

    @property
    def cells(self) -> tuple[Settings, ...]:
        """The settings of its one record."""
        return (self.settings,)

    def measure(
        self, embedding: NDArray[np.float32] | None, kept: Mapping[str, Record]
    ) -> Iterator[Result]:
        """Fit on the training set, predict and score the test set.

        Args:
            embedding: `(N, D)` embedding of the task's points; None for a baseline, which is
                fitted on coordinates.
            kept: records by key that the run has already; not used, as there is only one.

        Yields:
            The record, and the predictions on the test set, one row per test point.

        Raises:
            BenchError: the table or fold has changed, a prediction is not finite, or the
                estimator's attributes cannot be written as JSON.
        """
        import pyarrow as pa

        s, source = self.settings, self.source
        table = load_table(source)
        fold = get_fold(source, s.split, s.seed, s.fold, s.fold_sha256)
        task_type, y = table.card.task_type, table.target
        X: NDArray[Any] = table.lonlat if embedding is None else embedding
        estimator: Any = (
            make_baseline(s.encoder, task_type)
            if is_baseline(s.encoder)
            else make_probe(s.probe, task_type, s.seed)
        )
        start = seconds_spent()
        estimator.fit(select(X, fold.train), y[fold.train], **_held_out(fold, X, y))
        fitted = seconds_spent()
        scored = _score(estimator, X, table, fold)
        if infinite := [name for name, value in scored.scores.items() if np.isinf(value)]:
            raise BenchError(
                f"{', '.join(infinite)} of the predictions cannot be computed, because squares of "
                "such large numbers are infinite: choose another unit for the target"
            )
        record = Record(
            key=s.key,
            settings=s,
            encoder_title=self.encoder_title,
            contaminated=self.contaminated,
            recipe_chosen=self.recipe_chosen,
            coverage=_coverage(embedding)
            if self.partial and embedding is not None
            else self.coverage,
            caveat=table.caveat,
            task_type=task_type,
            metric=table.card.metric,
            status="done",
            scores={name: None if np.isnan(v) else v for name, v in scored.scores.items()},
            intervals=scored.intervals,
            interval_kind=interval_kind(table.card.editions[s.edition], s.split),
            best_params=json_value(estimator.best_params_, "best_params_"),
            converged=json_value(estimator.converged_, "converged_"),
            fit_info=json_value(estimator.fit_info_, "fit_info_"),
            counts=Counts(
                train=len(fold.train),
                validation=len(fold.validation),
                test=len(fold.test),
                unseen=scored.unseen,
                shared=shared_places(table.lonlat, fold),
                clipped=scored.clipped,
            ),
            provenance=provenance(fitted - start, seconds_spent() - fitted),
        )
        yield record, pa.table(scored.columns)

    def failed(self, reason: str) -> tuple[Record, ...]:
        """The record of the cell if it could not be run; reads no table, which may be why."""
        record = Record(
            key=self.settings.key,
            settings=self.settings,
            encoder_title=self.encoder_title,
            contaminated=self.contaminated,
            recipe_chosen=self.recipe_chosen,
            task_type=self.task_type,
            metric=self.metric,
            status="failed",
            reason=reason,
            provenance=provenance(),
        )
        return (record,)


def _coverage(embedding: NDArray[np.float32]) -> float:
    """Share of the rows that are not zeros."""
    covered = sum(int(block.any(axis=1).sum()) for _, block in blocks(embedding))
    release(embedding)
    return covered / len(embedding)


def _held_out(fold: Fold, X: NDArray[Any], y: NDArray[Any]) -> dict[str, Any]:
    """What settings are chosen on: the validation set, or the inner folds as positions in `X`."""
    if not fold.inner:
        return {"validation": (select(X, fold.validation), y[fold.validation])}
    return {"inner": fold.inner_positions}


class _Scored(NamedTuple):
    """What is kept of the predictions on the test set."""

    scores: dict[str, float]
    intervals: dict[IntervalKind, dict[str, Interval]]
    columns: dict[str, Any]
    unseen: int = 0
    clipped: int = 0


class _TestSet(NamedTuple):
    """What the test set of a fold is predicted from and scored with."""

    X: Features
    """`(n, D)` embeddings, or `(n, 2)` lonlat for a baseline."""
    target: NDArray[Any]
    """`(n,)` targets or class indices."""
    rows: NDArray[np.int64]
    """`(n,)` rows in the table."""
    blocks: NDArray[np.int64]
    """`(n,)` spatial block of each point."""
    trained: NDArray[Any]
    """Targets or class indices of the training set."""


def _score(estimator: Any, X: NDArray[Any], table: TaskTable, fold: Fold) -> _Scored:
    """Predict and score the test set of a fold."""
    block = block_ids(table.lonlat[fold.test], table.card.extent)
    columns = {"row": fold.test.astype(np.int32), "block": block.astype(np.int32)}
    y = table.target
    test = _TestSet(select(X, fold.test), y[fold.test], fold.test, block, y[fold.train])
    score = _score_numbers if table.card.task_type == "regression" else _score_classes
    scored = score(estimator, test)
    return scored._replace(columns=columns | scored.columns)


def _score_numbers(estimator: Any, test: _TestSet) -> _Scored:
    target, reference = test.target.astype(np.float64), regression_reference(test.trained)
    # Baselines can also predict a distribution.
    if isinstance(estimator, SphereBaseline):
        unclipped, std = estimator.distribution(np.asarray(test.X))
    else:
        unclipped, std = estimator.unclipped(test.X), None
    predicted = clip_to(_finite(np.asarray(unclipped)), estimator.target_range_)
    columns = {
        "target": target,
        "prediction": predicted,
        "reference": np.full(len(target), reference),
    }
    scores = regression_scores(target, predicted)
    scores |= regression_skill(target, predicted, reference)
    if std is not None:
        columns["prediction_std"] = std
        scores |= normal_scores(target, predicted, std)
    return _Scored(
        scores,
        regression_intervals(test.rows, test.blocks, target, predicted, reference),
        columns,
        clipped=count_outside(unclipped, estimator.target_range_),
    )


def _score_classes(estimator: Any, test: _TestSet) -> _Scored:
    truth, reference = test.target.astype(np.int64), classification_reference(test.trained)
    classes_trained = np.unique(test.trained).astype(np.int64)
    ranked, weight, of_truth = _predict_classes(estimator, test.X, truth)
    scores = classification_scores(truth, ranked, weight[:, 0], of_truth, classes_trained)
    scores |= classification_skill(truth, ranked[:, 0], reference)
    columns = {
        "target": truth.astype(np.int32),
        "prediction": ranked[:, 0].astype(np.int32),
        "reference": np.full(len(truth), reference, dtype=np.int32),
        "target_probability": of_truth,
        "top_classes": _lists(ranked.astype(np.int32)),
        "top_probabilities": _lists(weight),
    }
    return _Scored(
        scores,
        classification_intervals(
            *(test.rows, test.blocks, truth, ranked, of_truth, classes_trained, reference)
        ),
        columns,
        unseen=int((~np.isin(truth, classes_trained)).sum()),
    )


def _predict_classes(
    estimator: Any, X: Features, truth: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """The most probable classes `(n, k)`, their probabilities, and that of the true class `(n,)`.

    Probabilities of all classes are computed for a block of points at a time.
    """
    classes = np.asarray(estimator.classes_, dtype=np.int64)
    columns = []
    for part, block in blocks(X, len(classes)):
        probabilities = _finite(np.asarray(estimator.predict_proba(block)))
        of_truth = _probability_of(truth[part], probabilities, classes)
        columns.append((*rank_classes(probabilities, classes), of_truth))
    ranked, weight, of_truth = (np.concatenate(column) for column in zip(*columns, strict=True))
    return ranked, weight, of_truth


def _finite(predictions: NDArray[Any]) -> NDArray[Any]:
    """`(n,)` or `(n, C)` predictions, unchanged. Raises BenchError if any is not finite."""
    bad = (~np.isfinite(predictions.reshape(len(predictions), -1)).all(axis=1)).sum()
    if bad:
        raise BenchError(f"the probe predicted values that are not finite for {bad} points")
    return predictions


def _probability_of(
    truth: NDArray[np.int64], probabilities: NDArray[Any], classes: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Predicted probability of each point's true class; 0 for a class not in the training set."""
    column = class_codes(truth, classes)
    of_truth = probabilities[np.arange(len(truth)), column]
    return np.where(column == UNSEEN, 0, of_truth).astype(np.float32)


def _lists(rows: NDArray[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), TOP_K)
