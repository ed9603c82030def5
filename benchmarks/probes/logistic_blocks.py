"""Preconditioner of multinomial logistic regression: the Hessian of likely classes alone."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.blas import dsymv
from scipy.linalg.lapack import dpotrf, dpotri

from satclip_bench.benchmarks.probes.data import Float64

THRESHOLDS = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2)
"""Probabilities below one of these are dropped."""

COST = 10
"""Largest cost of building the preconditioner, in products with the Hessian."""


class ClassBlocks:
    """Solves Newton's equations of a multinomial logistic regression with sparse probabilities.

    If class probabilities P are those of few classes for each row, the Hessian
    sum_i (diag(p_i) - p_i p_i') x t_i t_i' + penalty can be inverted by the Woodbury identity: each
    class needs a matrix of the size of its rows, and all share one matrix of the size of the
    training set (Rasmussen and Williams, Gaussian Processes for Machine Learning, algorithm 3.3,
    with the linear kernel). Dropped probabilities are replaced by their mean effect on each axis.

    Args:
        T: `(n, r)` features on principal axes; the last is the intercept.
        squares: `(r,)` sums of squares of the features.
        P: `(n, K)` class probabilities.
        penalty: `(r,)` penalties of the axes, that of the intercept being 0.
        threshold: probability below which a class is dropped from a row.
    """

    def __init__(
        self, T: Float64, squares: Float64, P: Float64, penalty: Float64, threshold: float
    ) -> None:
        rows, classes = P.shape
        kept = threshold < P
        sparse = np.where(kept, P, 0)
        penalty = penalty.copy()
        # The intercept would have an infinite prior variance; this one is large beside the others.
        penalty[-1] = penalty[0] * rows / (10 * squares[:-1].sum() + rows)
        dropped = (P - sparse).sum(axis=0)
        self._T, self._shape = T, (classes, rows)
        self._variances = 1 / (penalty[:, None] + (squares / rows)[:, None] * dropped)
        sparse /= sparse.sum(axis=1, keepdims=True)
        shared = np.zeros((rows, rows))
        self._blocks = []
        for number in range(classes):
            members = np.flatnonzero(kept[:, number])
            if not len(members):
                continue
            features, roots = T[members], np.sqrt(sparse[members, number])
            block = (features * self._variances[:, number]) @ features.T
            block *= roots
            block *= roots[:, None]
            block[np.diag_indices(len(members))] += 1
            factor, _ = dpotrf(block.T, lower=1, overwrite_a=1, clean=0)
            inverse, _ = dpotri(factor, lower=1, overwrite_c=1)
            inverse *= roots
            inverse *= roots[:, None]
            # The lower triangles hold the inverses; nothing reads the upper ones.
            shared[members[:, None], members] += inverse
            self._blocks.append((number, members, inverse))
        shared[np.diag_indices(rows)] += 1e-12 * np.trace(shared) / rows + 1e-300
        self._shared = cho_factor(shared, lower=True, overwrite_a=True, check_finite=False)

    def __call__(self, residual: Float64) -> Float64:
        """Solution `(r, K)` for the right-hand side `(r, K)`."""
        scaled = self._variances * residual
        inputs = np.ascontiguousarray((self._T @ scaled).T)
        outputs = np.zeros(self._shape)
        for number, members, inverse in self._blocks:
            outputs[number, members] = dsymv(1.0, inverse, inputs[number, members], lower=1)
        common = cho_solve(self._shared, outputs.sum(axis=0), check_finite=False)
        for number, members, inverse in self._blocks:
            outputs[number, members] -= dsymv(1.0, inverse, common[members], lower=1)
        return np.asarray(scaled - self._variances * (outputs @ self._T).T)


def affordable_threshold(P: Float64, axes: int) -> float | None:
    """Smallest threshold with which the preconditioner is not too expensive; None if none is.

    Args:
        P: `(n, K)` class probabilities.
        axes: number of feature axes r.
    """
    for threshold in THRESHOLDS:
        sizes = (threshold < P).sum(axis=0).astype(np.float64)
        cost = (2 * sizes**3 + 2 * axes * sizes**2).sum()
        if cost <= COST * 4 * P.size * axes:
            return threshold
    return None
