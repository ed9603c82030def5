"""Bootstrap intervals of all scores of a test set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import (
    MIN_BLOCKS,
    Blocks,
    interval,
    make_blocks,
    mean_replicates,
    regression_replicates,
)
from satclip_bench.benchmarks.metrics.scores import (
    CALIBRATION_BINS,
    SEEN,
    calibration_bin,
    point_log_loss,
)

Float = NDArray[np.float64]
Interval = tuple[float, float]


def regression_intervals(
    ids: NDArray[np.integer], target: Float, predicted: Float
) -> dict[str, Interval]:
    """Intervals of R2, RMSE and MAE; empty if there are too few blocks.

    Args:
        ids: `(n,)` block of every point.
        target: `(n,)` true values.
        predicted: `(n,)` predicted values.
    """
    blocks = make_blocks(ids)
    return (
        {}
        if blocks.count < MIN_BLOCKS
        else _intervals(regression_replicates(blocks, target, predicted))
    )


def classification_intervals(
    ids: NDArray[np.integer],
    target: NDArray[np.int64],
    ranked: NDArray[np.int64],
    confidence: NDArray[np.floating],
    true_probability: NDArray[np.floating],
    trained: NDArray[np.int64],
) -> dict[str, Interval]:
    """Intervals of the scores of `classification_scores`, by the same names.

    Args:
        ids: `(n,)` block of every point.
        target: `(n,)` class indices.
        ranked: `(n, k)` class indices, most probable first.
        confidence: `(n,)` probability of the most probable class.
        true_probability: `(n,)` probability of the true class of each point.
        trained: classes of the training set.
    """
    intervals: dict[str, Interval] = {}
    for suffix, rows in (("", slice(None)), (SEEN, np.isin(target, trained))):
        if len(ids[rows]):
            blocks = make_blocks(ids[rows])
            if blocks.count >= MIN_BLOCKS:
                replicates = _classification(
                    blocks, target[rows], ranked[rows], confidence[rows], true_probability[rows]
                )
                intervals |= {n + suffix: ends for n, ends in _intervals(replicates).items()}
    return intervals


def _classification(
    blocks: Blocks,
    target: NDArray[np.int64],
    ranked: NDArray[np.int64],
    confidence: NDArray[np.floating],
    true_probability: NDArray[np.floating],
) -> dict[str, Float]:
    right = ranked[:, 0] == target
    return {
        "accuracy": mean_replicates(blocks, right),
        "top5_accuracy": mean_replicates(blocks, (ranked[:, :5] == target[:, None]).any(axis=1)),
        "log_loss": mean_replicates(blocks, point_log_loss(true_probability)),
        "ece": _calibration_error(blocks, right, confidence),
        **_by_class(blocks, target, ranked[:, 0]),
    }


def _calibration_error(
    blocks: Blocks, right: NDArray[np.bool_], confidence: NDArray[np.floating]
) -> Float:
    gap = _sums_by(blocks, calibration_bin(confidence), CALIBRATION_BINS, right - confidence)
    total = blocks.replicated(blocks.sums(np.ones(len(right))))[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.abs(blocks.replicated(gap)).sum(axis=1) / total)


def _by_class(
    blocks: Blocks, target: NDArray[np.int64], first: NDArray[np.int64]
) -> dict[str, Float]:
    """Balanced accuracy and macro F1 over the classes that occur in a replicate."""
    classes, codes = np.unique(np.concatenate([target, first]), return_inverse=True)
    of_target, of_first = codes[: len(target)], codes[len(target) :]
    right = (of_target == of_first).astype(np.float64)
    ones = np.ones(len(target))
    hits, positives, predicted = (
        blocks.replicated(_sums_by(blocks, code, len(classes), value))
        for code, value in ((of_target, right), (of_target, ones), (of_first, ones))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = np.where(positives > 0, hits / positives, 0)
        both = positives + predicted
        f1 = np.where(both > 0, 2 * hits / both, 0)
        return {
            "balanced_accuracy": recall.sum(axis=1) / (positives > 0).sum(axis=1),
            "macro_f1": f1.sum(axis=1) / (both > 0).sum(axis=1),
        }


def _sums_by(blocks: Blocks, code: NDArray[np.integer], codes: int, value: Float) -> Float:
    """Sums of `(n,)` values by block and code, `(G, codes)`."""
    cell = blocks.index * codes + code
    flat = np.bincount(cell, weights=value, minlength=blocks.count * codes)
    return np.asarray(flat, dtype=np.float64).reshape(blocks.count, codes)


def _intervals(replicates: dict[str, Float]) -> dict[str, Interval]:
    intervals = {name: interval(values) for name, values in replicates.items()}
    return {name: ends for name, ends in intervals.items() if ends is not None}
