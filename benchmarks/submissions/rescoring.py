"""Scores of an entry's predictions, computed again from the reader's own tables and folds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.intervals import (
    classification_intervals,
    interval_kind,
    regression_intervals,
)
from satclip_bench.benchmarks.metrics.resampling import block_ids
from satclip_bench.benchmarks.metrics.scores import (
    classification_reference,
    classification_scores,
    classification_skill,
    regression_reference,
    regression_scores,
    regression_skill,
)
from satclip_bench.benchmarks.runs.record import Counts, Record
from satclip_bench.benchmarks.runs.tables import TaskSource, get_fold, load_table
from satclip_bench.benchmarks.splits import Fold
from satclip_bench.benchmarks.splits.places import shared_places
from satclip_bench.benchmarks.submissions.entry import TOP_CLASSES, Predictions

TOLERANCE = 1e-9
"""Difference, relative to scores above 1 in size, that sums in another order can make."""


class PredictionsError(ValueError):
    """Predictions that cannot have been made by the protocol; the message says why."""


def scored_again(record: Record, predictions: Predictions) -> Record:
    """A record with the scores, intervals and counts of its predictions, all computed here.

    Args:
        record: record of a finished cell whose table and fold are those of this package.
        predictions: predictions on its test set.

    Raises:
        PredictionsError: the predictions are not those of a test set of this fold.
        BenchError: the table or the fold cannot be made.
    """
    s = record.settings
    source = TaskSource(s.task, s.edition)
    table = load_table(source)
    fold = get_fold(source, s.split, s.seed, s.fold, s.fold_sha256)
    y, rows = table.target, fold.test
    blocks = block_ids(table.lonlat[rows], table.card.extent)
    if table.card.task_type == "regression":
        numbers = _numbers(predictions, y, fold)
        target = y[rows].astype(np.float64)
        reference = regression_reference(y[fold.train].astype(np.float64))
        scores = regression_scores(target, numbers) | regression_skill(target, numbers, reference)
        intervals = regression_intervals(rows, blocks, target, numbers, reference)
        unseen, at_ends = 0, _at_ends(numbers, y[fold.train])
    else:
        truth, trained = y[rows].astype(np.int64), np.unique(y[fold.train]).astype(np.int64)
        majority = classification_reference(y[fold.train].astype(np.int64))
        ranked, confidence, of_truth = _classes(predictions, truth, trained)
        scores = classification_scores(truth, ranked, confidence, of_truth, trained)
        scores |= classification_skill(truth, ranked[:, 0], majority)
        intervals = classification_intervals(
            rows, blocks, truth, ranked, of_truth, trained, majority
        )
        unseen, at_ends = int((~np.isin(truth, trained)).sum()), 0
    return record.model_copy(
        update={
            "task_type": table.card.task_type,
            "metric": table.card.metric,
            "caveat": table.caveat,
            "interval_kind": interval_kind(table.card.editions[s.edition], s.split),
            "scores": {name: None if np.isnan(v) else v for name, v in scores.items()},
            "intervals": intervals,
            "counts": Counts(
                train=len(fold.train),
                validation=len(fold.validation),
                test=len(rows),
                unseen=unseen,
                shared=shared_places(table.lonlat, fold),
                # Clipped predictions cannot be told from others at an end of the range.
                clipped=min(record.counts.clipped, at_ends),
            ),
        }
    )


def differing_scores(record: Record, again: Record) -> tuple[str, ...]:
    """Scores of a record that are not those of its predictions, as text.

    Args:
        record: record as it was submitted.
        again: the same with the scores of its predictions.
    """
    lines = []
    for name in sorted(record.scores.keys() | again.scores.keys()):
        given, ours = record.scores.get(name), again.scores.get(name)
        if not _same(given, ours):
            lines.append(f"{name} {_text(given)} (of its predictions: {_text(ours)})")
    return tuple(lines)


def prediction_frame(record: Record, predictions: Predictions) -> pd.DataFrame:
    """Predictions of a checked cell as the bootstrap reads them: see `cell_replicates`.

    Args:
        record: record of a cell whose predictions were scored again.
        predictions: its predictions.
    """
    s = record.settings
    source = TaskSource(s.task, s.edition)
    table = load_table(source)
    fold = get_fold(source, s.split, s.seed, s.fold, s.fold_sha256)
    y = table.target
    if predictions.classes is None:
        prediction: NDArray[np.generic] | None = predictions.numbers
        reference: float = regression_reference(y[fold.train].astype(np.float64))
    else:
        prediction = predictions.classes[:, 0]
        reference = classification_reference(y[fold.train].astype(np.int64))
    return pd.DataFrame(
        {
            "row": fold.test,
            "block": block_ids(table.lonlat[fold.test], table.card.extent),
            "target": y[fold.test],
            "prediction": prediction,
            "reference": reference,
        }
    )


def _numbers(predictions: Predictions, y: NDArray[np.generic], fold: Fold) -> NDArray[np.float64]:
    numbers = predictions.numbers
    if numbers is None or predictions.classes is not None:
        raise PredictionsError("has no predicted numbers")
    if len(numbers) != len(fold.test):
        raise PredictionsError(f"has {len(numbers)} predictions of {len(fold.test)} test points")
    if not np.isfinite(numbers).all():
        raise PredictionsError("has predictions that are not finite")
    trained = y[fold.train].astype(np.float64)
    if numbers.min() < trained.min() or numbers.max() > trained.max():
        raise PredictionsError(
            "has predictions outside the range of the training targets, to which probes clip"
        )
    return numbers


def _at_ends(numbers: NDArray[np.float64], trained: NDArray[np.generic]) -> int:
    """Number of predictions at an end of the range of the training targets."""
    ends = (trained.min(), trained.max())
    return int(np.isin(numbers, np.array(ends, np.float64)).sum())


def _classes(
    predictions: Predictions, truth: NDArray[np.int64], trained: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    classes, confidence = predictions.classes, predictions.confidence
    of_truth = predictions.target_probability
    if classes is None or confidence is None or of_truth is None:
        raise PredictionsError("has no predicted classes")
    if {len(classes), len(confidence), len(of_truth)} != {len(truth)}:
        raise PredictionsError(f"has {len(classes)} predictions of {len(truth)} test points")
    ranked = classes.astype(np.int64)
    width = min(TOP_CLASSES, len(trained))
    padded = ranked[:, width:]
    ordered = np.sort(ranked[:, :width], axis=1)
    if not np.isin(ranked[:, :width], trained).all() or (padded != -1).any():
        raise PredictionsError("predicts classes that are not in the training set")
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise PredictionsError("predicts a class twice for one point")
    # Comparisons are False for NaN.
    for probability in (confidence, of_truth):
        if not ((probability >= 0) & (probability <= 1 + 1e-6)).all():
            raise PredictionsError("has probabilities outside 0 to 1")
    right = ranked[:, 0] == truth
    if (of_truth[right] != confidence[right]).any() or (of_truth > confidence).any():
        raise PredictionsError("has probabilities that contradict the predicted classes")
    if (of_truth[~np.isin(truth, trained)] != 0).any():
        raise PredictionsError("gives probability to classes that are not in the training set")
    return ranked, confidence, of_truth


def _same(given: float | None, ours: float | None) -> bool:
    if given is None or ours is None:
        return given is ours
    return math.isclose(given, ours, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _text(value: float | None) -> str:
    return "not given" if value is None else f"{value:.6g}"
