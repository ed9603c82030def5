"""Features on principal axes, as matrices of which products are taken with blocks of rows."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from scipy.linalg import eigh, qr, svd

from satclip_bench.benchmarks.probes.data import Features, Float64, Floats
from satclip_bench.benchmarks.probes.ridge_path import decompose, standardise
from satclip_bench.benchmarks.probes.rows import read

MAX_BYTES = 2**29
"""Features that have up to this many bytes in float64 are rotated once and kept in memory."""


class Axes(Protocol):
    """Matrix `(n, r)` of a constant and of features on principal axes, the largest first.

    Weights with fewer than r rows are those of the leading axes. Products with float32 are computed
    in float32.
    """

    directions: Float64
    """Directions `(D, r - 1)` of the axes in the space of the standardised features."""

    def times(self, part: slice, weights: Floats) -> Floats:
        """Product of a range of rows with weights `(a, K)`: `(m, K)`."""
        ...

    def transposed_times(self, part: slice, values: Floats, axes: int) -> Floats:
        """Product of the transposed leading axes of a range of rows with `(m, K)`: `(a, K)`."""
        ...

    def rows(self, rows: Any) -> Float64:
        """Some rows, `(m, r)`, by a slice or by numbers."""
        ...


class StoredAxes:
    """Features on principal axes that are kept in memory.

    Args:
        Z: `(n, D)` standardised features.
    """

    def __init__(self, Z: Float64) -> None:
        axes, self.directions = principal_axes(Z)
        # On principal axes, the features are orthogonal to each other and to the intercept.
        self._T = np.hstack([np.ones((len(Z), 1)), axes])
        self._T32 = self._T.astype(np.float32)

    def times(self, part: slice, weights: Floats) -> Floats:
        """Product of a range of rows with weights `(a, K)`: `(m, K)`."""
        return np.asarray(self._of(weights)[part, : len(weights)] @ weights)

    def transposed_times(self, part: slice, values: Floats, axes: int) -> Floats:
        """Product of the transposed leading axes of a range of rows with `(m, K)`: `(a, K)`."""
        return np.asarray(self._of(values)[part, :axes].T @ values)

    def rows(self, rows: Any) -> Float64:
        """Some rows, `(m, r)`, by a slice or by numbers."""
        return np.asarray(self._T[rows])

    def _of(self, other: Floats) -> Floats:
        return self._T32 if other.dtype == np.float32 else self._T


class StreamedAxes:
    """Features on principal axes that are computed from blocks of rows each time.

    It is the weights that are rotated, not the features, which are many more.

    Args:
        scaler: scaler of the features.
        X: `(n, D)` features.
    """

    def __init__(self, scaler: Any, X: Features) -> None:
        self._scaler, self._X = scaler, X
        triangle = decompose(scaler, X, np.empty((len(X), 0)), np.empty(0))
        _, scales, directions = svd(triangle, full_matrices=False, check_finite=False)
        kept = scales > scales[0] * max(X.shape) * np.finfo(np.float64).eps
        self.directions: Float64 = directions[kept].T.copy()
        self._block: tuple[slice, Floats] | None = None

    def times(self, part: slice, weights: Floats) -> Floats:
        """Product of a range of rows with weights `(a, K)`: `(m, K)`."""
        axes = len(weights) - 1
        rotated = self.directions[:, :axes] @ weights[1:].astype(np.float64)
        Z = self._standardised(part, weights.dtype)
        return np.asarray(Z @ rotated.astype(Z.dtype) + weights[0])

    def transposed_times(self, part: slice, values: Floats, axes: int) -> Floats:
        """Product of the transposed leading axes of a range of rows with `(m, K)`: `(a, K)`."""
        products = self._standardised(part, values.dtype).T @ values
        self._block = None
        rotated = self.directions[:, : axes - 1].T @ products.astype(np.float64)
        return np.vstack([values.sum(axis=0), rotated])

    def rows(self, rows: Any) -> Float64:
        """Some rows, `(m, r)`, by a slice or by numbers."""
        Z = standardise(self._scaler, read(self._X, rows))
        return np.hstack([np.ones((len(Z), 1)), Z @ self.directions])

    def _standardised(self, part: slice, dtype: np.dtype[Any]) -> Floats:
        """Standardised features of a range of rows, kept for the next product with them."""
        if self._block is not None:
            last, Z = self._block
            if last == part and Z.dtype == dtype:
                return Z
        X = read(self._X, part)
        Z = np.empty(X.shape, dtype)
        # Centred in float64: the mean of a column can be large beside its scale.
        np.subtract(X, self._scaler.mean_, out=Z, casting="same_kind")
        Z /= self._scaler.scale_.astype(dtype)
        self._block = part, Z
        return Z


def make_axes(scaler: Any, X: Features) -> Axes:
    """Features on principal axes: in memory if they are few enough.

    Args:
        scaler: scaler of the features.
        X: `(n, D)` features.
    """
    if 8 * len(X) * X.shape[1] <= MAX_BYTES:
        return StoredAxes(standardise(scaler, read(X, slice(None))))
    return StreamedAxes(scaler, X)


def principal_axes(Z: Float64) -> tuple[Float64, Float64]:
    """Features on principal axes, largest first, and the axes' directions.

    The eigenvectors of the Gram matrix are orthogonal to rounding, so that no information is lost.
    Axes whose singular value is below 1e-8 of the largest are only mixed with each other.

    Args:
        Z: `(n, D)` centred features.

    Returns:
        `(n, r)` features without axes that do not vary, and orthonormal directions `(D, r)`.

    Examples:
        >>> axes, directions = principal_axes(np.array([[3.0, 4.0], [-3.0, -4.0]]))
        >>> abs(axes), abs(directions)
        (array([[5.],
               [5.]]), array([[0.6],
               [0.8]]))
    """
    rows, columns = Z.shape
    basis = None
    if columns > rows:
        basis, triangle = qr(Z.T, mode="economic", check_finite=False)
        Z = np.asarray(triangle.T)
    _, directions = eigh(Z.T @ Z, driver="evd", overwrite_a=True, check_finite=False)
    directions = directions[:, ::-1]
    axes = Z @ directions
    lengths = np.sqrt(np.square(axes).sum(axis=0))
    kept = lengths > lengths[0] * max(rows, columns) * np.finfo(np.float64).eps
    axes, directions = axes[:, kept], directions[:, kept]
    return axes, directions if basis is None else basis @ directions
