"""Preconditioners of multinomial logistic regression that invert parts of its Hessian.

The Hessian of the log loss is the sum over rows of (diag(p) - pp') x tt', for class probabilities
p and features t on principal axes. Only the leading axes matter: on the others, the penalty is
larger than the curvature, and the diagonal is enough. There, `CoupledAxes` inverts the whole
Hessian, which few classes and axes allow, and `ClassBlocks` inverts its block of each class.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from satclip_bench.benchmarks.probes.data import Float64
from satclip_bench.benchmarks.probes.rows import parts

MAX_COUPLED = 3000
"""Largest number of unknowns, axes times classes, whose joint Hessian is inverted."""

COUPLED_COST = 300
"""Largest cost of building `CoupledAxes`, in products with the Hessian."""

BLOCKS_COST = 12
"""Largest cost of building `ClassBlocks`, in products with the Hessian."""

MAX_CONDITION = 1e6
"""Largest bound on the condition number of blocks whose inverses are kept in float32."""

THRESHOLDS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
"""Weights p (1 - p) below one of these count in a class block by their diagonal alone."""

INVERSE = 12
"""Cost of inverting a block, divided by the cube of its size, in operations of products."""

ELEMENTWISE = 150
"""Cost of a product's elementwise operations for one probability, in operations of matrices."""


class Preconditioner(Protocol):
    """Approximate inverse of the Hessian."""

    def __call__(self, residual: Float64) -> Float64:
        """Approximate solution `(r, K)` for the right-hand side `(r, K)`."""
        ...


class Diagonal:
    """Inverse of the diagonal of the Hessian.

    Args:
        diagonal: `(r, K)` diagonal, with the penalty.
    """

    def __init__(self, diagonal: Float64) -> None:
        self._inverse = 1 / diagonal

    def __call__(self, residual: Float64) -> Float64:
        """Approximate solution `(r, K)` for the right-hand side `(r, K)`."""
        return np.asarray(self._inverse * residual)


class CoupledAxes:
    """Inverse of the Hessian of all classes on the leading axes, and of the diagonal elsewhere.

    Adding the same coefficients to all classes changes no probability. The Hessian gets a term for
    that direction, so that small penalties do not make it singular; right-hand sides whose classes
    add up to zero have the same solution.

    Args:
        T: `(n, r)` features on principal axes.
        P: `(n, K)` class probabilities.
        penalty: `(r,)` penalties of the axes.
        diagonal: `(r, K)` diagonal of the Hessian, with the penalty.
        axes: number of leading axes.
    """

    def __init__(
        self, T: Float64, P: Float64, penalty: Float64, diagonal: Float64, axes: int
    ) -> None:
        rows, classes = P.shape
        self._inverse, self._axes = 1 / diagonal, axes
        leading = np.ascontiguousarray(T[:, :axes])
        unknowns = axes * classes
        hessian, products = np.zeros((unknowns, unknowns)), np.zeros((axes, unknowns))
        for part in parts(rows, unknowns):
            weighted = P[part, :, None] * leading[part, None, :]
            weighted = weighted.reshape(-1, unknowns)
            hessian -= weighted.T @ weighted
            products += leading[part].T @ weighted
        blocks = hessian.reshape(classes, axes, classes, axes)
        grams = products.reshape(axes, classes, axes).transpose(1, 0, 2)
        blocks += grams.mean(axis=0)[None, :, None, :] / classes
        for number, gram in enumerate(grams):
            # If probabilities are near one, the difference is rounded; this keeps it positive.
            rounding = 1e-11 * gram.diagonal()
            blocks[number, :, number, :] += gram + np.diag(penalty[:axes] + rounding)
        self._factor = cho_factor(hessian, lower=True, overwrite_a=True, check_finite=False)

    def __call__(self, residual: Float64) -> Float64:
        """Approximate solution `(r, K)` for the right-hand side `(r, K)`."""
        solution = self._inverse * residual
        right = residual[: self._axes].T
        solved = cho_solve(self._factor, right.ravel(), check_finite=False)
        solution[: self._axes] = solved.reshape(right.shape).T
        return np.asarray(solution)


