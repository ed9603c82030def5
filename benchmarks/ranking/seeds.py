"""Variance over seeds: moderated over encoders, and split into test points and training set.

Seeds of a split draw training sets, and those of `random` test sets too. The variance of a score
over seeds is therefore that of the training set and, as far as seeds redraw the test set, of its
points, which the bootstrap of points holds already. `training_variance` takes it out. Under splits
whose sets no seed draws, or whose folds train on all rows in turn, seeds show the random numbers of
a probe or the division into folds, and the training set is given. With class targets, folds of
blocks are nearly or exactly the same for all seeds (`splits.group_folds`), which then show nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Float = NDArray[np.float64]


SHARED_SETS = frozenset({"checkerboard", "few-shot", "held-out-region", "latitude", "official"})
"""Splits all of whose seeds have the same training and test sets, but for a few rows."""

NO_VARIANCE = 1e-12
"""Share of the largest variance below which a variance counts as zero."""


@dataclass(frozen=True)
class Moderated:
    """Variances of several encoders, drawn towards what is usual among them.

    Attributes:
        variance: `(E,)` moderated variances.
        freedom: degrees of freedom of each, the same for all.
        prior: variance that is usual among the encoders.
        prior_freedom: degrees of freedom that the prior is worth; 0 for none, and infinite if the
            variances differ by no more than chance.
    """

    variance: Float
    freedom: float
    prior: float
    prior_freedom: float


def moderated(variance: Float, freedom: int) -> Moderated:
    """Empirical-Bayes variances of encoders from their few seeds.

    Smyth 2004, Linear models and empirical Bayes methods for assessing differential expression,
    Statistical Applications in Genetics and Molecular Biology 3(1), article 3: variances s^2 with d
    degrees of freedom each have a scaled inverse chi-squared prior, whose d0 and s0^2 are estimated
    from the mean and variance of log s^2 (section 6.2); the moderated variance is
    (d0 s0^2 + d s^2) / (d0 + d), with d0 + d degrees of freedom, at most those of all encoders
    together. Variances that are zero do not take part in the estimate.

    Args:
        variance: `(E,)` variances over seeds, ddof 1.
        freedom: degrees of freedom of each, the number of seeds less one.

    Example:
        >>> import numpy as np
        >>> same = moderated(np.array([1.0, 1.1, 0.9, 1.05]), 4)
        >>> same.freedom, same.variance.round(2)
        (16.0, array([1.32, 1.32, 1.32, 1.32]))
    """
    from scipy.special import polygamma, psi

    # Scores that are the same for all seeds vary by rounding errors.
    positive = variance[variance > NO_VARIANCE * variance.max(initial=0.0)]
    if len(positive) < 2:
        return Moderated(variance, float(freedom), float("nan"), 0.0)
    half = freedom / 2
    centred = np.log(positive) - psi(half) + np.log(half)
    excess = float(centred.var(ddof=1) - polygamma(1, half))
    if excess > 0:
        half_prior = inverse_trigamma(excess)
        prior_freedom = 2 * half_prior
        prior = float(np.exp(centred.mean() + psi(half_prior) - np.log(half_prior)))
        weight = prior_freedom / (prior_freedom + freedom)
    else:
        prior_freedom, prior, weight = np.inf, float(np.exp(centred.mean())), 1.0
    total = min(prior_freedom + freedom, float(freedom * len(positive)))
    return Moderated(weight * prior + (1 - weight) * variance, total, prior, prior_freedom)


def inverse_trigamma(value: float) -> float:
    """The x whose trigamma is `value`, by Newton's method (Smyth 2004, appendix).

    Example:
        >>> from scipy.special import polygamma
        >>> round(inverse_trigamma(float(polygamma(1, 2.5))), 9)
        2.5
    """
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-10:
            break
    return x


def drawn_sizes(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean sizes of the training sets that seeds draw, and of the test sets, by task.

    `n_train` is 0 where seeds draw none. Under `held-out-region` and others all seeds share their
    sets, and scores differ by the random numbers of a probe alone, such as initial weights. Where a
    seed has several folds, as under `blocks.10`, every row is tested once and trained on in the
    other folds, so that the effects of single rows add up to the same score in every seed, and
    seeds show what their division into folds does; next to nothing if classes are spread over folds
    of blocks, because all seeds then divide them in nearly the same way.

    Args:
        rows: rows of the tidy table of one split.

    Returns:
        task x (`n_train`, `n_test`).

    Example:
        >>> cells = [{"seed": 0, "n_train": 9}, {"seed": 1, "n_train": 11}]
        >>> rows = pd.DataFrame(cells).assign(task="elevation", status="done", n_test=20)
        >>> rows = rows.assign(split="random", fold="0")
        >>> drawn_sizes(rows).loc["elevation"].tolist()
        [10.0, 20.0]
        >>> drawn_sizes(rows.assign(split="held-out-region")).loc["elevation"].tolist()
        [0.0, 20.0]
        >>> drawn_sizes(rows.assign(seed=0, fold=["0", "1"])).loc["elevation"].tolist()
        [0.0, 20.0]
    """
    done = rows[rows["status"] == "done"]
    sizes = done.groupby("task")[["n_train", "n_test"]].mean().astype(float)
    folds = done[["task", "seed", "fold"]].drop_duplicates().groupby(["task", "seed"]).size()
    shared = set(done.loc[done["split"].isin(SHARED_SETS), "task"])
    shared |= set(folds.index.get_level_values("task")[folds > 1])
    sizes.loc[sizes.index.isin(shared), "n_train"] = 0.0
    return sizes


