"""Whether encoders differ: paired tests, corrected for their number, and groups that tie.

Two questions, two tests. Over tasks: would the order hold on other tasks like these? Tasks are the
draws (Demsar 2006, JMLR 7; Benavoli et al. 2016, JMLR 17). On these tasks: is the order more than
noise of their points? The draws are blocks of points (`benchmarks/metrics/bootstrap.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

ALPHA = 0.05

CLEAR = 3.0
"""Standard errors from which on a gap on one task counts as clear, and no further."""

WIDER = 2.0
"""Chosen by simulation (docs/uncertainty.md): false claims stay below 5 % unless all encoders are
exactly equal, when they reach 14 %."""

MIN_TASKS = 5
"""Of fewer tasks no signed-rank test can tell anything: its smallest p is 2 / 2^n."""


@dataclass(frozen=True)
class Friedman:
    """Friedman's test and Nemenyi's critical difference of mean ranks.

    Attributes:
        statistic: chi-squared, corrected for ties.
        p: that all encoders are alike.
        critical_difference: of mean ranks at `ALPHA`.
    """

    statistic: float
    p: float
    critical_difference: float


def friedman(scores: Float) -> Friedman | None:
    """Friedman's test on scores `(E, T)`, encoders by tasks; None for under 3 of either.

    The critical difference is q sqrt(E (E + 1) / (6 T)), q the Studentized range for E encoders
    and infinite degrees of freedom by sqrt(2) (Demsar 2006, section 3.2.2).
    """
    from scipy.stats import friedmanchisquare, studentized_range

    encoders, tasks = scores.shape
    if encoders < 3 or tasks < 3:
        return None
    statistic, p = friedmanchisquare(*scores)
    q = float(studentized_range.ppf(1 - ALPHA, encoders, np.inf)) / np.sqrt(2)
    return Friedman(
        float(statistic), float(p), q * float(np.sqrt(encoders * (encoders + 1) / (6 * tasks)))
    )


def signed_rank(scores: Float) -> Float:
    """Two-sided p of Wilcoxon's signed-rank test for every pair, `(E, E)`, of scores `(E, T)`.

    Tasks are the pairs. Exact where no difference is zero or repeated; 1 where all are zero, or
    tasks are too few.
    """
    from scipy.stats import wilcoxon

    encoders, tasks = scores.shape
    p = np.ones((encoders, encoders))
    if tasks < MIN_TASKS:
        return p
    for i in range(encoders):
        for j in range(i):
            gap = scores[i] - scores[j]
            if gap.any():
                p[i, j] = p[j, i] = float(wilcoxon(gap).pvalue)
    return p


def bootstrap_p(observed: Float, replicates: Float) -> Float:
    """Two-sided p that a difference is nil, `(...)`, by its replicates `(B, ...)`.

    Wald's test with the bootstrap's standard error, which a Holm correction over hundreds of pairs
    needs: shares of a thousand replicates cannot be small enough.
    """
    from scipy.stats import norm

    error = np.nanstd(replicates, axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(observed) / error
    return np.where(observed == 0, 1.0, 2 * norm.sf(np.where(error > 0, z, np.inf)))


def score_gaps_p(scores: Float, replicates: Float) -> Float:
    """Two-sided p that two encoders score alike on each of these tasks, `(E, E)`.

    The gap on each task in parts of its bootstrap standard error, at most `CLEAR` either way,
    summed over the tasks: many clear wins count for more than one by a wide margin. Its standard
    error is that of the replicates' own gaps about theirs, tasks that share points included. Gaps
    of mean ranks would not do: ranks of near equals do not vary between replicates as they do
    between samples.

    Args:
        scores: `(E, T)`.
        replicates: `(B, E, T)`.
    """
    from scipy.stats import norm

    encoders = len(scores)
    total, noise = np.zeros((encoders, encoders)), np.zeros((len(replicates), encoders, encoders))
    for task in range(scores.shape[1]):
        gap = scores[:, None, task] - scores[None, :, task]
        drawn = replicates[:, :, None, task] - replicates[:, None, :, task]
        error = drawn.std(axis=0, ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Where nothing varies, any gap is clear and none is none.
            total += np.clip(np.where(gap == 0, 0, gap / error), -CLEAR, CLEAR)
            noise += np.clip(np.where(error > 0, (drawn - gap) / error, 0), -CLEAR, CLEAR)
    error = noise.std(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(total == 0, 0, np.abs(total) / error)
    return np.asarray(2 * norm.sf(z))


def widened(scores: Float, replicates: Float) -> Float:
    """Replicates whose noise is `WIDER` times as wide, for ranks of them.

    Ranks are no smooth function of scores, so that the plain bootstrap of nearly equal encoders
    is too sure of their order; drawing fewer than there are, m of n, mends that (Hall and Miller
    2009, Annals of Statistics 37). For means, widening the noise is the same with m = n / 4.

    Args:
        scores: `(E, C)`.
        replicates: `(B, E, C)`.
    """
    return np.asarray(scores + WIDER * (replicates - scores))


def holm(p: Float) -> Float:
    """Adjust p values, `(n,)`, so that one false claim in all has a chance of `ALPHA` at most.

    Holm 1979, Scandinavian Journal of Statistics 6.
    """
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted


def holm_pairs(p: Float) -> Float:
    """`holm` over all pairs of a symmetric matrix, `(E, E)`; 1 on the diagonal."""
    upper = np.triu_indices(len(p), 1)
    adjusted = np.ones_like(p)
    adjusted[upper] = holm(p[upper])
    adjusted.T[upper] = adjusted[upper]
    return adjusted


def tie_groups(mean_ranks: Float, p: Float) -> tuple[tuple[int, ...], ...]:
    """Largest runs of encoders, in the order of their ranks, no two of which differ.

    Args:
        mean_ranks: `(E,)`, 1 is best.
        p: adjusted p of every pair, `(E, E)`.

    Returns:
        Positions of the encoders of each group of two or more, best first.
    """
    order = np.argsort(mean_ranks, kind="stable")
    alike = p[np.ix_(order, order)] >= ALPHA
    groups: list[tuple[int, ...]] = []
    reached = 0
    for first in range(len(order)):
        last = first
        while last + 1 < len(order) and alike[first : last + 2, first : last + 2].all():
            last += 1
        if last > first and last + 1 > reached:
            groups.append(tuple(int(i) for i in order[first : last + 1]))
            reached = last + 1
    return tuple(groups)


def kendall(a: Float, b: Float) -> Float:
    """Kendall's tau-b between two orders of the same encoders, `(...)`, of `(..., E)` each."""
    upper = np.triu_indices(a.shape[-1], 1)

    def signs(x: Float) -> Float:
        return np.sign(x[..., upper[0]] - x[..., upper[1]])

    sa, sb = signs(a), signs(b)
    both = np.sqrt((sa**2).sum(axis=-1) * (sb**2).sum(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((sa * sb).sum(axis=-1) / both)
