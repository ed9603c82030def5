"""Multinomial logistic regression by Newton's method, for one penalty after another.

Embeddings are often ill-conditioned: L-BFGS on standardised features then needs a thousand
iterations. Here, each Newton step is solved by conjugate gradients (Nash, SIAM J. Numer. Anal. 21,
1984), first with a diagonal preconditioner on principal axes, and with those of `logistic_blocks`
once that takes too many iterations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax

from satclip_bench.benchmarks.probes.data import Codes, Features, Float64, Floats
from satclip_bench.benchmarks.probes.estimators import fit_scaler
from satclip_bench.benchmarks.probes.logistic_axes import make_axes
from satclip_bench.benchmarks.probes.logistic_blocks import (
    Diagonal,
    Preconditioner,
    build_preconditioner,
    leading_axes,
)
from satclip_bench.benchmarks.probes.logistic_loss import LogLoss
from satclip_bench.benchmarks.probes.ridge_path import standardise

MAX_NEWTON_STEPS = 200
MAX_CG_STEPS = 400
DIAGONAL_CG_STEPS = 15
MAX_RESCALINGS = 4
NO_GAIN = 1e-26
"""Decrement, as a fraction of the objective, below which a fit is at the optimum, even if the step
was not solved for. Its first direction alone has 4 / condition number of all of it, so that at
a condition number of 1e12 no more than 1e-14 of the objective is left. Features that do not vary
have nothing but rounding in their gradient, for which no step can be solved."""

MIN_STEP = 2.0**-30

STALE = 5e-2
"""The preconditioner is built again when the objective has fallen by this part of it."""

NEGLIGIBLE = 1e-2
"""Products leave out axes on which the curvature is less than this part of the penalty."""


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

    def __init__(self, X: Features, codes: Codes) -> None:
        self.scaler: Any = fit_scaler(X)
        self._axes, self._codes = make_axes(self.scaler, X), codes
        counts = np.bincount(codes)
        self.weights = np.zeros((1 + self._axes.directions.shape[1], len(counts)))
        self.weights[0] = np.log(counts / len(X))
        self._diagonal_fails = False

    @property
    def coefficients(self) -> Float64:
        """Coefficients `(D, K)` of the standardised features."""
        return np.asarray(self._axes.directions @ self.weights[1:])

    @property
    def intercepts(self) -> Float64:
        """Intercepts `(K,)`."""
        return np.asarray(self.weights[0].copy())

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
        penalty = np.full((len(self.weights), 1), (2.0 if self.weights.shape[1] == 2 else 1.0) / C)
        penalty[0] = 0.0
        loss = LogLoss(self._axes, self._codes, self.weights.shape[1])
        objective = self._rescale(loss, penalty, tolerance)
        gradient = loss.gradient() + penalty * self.weights
        system: _System | None = None
        built_at = objective
        products, decrement, converged, n_iter = 0, np.inf, False, 0
        while not converged and n_iter < MAX_NEWTON_STEPS:
            n_iter += 1
            if system is None:
                system, built_at = self._system(loss, penalty), objective
            step, steps, solved = _newton_step(loss, penalty, gradient, system)
            products += steps
            decrement = -float((gradient * step).sum()) / 2
            if abs(decrement) <= NO_GAIN * objective:
                converged = True
                break
            length = 1.0
            loss.head_for(step)
            while length > MIN_STEP:
                moved = self.weights + length * step
                lower = loss.evaluate(length=length) + _penalised(moved, penalty)
                if lower <= objective - 2e-4 * length * decrement:
                    break
                length /= 2
            else:
                # The objective is as low as rounding allows.
                break
            converged = solved and decrement <= tolerance * objective and length == 1.0
            self.weights, objective = moved, lower
            loss.move(length=length)
            gradient = loss.gradient() + penalty * self.weights
            if n_iter >= 3 and give_up():
                break
            if built_at - objective > STALE * objective or not solved:
                system, self._diagonal_fails = None, self._diagonal_fails or not solved
        norm = float(np.linalg.norm(gradient))
        return LogisticFit(converged, objective, decrement, norm, n_iter, products)

    def _rescale(self, loss: LogLoss, penalty: Float64, tolerance: float) -> float:
        """Multiply the weights by the factor with the lowest objective, which is convex in it.

        Weaker penalties mostly make logits larger, and Newton's method is slow to enlarge them.

        Returns:
            The objective.
        """
        loss.place(self.weights)
        squares = float((penalty * self.weights**2).sum())
        objective = loss.evaluate() + _penalised(self.weights, penalty)
        factor = 1.0
        for _ in range(MAX_RESCALINGS):
            slope, curvature = loss.radial_derivatives()
            slope, curvature = slope + factor * squares, curvature + squares
            enough = slope**2 > 2 * max(tolerance, 1e-3) * objective * curvature
            # If all logits are equal, both are nothing but rounding.
            if not enough or curvature <= 1e-12 * loss.count:
                break
            other = factor - slope / curvature
            lower = loss.evaluate(other) + _penalised(other * self.weights, penalty)
            if lower >= objective:
                loss.evaluate(factor)
                break
            factor, objective = other, lower
        self.weights = factor * self.weights
        loss.move(factor)
        return objective

    def _system(self, loss: LogLoss, penalty: Float64) -> _System:
        """Preconditioner of the Newton steps, and the axes on which products are taken."""
        T, P = loss.sample()
        weights = P.astype(np.float32)
        weights *= 1 - weights
        curvature = (weights.T @ np.square(T.astype(np.float32))).T.astype(np.float64)
        diagonal = np.maximum(curvature, 1e-12 * loss.count) + penalty
        axes = leading_axes(penalty[:, 0], diagonal, NEGLIGIBLE)
        if not self._diagonal_fails:
            return _System(Diagonal(diagonal), axes, DIAGONAL_CG_STEPS)
        built = build_preconditioner(T, P, penalty[:, 0], diagonal)
        return _System(built, axes, MAX_CG_STEPS)


@dataclass(frozen=True)
class _System:
    """How Newton's equations are solved.

    Attributes:
        precondition: approximate inverse of the Hessian.
        axes: number of leading axes; on the others, the penalty alone counts.
        max_steps: largest number of steps of conjugate gradients.
    """

    precondition: Preconditioner
    axes: int
    max_steps: int


def _newton_step(
    loss: LogLoss, penalty: Float64, gradient: Float64, system: _System
) -> tuple[Float64, int, bool]:
    """The Newton step by conjugate gradients.

    They end when the gain of the quadratic model grows too slowly to go on (Nash and Sofer, Oper.
    Res. Lett. 9, 1990).

    Returns:
        The step, the number of products with the Hessian, and whether the step is as good as asked
        for.
    """
    step, residual = np.zeros_like(gradient), -gradient
    direction = preconditioned = system.precondition(residual)
    squared = first = float((residual * preconditioned).sum())
    forcing = min(0.25, max(5e-2, np.sqrt(first / loss.count)))
    count, gain, solved = 0, 0.0, False
    while count < system.max_steps:
        count += 1
        product = penalty * direction
        # The line search and the gradient are in float64, so that products may be of float32.
        product[: system.axes] += loss.hessian_product(direction[: system.axes])
        curvature = float((direction * product).sum())
        if curvature <= 0:
            # Only rounding makes it so. The line search shortens the step.
            step = step if count > 1 else direction
            break
        step += squared / curvature * direction
        added = squared**2 / curvature
        gain += added
        residual = residual - squared / curvature * product
        preconditioned = system.precondition(residual)
        previous, squared = squared, float((residual * preconditioned).sum())
        solved = count * added <= forcing * gain or squared <= 1e-14 * first
        if solved:
            break
        direction = preconditioned + squared / previous * direction
    # Adding the same coefficients to all classes changes no probability.
    return step - step.mean(axis=1, keepdims=True), count, solved


def _penalised(weights: Float64, penalty: Float64) -> float:
    """The penalty of weights, which is added to the log loss."""
    return float(0.5 * (penalty * weights * weights).sum())
