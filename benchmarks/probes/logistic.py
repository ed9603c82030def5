"""Multinomial logistic regression by Newton's method, for one penalty after another.

Embeddings are often ill-conditioned: L-BFGS on standardised features then needs a thousand
iterations. Here, each Newton step is solved by conjugate gradients (Nash, SIAM J. Numer. Anal. 21,
1984), first with a diagonal preconditioner on principal axes, and with `ClassBlocks` once that
takes too many iterations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import svd
from scipy.special import softmax

from satclip_bench.benchmarks.probes.data import Codes, Float64, Floats
from satclip_bench.benchmarks.probes.estimators import fit_scaler
from satclip_bench.benchmarks.probes.logistic_blocks import ClassBlocks, affordable_threshold
from satclip_bench.benchmarks.probes.ridge_path import standardise

MAX_NEWTON_STEPS = 200
MAX_CG_STEPS = 400
DIAGONAL_CG_STEPS = 40
REBUILD_CG_STEPS = 25
MIN_STEP = 2.0**-30


@dataclass(frozen=True)
class LogisticFit:
    """How the fit for one penalty went.

    Attributes:
        converged: whether the tolerance was reached.
        objective: sum of the log losses plus penalty.
        decrement: half the squared Newton decrement before the last step, which predicts how far
            the objective then was above its minimum (Boyd and Vandenberghe, Convex Optimization,
            9.5.1).
        gradient_norm: Euclidean norm of the gradient after the last step, on principal axes.
        n_iter: number of Newton steps.
        products: number of products with the Hessian.
    """

    converged: bool
    objective: float
    decrement: float
    gradient_norm: float
    n_iter: int
    products: int


class LogisticPath:
    """Logistic regressions on the same standardised features; each fit starts from the last.

    Minimises the sum of the log losses plus ||W||^2 / (2 C), of which intercepts are not penalised.
    That is scikit-learn's objective, also for two classes, where scikit-learn penalises the
    difference of their coefficients.

    Args:
        X: `(n, D)` features.
        codes: `(n,)` class codes; each of 0 to K - 1 occurs.

    Examples:
        >>> X, codes = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 0, 1])
        >>> path = LogisticPath(X, codes)
        >>> path.fit(C=1.0, tolerance=1e-10).converged
        True
        >>> path.probabilities(X[:1]).round(3)
        array([[0.648, 0.352]])
    """

    def __init__(self, X: Floats, codes: Codes) -> None:
        self.scaler: Any = fit_scaler(X)
        U, scales, directions = svd(
            standardise(self.scaler, X), full_matrices=False, check_finite=False
        )
        kept = scales > scales[0] * max(X.shape) * np.finfo(np.float64).eps
        self._directions = directions[kept]
        # On principal axes, the features are orthogonal to each other and to the intercept.
        self._T = np.hstack([U[:, kept] * scales[kept], np.ones((len(X), 1))])
        self._T32 = self._T.astype(np.float32)
        self._squares = np.append(scales[kept] ** 2, len(X))
        self._codes, self._rows = codes, np.arange(len(X))
        counts = np.bincount(codes)
        self.weights = np.zeros((self._T.shape[1], len(counts)))
        self.weights[-1] = np.log(counts / len(X))
        self._blocks_pay = False

    @property
    def coefficients(self) -> Float64:
        """Coefficients `(D, K)` of the standardised features."""
        return np.asarray(self._directions.T @ self.weights[:-1])

    @property
    def intercepts(self) -> Float64:
        """Intercepts `(K,)`."""
        return np.asarray(self.weights[-1].copy())

    def probabilities(self, X: Floats) -> Float64:
        """Class probabilities `(m, K)` of `(m, D)` features."""
        logits = standardise(self.scaler, X) @ self.coefficients + self.intercepts
        return np.asarray(softmax(logits, axis=1))

    def fit(
        self, C: float, tolerance: float, give_up: Callable[[], bool] = lambda: False
    ) -> LogisticFit:
        """Fit for one penalty, starting from the weights of the previous fit.

        Args:
            C: inverse of the penalty, as in scikit-learn.
            tolerance: the fit ends after the step at which half the squared Newton decrement is
                below this fraction of the objective.
            give_up: function that is called after each Newton step from the third on; the fit also
                ends if it returns True.
        """
        penalty = np.full((len(self._squares), 1), (2.0 if self.weights.shape[1] == 2 else 1.0) / C)
        penalty[-1] = 0.0
        logits = self._T @ self.weights
        P, objective = self._evaluate(logits, penalty, self.weights)
        gradient = self._gradient(P, penalty)
        precondition: Callable[[Float64], Float64] | None = None
        products, decrement, converged, n_iter = 0, np.inf, False, 0
        while not converged and n_iter < MAX_NEWTON_STEPS:
            n_iter += 1
            if precondition is None:
                precondition = self._preconditioner(P, penalty)
            diagonal = not isinstance(precondition, ClassBlocks)
            limit = MAX_CG_STEPS
            if diagonal and not self._blocks_pay:
                limit = DIAGONAL_CG_STEPS
            step, steps, squared = self._newton_step(P, penalty, gradient, precondition, limit)
            products += steps
            self._blocks_pay |= steps >= DIAGONAL_CG_STEPS
            decrement = -float((gradient * step).sum()) / 2
            length, logits_step = 1.0, self._T @ step
            while length > MIN_STEP:
                moved = self.weights + length * step
                P_moved, lower = self._evaluate(logits + length * logits_step, penalty, moved)
                if lower <= objective - 2e-4 * length * decrement:
                    break
                length /= 2
            else:
                # The objective is as low as rounding allows.
                break
            converged = decrement <= tolerance * objective and length == 1.0
            self.weights, P, objective = moved, P_moved, lower
            logits = logits + length * logits_step
            gradient = self._gradient(P, penalty)
            if n_iter >= 3 and give_up():
                break
            if steps > REBUILD_CG_STEPS or length < 1 or squared > 10 * decrement:
                precondition = None
        norm = float(np.linalg.norm(gradient))
        return LogisticFit(converged, objective, decrement, norm, n_iter, products)

    def _evaluate(
        self, logits: Float64, penalty: Float64, weights: Float64
    ) -> tuple[Float64, float]:
        """Class probabilities `(n, K)` of the training set, and the objective."""
        P = logits - logits.max(axis=1, keepdims=True)
        true = P[self._rows, self._codes]
        np.exp(P, out=P)
        sums = P.sum(axis=1)
        P /= sums[:, None]
        loss = (np.log(sums) - true).sum() + 0.5 * (penalty * weights * weights).sum()
        return P, float(loss)

    def _gradient(self, P: Float64, penalty: Float64) -> Float64:
        residuals = P.copy()
        residuals[self._rows, self._codes] -= 1
        return np.asarray(self._T.T @ residuals + penalty * self.weights)

    def _preconditioner(self, P: Float64, penalty: Float64) -> Callable[[Float64], Float64]:
        if self._blocks_pay:
            threshold = affordable_threshold(P, self._T.shape[1])
            if threshold is not None:
                return ClassBlocks(self._T, self._squares, P, penalty[:, 0], threshold)
        curvature = np.maximum((P * (1 - P)).mean(axis=0), 1e-12)
        inverse = 1 / (self._squares[:, None] * curvature + penalty)
        return lambda residual: inverse * residual

    def _newton_step(
        self,
        P: Float64,
        penalty: Float64,
        gradient: Float64,
        precondition: Callable[[Float64], Float64],
        limit: int,
    ) -> tuple[Float64, int, float]:
        """The Newton step by conjugate gradients.

        Returns:
            The step; the number of products with the Hessian; the squared norm of the gradient
            under the preconditioner, which is near twice the decrement if that is good.
        """
        # Products of float32 are exact enough for the diagonal; the blocks would amplify rounding.
        T: NDArray[Any] = self._T if isinstance(precondition, ClassBlocks) else self._T32
        P = P.astype(T.dtype, copy=False)
        step, residual = np.zeros_like(gradient), -gradient
        direction = preconditioned = precondition(residual)
        squared = first = float((residual * preconditioned).sum())
        forcing = min(0.1, max(1e-2, np.sqrt(first / len(P)))) ** 2
        count = 0
        while count < limit:
            count += 1
            changes = P * (T @ direction.astype(T.dtype, copy=False))
            changes -= P * changes.sum(axis=1, keepdims=True)
            product = (T.T @ changes).astype(np.float64, copy=False) + penalty * direction
            curvature = float((direction * product).sum())
            if curvature <= 0:
                break
            step += squared / curvature * direction
            residual = residual - squared / curvature * product
            preconditioned = precondition(residual)
            previous, squared = squared, float((residual * preconditioned).sum())
            if squared <= forcing * first:
                break
            direction = preconditioned + squared / previous * direction
        return step, count, first
