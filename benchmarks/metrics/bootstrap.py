"""Bootstrap of the points or of the spatial blocks of a test set.

There are two kinds of interval, which answer two questions. The interval *of this map*: had other
points of the same land been drawn, how different could the score of this map have been? If the
points of a table are a uniform random draw of the land, the errors of a given map at the test
points are independent draws, even though the errors of neighbours are alike (design-based
inference; Wadoux, Heuvelink, de Bruin and Brus 2021, Ecological Modelling 457, 109692). Its
bootstrap draws points. The interval *of other places*: how different could the score have been at
other places like these? Errors at neighbouring points are correlated, but blocks of points are
nearly independent (Lahiri 2003, Resampling Methods for Dependent Data, ch. 12). Its bootstrap draws
spatial blocks.

R2 and skill divide the errors by the spread of the targets. Targets are alike over thousands of
kilometres, so that a world has too few independent parts to show how much that spread varies from
world to world. A replicate of blocks therefore takes the spread per point as given; only the errors
are drawn. By simulation its intervals of R2 contain the truth in 92 to 95 of 100 cases, and those
that draw the spread too in 73 to 95 (docs/uncertainty.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.resampling import Columns, Resampled

Float = NDArray[np.float64]

LEVEL = 0.95
"""Share of the replicates that an interval contains."""
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
"""Shares of the replicates below the ends of an interval."""
MIN_DEFINED = 0.9
"""Share of the replicates that must be defined for an interval or a variance."""

MIN_UNITS = 10
"""Minimum number of points or blocks of a test set for an interval: fewer do not show how much they
vary."""


def draws_points(split: str) -> bool:
    """Whether the test set of a split is a random draw of the rows of a table, or of their places.

    >>> draws_points("labels.10"), draws_points("blocks.10")
    (True, False)
    """
    return split in ("random", "random-grouped") or split.startswith("labels.")


def interval(
    replicates: Float, measured: float | None = None, level: float = LEVEL
) -> tuple[float, float] | None:
    """The central `level` of replicates, `(B,)`; None if more than one in ten is not defined.

    Args:
        replicates: `(B,)` replicates of a score, rank or rating.
        measured: measured value, which the interval is extended to contain. Replicates add noise to
            scores that have noise already, which pulls the first and the last of an order towards
            the middle, sometimes past their measured values.
        level: share of the replicates between the ends.

    Example:
        >>> import numpy as np
        >>> low, high = interval(np.arange(101.0))
        >>> round(low, 3), round(high, 3)
        (2.5, 97.5)
    """
    defined = replicates[np.isfinite(replicates)]
    if len(defined) < MIN_DEFINED * len(replicates):
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    if measured is not None:
        low, high = min(low, measured), max(high, measured)
    return float(low), float(high)


def regression_replicates(
    units: Resampled, target: Float, predicted: Float, training_mean: float = float("nan")
) -> dict[str, Float]:
    """R2, RMSE, MAE and skill in every replicate, `(B,)` each; NaN for a replicate without points.

    Args:
        units: points or blocks of the test set.
        target: `(n,)` true values.
        predicted: `(n,)` predicted values.
        training_mean: mean target of the training set, the reference of the skill; without it the
            skill is NaN.
    """
    # Centred first: the squares of large targets would leave no digits for their variance.
    y, error = target - target.mean(), target - predicted
    of_mean = (target - training_mean) ** 2
    (n, sy, syy, see, sae), reference = units.sums(
        Columns((np.ones(len(y)), y, y * y, error * error, np.abs(error))), Columns((of_mean,))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        total = n * np.mean(y * y) if units.spread_is_given else syy - sy * sy / n
        return {
            "r2": np.where(total > 1e-12 * syy, 1 - see / total, np.nan),
            "rmse": np.sqrt(see / n),
            "mae": sae / n,
            "skill": skill_of_sums(see, reference_of(units, of_mean, n, reference)),
        }


def reference_totals(units: Resampled, losses: NDArray[np.generic]) -> Float:
    """Summed loss of a reference prediction in every replicate, `(B,)`.

    Blocks take the loss per point as given, because it is the spread of the targets.

    Args:
        units: points or blocks of the test set.
        losses: `(n,)` loss of the reference at every point.

    Example:
        >>> import numpy as np
        >>> from satclip_bench.benchmarks.metrics.resampling import make_blocks
        >>> blocks = make_blocks(np.array([3, 3, 8]), replicates=4)
        >>> (points,) = blocks.totals(np.ones(3))
        >>> (reference_totals(blocks, np.array([1.0, 3.0, 2.0])) == 2 * points).all()
        np.True_
    """
    n, total = units.sums(Columns((np.ones(len(losses)),)), Columns((losses,)))
    return reference_of(units, losses, n[0], total)


def reference_of(units: Resampled, losses: NDArray[np.generic], n: Float, total: Float) -> Float:
    """`reference_totals` from sums that are already known.

    Args:
        units: points or blocks of the test set.
        losses: `(n,)` loss of the reference at every point.
        n: `(B,)` weight of all points in every replicate.
        total: `(1, B)` summed losses in every replicate.
    """
    return np.asarray(n * losses.mean()) if units.spread_is_given else total[0]


def skill_of_sums(loss: Float, reference: Float) -> Float:
    """Skill 1 - loss / reference of summed losses, `(...)`; NaN where the reference has no loss.

    0 is as good as the reference, 1 is perfect. For squared errors and the training mean this is
    the out-of-sample R2 of Campbell and Thompson 2008, Review of Financial Studies 21, a skill
    score of forecast verification (Wilks 2011, Statistical Methods in the Atmospheric Sciences,
    eq. 8.4). Losses of folds are added before they are divided. A reference that makes no error
    leaves nothing to gain.

    Args:
        loss: `(...)` summed losses of predictions.
        reference: `(...)` summed losses of the reference at the same points.

    Example:
        >>> import numpy as np
        >>> skill_of_sums(np.array([1.0, 3.0]), np.array([4.0, 0.0]))
        array([0.75,  nan])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(reference > 0, 1 - loss / reference, np.nan)


def mean_replicates(units: Resampled, values: NDArray[np.generic]) -> Float:
    """Mean of `(n,)` values in every replicate, `(B,)`; NaN for a replicate without points.

    Example:
        >>> import numpy as np
        >>> from satclip_bench.benchmarks.metrics.resampling import make_blocks
        >>> blocks = make_blocks(np.array([3, 3, 8]), replicates=100)
        >>> mean_replicates(blocks, np.ones(3)).shape
        (100,)
    """
    n, total = units.totals(np.ones(len(values)), values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(total / n)