class ClassBlocks:
    """Inverse of each class's block on the leading axes, and of the diagonal elsewhere.

    Blocks have the weights p (1 - p). For each row, diag(p) - pp' lies between one and two times
    diag(p (1 - p)), except for changes common to its likely classes.

    Args:
        T: `(n, r)` features on principal axes.
        P: `(n, K)` class probabilities.
        penalty: `(r,)` penalties of the axes.
        diagonal: `(r, K)` diagonal of the Hessian, with the penalty.
        axes: number of leading axes.
    """

    def __init__(
        self, T: Float64, P: Float64, penalty: Float64, diagonal: Float64, axes: int
    ) -> None:
        self._inverse, self._axes = 1 / diagonal, axes
        weights = P * (1 - P)
        rows, classes = P.shape
        for threshold in THRESHOLDS:
            members = int((weights > threshold).sum())
            operations = 2 * members * axes**2 + INVERSE * classes * axes**3
            if operations <= BLOCKS_COST * product_cost(rows, classes, axes):
                break
        leading = np.ascontiguousarray(T[:, :axes])
        blocks = np.empty((classes, axes, axes))
        for number in range(classes):
            kept = np.flatnonzero(weights[:, number] > threshold)
            features = leading[kept] * np.sqrt(weights[kept, number])[:, None]
            blocks[number] = features.T @ features
        places = np.arange(axes)
        left_out = diagonal[:axes].T - penalty[:axes] - blocks[:, places, places]
        blocks[:, places, places] += penalty[:axes] + np.maximum(left_out, 0)
        inverses = np.linalg.inv(blocks)
        # Rounding to float32 must stay small beside the smallest eigenvalues of the inverses.
        condition = blocks.trace(axis1=1, axis2=2) * inverses.trace(axis1=1, axis2=2)
        accurate = condition.max() < MAX_CONDITION
        self._inverses = inverses.astype(np.float32 if accurate else np.float64)

    def __call__(self, residual: Float64) -> Float64:
        """Approximate solution `(r, K)` for the right-hand side `(r, K)`."""
        solution = self._inverse * residual
        right = residual[: self._axes].T[:, :, None].astype(self._inverses.dtype)
        solution[: self._axes] = np.matmul(self._inverses, right)[:, :, 0].T
        return np.asarray(solution)


def build_preconditioner(
    T: Float64, P: Float64, penalty: Float64, diagonal: Float64
) -> CoupledAxes | ClassBlocks:
    """Preconditioner of the leading axes that the numbers of rows, classes and axes allow.

    Args:
        T: `(n, r)` features on principal axes.
        P: `(n, K)` class probabilities.
        penalty: `(r,)` penalties of the axes.
        diagonal: `(r, K)` diagonal of the Hessian, with the penalty.
    """
    axes, (rows, classes) = leading_axes(penalty, diagonal, 0.1), P.shape
    if axes * classes <= MAX_COUPLED and coupled_cost(rows, classes, axes) <= COUPLED_COST:
        return CoupledAxes(T, P, penalty, diagonal, axes)
    affordable = BLOCKS_COST * product_cost(rows, classes, axes) / 2
    axes = min(axes, int((affordable / (INVERSE * classes)) ** (1 / 3)))
    return ClassBlocks(T, P, penalty, diagonal, max(axes, 1))


def leading_axes(penalty: Float64, diagonal: Float64, fraction: float) -> int:
    """Number of axes up to the last on which a class's curvature exceeds a part of the penalty.

    Args:
        penalty: `(r,)` penalties of the axes.
        diagonal: `(r, K)` diagonal of the Hessian, with the penalty.
        fraction: the part.
    """
    matter = diagonal.max(axis=1) > (1 + fraction) * penalty
    return int(np.flatnonzero(matter)[-1]) + 1


def product_cost(rows: int, classes: int, axes: int) -> float:
    """Cost of a product with the Hessian, in operations."""
    return rows * classes * (4.0 * axes + ELEMENTWISE)


def coupled_cost(rows: int, classes: int, axes: int) -> float:
    """Cost of building `CoupledAxes`, in products with the Hessian."""
    size = float(axes * classes)
    return 2 * (rows * size**2 + size**3 / 3) / product_cost(rows, classes, axes)
