"""Scikit-learn's L-BFGS, run until it has the objective of another fit."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from satclip_bench.benchmarks.probes.data import Codes, Float64

SAME_OBJECTIVE = 1e-6
"""Objectives that differ by less than this part of their value count as the same."""

NEVER = 1e-14
"""Tolerance that is not reached: the number of iterations decides."""


class Goal(NamedTuple):
    """An objective that a fit has to reach."""

    C: float
    """Inverse of the penalty."""
    objective: float
    """Sum of the log losses plus penalty."""


class Leg(NamedTuple):
    """Iterations of L-BFGS for one penalty."""

    C: float
    iterations: int


class Count(NamedTuple):
    """Iterations of L-BFGS for one goal after another."""

    legs: list[Leg]
    reached: bool
    """Whether the last leg ended at the last goal."""
    gap: float
    """How far above its goal the objective of the last leg was, as a part of the goal."""


def count_iterations(Z: Float64, codes: Codes, goals: Sequence[Goal], max_iterations: int) -> Count:
    """Iterations that L-BFGS needs for one goal after another, each starting from the one before.

    Scikit-learn does not report the objective while it runs, so that the iterations are counted by
    the same method of scipy with the options and the starting point of scikit-learn.

    Args:
        Z: `(n, D)` standardised features.
        codes: `(n,)` codes of three or more classes.
        goals: penalties and objectives.
        max_iterations: largest number of iterations in all. If the goals need more, the last leg
            ends above its goal, and no others follow.

    Examples:
        >>> Z, codes = np.array([[-1.0], [0.0], [1.0], [1.0]]), np.array([0, 1, 2, 1])
        >>> count = count_iterations(Z, codes, [Goal(1.0, objective=100.0)], 50)
        >>> count.legs, count.reached
        ([Leg(C=1.0, iterations=1)], True)
    """
    T = np.hstack([np.ones((len(Z), 1)), Z])
    weights = np.zeros(T.shape[1] * (int(codes.max()) + 1))
    legs: list[Leg] = []
    gap = np.inf
    for goal in goals:
        left = max_iterations - sum(leg.iterations for leg in legs)
        if legs and (gap > SAME_OBJECTIVE or not left):
            break
        weights, iterations, gap = _minimise(T, codes, weights, goal, left)
        legs.append(Leg(goal.C, iterations))
    return Count(legs, len(legs) == len(goals) and gap <= SAME_OBJECTIVE, gap)


def _minimise(
    T: Float64, codes: Codes, weights: Float64, goal: Goal, max_iterations: int
) -> tuple[Float64, int, float]:
    """Weights, number of iterations and gap at which L-BFGS reaches the goal, or is stopped."""
    gap, iterations, rows = np.inf, 0, np.arange(len(T))

    def loss(flat: Float64) -> tuple[float, Float64]:
        W = flat.reshape(T.shape[1], -1)
        penalised = np.vstack([np.zeros_like(W[:1]), W[1:]]) / goal.C
        P = T @ W
        P -= P.max(axis=1, keepdims=True)
        true = P[rows, codes]
        np.exp(P, out=P)
        sums = P.sum(axis=1)
        P /= sums[:, None]
        P[rows, codes] -= 1
        value = (np.log(sums) - true).sum() + (penalised * W).sum() / 2
        gradient = T.T @ P + penalised
        return float(value) / len(T), gradient.ravel() / len(T)

    def check(intermediate_result: OptimizeResult) -> None:
        nonlocal iterations, gap
        iterations += 1
        gap = intermediate_result.fun * len(T) / goal.objective - 1
        if gap <= SAME_OBJECTIVE:
            raise StopIteration

    options: Any = {
        "maxiter": max_iterations,
        "maxfun": 10 * max_iterations,
        "maxls": 50,
        "gtol": NEVER,
        "ftol": 0.0,
    }
    solution = minimize(loss, weights, jac=True, method="L-BFGS-B", callback=check, options=options)
    return np.asarray(solution.x), iterations, float(gap)


def run(Z: Float64, codes: Codes, legs: Sequence[Leg]) -> Any:
    """Scikit-learn's logistic regression after these iterations, each leg from the one before."""
    model = LogisticRegression(tol=NEVER, warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for leg in legs:
            model.set_params(C=leg.C, max_iter=leg.iterations).fit(Z, codes)
    return model


def first_iterations(legs: Sequence[Leg], iterations: int) -> list[Leg]:
    """The first iterations of all legs.

    >>> first_iterations([Leg(0.1, 5), Leg(1.0, 90), Leg(10.0, 7)], 20)
    [Leg(C=0.1, iterations=5), Leg(C=1.0, iterations=15)]
    """
    first: list[Leg] = []
    for leg in legs:
        taken = min(leg.iterations, iterations - sum(part.iterations for part in first))
        if taken > 0:
            first.append(leg._replace(iterations=taken))
    return first
