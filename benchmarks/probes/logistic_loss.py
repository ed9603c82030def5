"""The log loss of a training set and its derivatives, summed over blocks of rows."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.probes.data import Codes, Float64
from satclip_bench.benchmarks.probes.logistic_axes import Axes
from satclip_bench.benchmarks.probes.rows import parts, release, work_array

MAX_SAMPLE = 2**17
"""Number of rows that preconditioners are built from if there are more."""


class LogLoss:
    """Log loss of a training set, of logits at a place and on the way in a direction from there.

    Probabilities are those of the last evaluation. Arrays of a number for each row and class are in
    temporary files if they are large.

    Args:
        axes: `(n, r)` features on principal axes.
        codes: `(n,)` class codes.
        classes: number K of classes.
    """

    def __init__(self, axes: Axes, codes: Codes, classes: int) -> None:
        self.count = len(codes)
        self._axes, self._codes = axes, codes
        self._parts = tuple(parts(self.count, max(axes.directions.shape[0], classes)))
        shape = (self.count, classes)
        self._logits, self._step, self._P = (work_array(shape, np.float64) for _ in range(3))
        self._P32 = work_array(shape, np.float32)

    def place(self, weights: Float64) -> None:
        """Start at weights `(r, K)`."""
        for part in self._parts:
            self._logits[part] = self._axes.times(part, weights)
            release(self._logits)

    def head_for(self, step: Float64) -> None:
        """Set the direction, `(r, K)` of weights."""
        for part in self._parts:
            self._step[part] = self._axes.times(part, step)
            release(self._step)

    def move(self, scale: float = 1.0, length: float = 0.0) -> None:
        """Go to a place: see `evaluate`."""
        for part in self._parts:
            self._logits[part] = self._at(part, scale, length)
            self._release()

    def evaluate(self, scale: float = 1.0, length: float = 0.0) -> float:
        """Log loss, summed over all rows, which also sets the probabilities.

        Args:
            scale: factor of the logits at the place.
            length: factor of the direction, which is added.
        """
        loss = 0.0
        for part in self._parts:
            logits, P = self._at(part, scale, length), self._P[part]
            np.subtract(logits, logits.max(axis=1, keepdims=True), out=P)
            true = P[np.arange(len(P)), self._codes[part]]
            np.exp(P, out=P)
            sums = P.sum(axis=1)
            P /= sums[:, None]
            np.copyto(self._P32[part], P, casting="same_kind")
            loss += float((np.log(sums) - true).sum())
            self._release()
        return loss

    def radial_derivatives(self) -> tuple[float, float]:
        """First and second derivative of the log loss with respect to a factor of the logits."""
        slope, curvature = 0.0, 0.0
        for part in self._parts:
            logits, P = self._logits[part], self._P[part]
            means = (P * logits).sum(axis=1)
            slope += means.sum() - logits[np.arange(len(P)), self._codes[part]].sum()
            curvature += ((P * logits * logits).sum(axis=1) - means**2).sum()
            self._release()
        return float(slope), float(curvature)

    def gradient(self) -> Float64:
        """Derivatives of the log loss with respect to the weights, `(r, K)`."""
        total = np.zeros((1 + self._axes.directions.shape[1], self._P.shape[1]))
        for part in self._parts:
            residuals = np.array(self._P[part])
            residuals[np.arange(len(residuals)), self._codes[part]] -= 1
            total += self._axes.transposed_times(part, residuals, len(total))
            self._release()
        return total

    def hessian_product(self, direction: Float64) -> Float64:
        """Product of the Hessian with weights `(a, K)` of the leading axes, in float32."""
        total = np.zeros_like(direction)
        direction32 = direction.astype(np.float32)
        for part in self._parts:
            P = self._P32[part]
            changes = P * self._axes.times(part, direction32)
            changes -= P * changes.sum(axis=1, keepdims=True)
            total += self._axes.transposed_times(part, changes, len(direction))
            release(self._P32)
        return total

    def sample(self) -> tuple[Float64, Float64]:
        """Features `(m, r)` and probabilities `(m, K)` of all rows, or of some that weigh more.

        The products of the features with each other are those of all rows, or estimate them.
        """
        if self.count <= MAX_SAMPLE:
            return self._axes.rows(slice(None)), self._P
        rows = np.linspace(0, self.count - 1, MAX_SAMPLE).astype(np.int64)
        P = np.array(self._P[rows])
        self._release()
        return self._axes.rows(rows) * np.sqrt(self.count / MAX_SAMPLE), P

    def _at(self, part: slice, scale: float, length: float) -> Float64:
        logits = self._logits[part]
        if scale != 1:
            logits = scale * logits
        return logits + length * self._step[part] if length else logits

    def _release(self) -> None:
        for array in (self._logits, self._step, self._P, self._P32):
            release(array)