def overlap_factor(seeds: int, n_train: float, n_test: float) -> float:
    """Factor that turns the training set's variance between seeds into that of their mean.

    1/S for S seeds, as if their training sets were disjoint, and f / (1 - f) because they share
    rows: f = n_train / (n_train + n_test) is the share of rows that two training sets have in
    common. A score that adds up the effects of single training rows has the correlation f between
    seeds; effects of rows together have less, so that the factor is not too small. Nadeau and
    Bengio 2003, Machine Learning 52, whose n_test / n_train stands for the overlap of the test
    sets, which the bootstrap holds here.

    Args:
        seeds: number of seeds.
        n_train: rows of a training set that seeds draw; 0 if they draw none.
        n_test: rows of a test set.

    Example:
        >>> overlap_factor(5, 3000, 6000), overlap_factor(5, 0, 6000)
        (0.7, 0.2)
    """
    return 1 / seeds + n_train / n_test if n_test > 0 else 1 / seeds


def point_variance(replicates: Float, scores: Float) -> Float:
    """Variance between seeds that the test points alone explain, `(E,)`.

    Seeds that share their test points have the same noise of points, and this is 0 for them.

    Args:
        replicates: `(E, S, B)` bootstrap scores by seed, all defined.
        scores: `(E, S)` scores.
    """
    return np.asarray((replicates - scores[..., None]).var(axis=1, ddof=1).mean(axis=-1))


def training_variance(
    scores: Float, explained: Float | float, factor: float
) -> tuple[Float, Float, float]:
    """Squared error of mean scores, `(E,)`, that the draw of the training set is responsible for.

    Args:
        scores: `(E, S)` scores, or differences of scores, by seed.
        explained: `(E,)` what the test points explain of the variance over seeds
            (`point_variance`); 0 to take all of it.
        factor: factor from the variance between seeds to that of their mean.

    Returns:
        The squared error, the squared error if all of the variance over seeds were the training
        set's, and the degrees of freedom of the latter.
    """
    seeds = scores.shape[1]
    if seeds < 2:
        zero = np.zeros(len(scores))
        return zero, zero, float("inf")
    of_seeds = moderated(scores.var(axis=1, ddof=1), seeds - 1)
    left = np.maximum(of_seeds.variance - explained, 0)
    return factor * left, factor * of_seeds.variance, of_seeds.freedom
