"""Bootstrap intervals of all scores of a test set, of this map and of other places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import (
    MIN_UNITS,
    draws_points,
    interval,
    reference_of,
    regression_replicates,
    skill_of_sums,
)
from satclip_bench.benchmarks.metrics.resampling import (
    ByCode,
    Columns,
    Points,
    Resampled,
    make_blocks,
)
from satclip_bench.benchmarks.metrics.scores import SEEN, point_log_loss
from satclip_bench.tasks.base import EditionCard

Float = NDArray[np.float64]
Interval = tuple[float, float]

IntervalKind = Literal["map", "places"]
"""Kind of an interval: of this map, by a bootstrap of points, or of other places, by one of spatial
blocks (`benchmarks/metrics/bootstrap.py`)."""

KINDS: tuple[IntervalKind, ...] = ("map", "places")


def interval_kind(card: EditionCard, split: str) -> IntervalKind:
    """Kind of interval that answers what a score under a split is about.

    `map` if the rows are a uniform random draw of the land and the test set is a random draw of the
    rows; `places` if the table is not a probability sample, or if the split asks how well an
    encoder transfers to other places.

    Args:
        card: card of the edition of the task, `table.card.editions[table.edition]`.
        split: name of the split.

    Example:
        >>> from satclip_bench.tasks import task_card
        >>> card = task_card("elevation").editions["open"]
        >>> interval_kind(card, "random"), interval_kind(card, "blocks.10")
        ('map', 'places')
    """
    return "map" if draws_points(split) and card.uniform_draw else "places"


def make_units(
    kind: IntervalKind, rows: NDArray[np.integer], blocks: NDArray[np.integer]
) -> Resampled:
    """Units that the bootstrap of a kind of interval draws.

    Args:
        kind: kind of the interval.
        rows: `(n,)` row of every test point in its table.
        blocks: `(n,)` block of every test point, as `block_ids` returns them.
    """
    return Points(rows) if kind == "map" else make_blocks(blocks)


def regression_intervals(
    rows: NDArray[np.integer],
    blocks: NDArray[np.integer],
    target: Float,
    predicted: Float,
    training_mean: float,
) -> dict[IntervalKind, dict[str, Interval]]:
    """Intervals of R2, RMSE, MAE and skill of both kinds; empty if there are too few units.

    Args:
        rows: `(n,)` row of every test point in its table.
        blocks: `(n,)` block of every test point.
        target: `(n,)` true values.
        predicted: `(n,)` predicted values.
        training_mean: mean target of the training set.
    """

    def of(kind: IntervalKind) -> dict[str, Interval]:
        units = make_units(kind, rows, blocks)
        if units.count < MIN_UNITS:
            return {}
        return _intervals(regression_replicates(units, target, predicted, training_mean))

    return _of_kinds(of)


def classification_intervals(
    rows: NDArray[np.integer],
    blocks: NDArray[np.integer],
    target: NDArray[np.int64],
    ranked: NDArray[np.int64],
    true_probability: NDArray[np.floating],
    trained: NDArray[np.int64],
    majority: int,
) -> dict[IntervalKind, dict[str, Interval]]:
    """Intervals of both kinds of the scores of `classification_scores` and of skill.

    Balanced accuracy and macro F1 have an interval only if each of their classes has `MIN_UNITS`
    points or blocks. Of rarer classes, a replicate draws some and leaves out others, so that it
    averages over other classes than the score does. The calibration error has none: it is a sum of
    absolute values, which noise enlarges, and a replicate has the noise of the score and its own.

    Args:
        rows: `(n,)` row of every test point in its table.
        blocks: `(n,)` block of every test point.
        target: `(n,)` class indices.
        ranked: `(n, k)` class indices, most probable first.
        true_probability: `(n,)` probability of the true class of each point.
        trained: classes of the training set.
        majority: most frequent class of the training set, the reference of the skill.
    """

    def of(kind: IntervalKind) -> dict[str, Interval]:
        def scores(chosen: NDArray[np.bool_]) -> dict[str, Interval]:
            units = make_units(kind, rows[chosen], blocks[chosen])
            if units.count < MIN_UNITS:
                return {}
            return _intervals(
                _classification(
                    *(units, target[chosen], ranked[chosen]), true_probability[chosen], majority
                )
            )

        seen = np.isin(target, trained)
        intervals = scores(np.ones(len(target), dtype=bool))
        of_seen = intervals if seen.all() else scores(seen)
        return intervals | {n + SEEN: e for n, e in of_seen.items() if n != "skill"}

    return _of_kinds(of)


def _of_kinds(
    of: Callable[[IntervalKind], dict[str, Interval]],
) -> dict[IntervalKind, dict[str, Interval]]:
    intervals = {kind: of(kind) for kind in KINDS}
    return {kind: ends for kind, ends in intervals.items() if ends}


def _classification(
    units: Resampled,
    target: NDArray[np.int64],
    ranked: NDArray[np.int64],
    true_probability: NDArray[np.floating],
    majority: int,
) -> dict[str, Float]:
    right = ranked[:, 0] == target
    of_majority = target != majority
    right_of_class, of_target, of_first = _classes(target, ranked[:, 0])
    common = {
        "balanced_accuracy": units.of_codes(of_target.codes, of_target.code),
        "macro_f1": units.of_codes(of_target.codes, of_target.code, of_first.code),
    }
    (n, *sums), reference, *of_classes = units.sums(
        Columns(
            (
                np.ones(len(right)),
                right,
                (ranked[:, :5] == target[:, None]).any(axis=1),
                point_log_loss(true_probability),
            )
        ),
        Columns((of_majority,)),
        *(right_of_class, of_target, of_first),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        means = {
            name: np.asarray(total / n)
            for name, total in zip(("accuracy", "top5_accuracy", "log_loss"), sums, strict=True)
        }
        return {
            **means,
            **{
                name: values
                for name, values in _by_class(*of_classes).items()
                if common[name][common[name] > 0].min() >= MIN_UNITS
            },
            "skill": skill_of_sums(n - sums[0], reference_of(units, of_majority, n, reference)),
        }


def _classes(target: NDArray[np.int64], first: NDArray[np.int64]) -> list[ByCode]:
    """Sums by class: right predictions, points of the class, and predictions of it."""
    classes, codes = np.unique(np.concatenate([target, first]), return_inverse=True)
    of_target, of_first = codes[: len(target)], codes[len(target) :]
    ones, right = np.ones(len(target)), (of_target == of_first).astype(np.float64)
    return [
        ByCode(code, len(classes), value)
        for code, value in ((of_target, right), (of_target, ones), (of_first, ones))
    ]


def _by_class(hits: Float, positives: Float, predicted: Float) -> dict[str, Float]:
    """Balanced accuracy and macro F1 over the classes that occur in a replicate.

    Args:
        hits: `(B, K)` right predictions of each class.
        positives: `(B, K)` points of each class.
        predicted: `(B, K)` predictions of each class.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = np.where(positives > 0, hits / positives, 0)
        both = positives + predicted
        f1 = np.where(both > 0, 2 * hits / both, 0)
        return {
            "balanced_accuracy": recall.sum(axis=1) / (positives > 0).sum(axis=1),
            "macro_f1": f1.sum(axis=1) / (both > 0).sum(axis=1),
        }


def _intervals(replicates: dict[str, Float]) -> dict[str, Interval]:
    intervals = {name: interval(values) for name, values in replicates.items()}
    return {name: ends for name, ends in intervals.items() if ends is not None}
