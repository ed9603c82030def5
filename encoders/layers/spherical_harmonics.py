"""Real spherical harmonics, computed by a stable recurrence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def real_harmonics(lonlat: Float, degrees: int) -> Float:
    """Orthonormal real spherical harmonics of degree 0 to `degrees - 1`.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
        degrees: number of degrees L, at least 1.

    Returns:
        `(N, L**2)`: column `l*l + l + m` is Y_lm with sin(|m| lon) for m < 0 and cos(m lon) for
        m > 0, without the Condon-Shortley phase. The integral of the square of each over the
        sphere is 1.

    >>> real_harmonics(np.array([[0.0, 90.0]]), degrees=2).round(4)
    array([[0.2821, 0.    , 0.4886, 0.    ]])
    """
    out = np.empty((degrees * degrees, len(lonlat)))
    Recurrence(degrees).fill(lonlat, out)
    return np.ascontiguousarray(out.T)


class Recurrence:
    """Recurrence of fully normalised associated Legendre functions, all orders of a degree at once.

    This is the standard forward column recurrence (Holmes and Featherstone 2002, J. Geodesy 76,
    eq. 11), which is stable everywhere on the sphere for the degrees used here (tested up to 200).

    Args:
        degrees: number of degrees L, at least 1.
    """

    def __init__(self, degrees: int) -> None:
        if degrees < 1:
            raise ValueError(f"harmonics need at least one degree, not {degrees}")
        self.degrees = degrees
        # Row l, column m < l: coefficients of sin(lat) P_(l-1)m and of P_(l-2)m in P_lm.
        self._a, self._b = np.zeros((2, degrees, degrees))
        for k in range(1, degrees):
            m = np.arange(k, dtype=np.float64)
            self._a[k, :k] = np.sqrt((4 * k * k - 1) / (k * k - m * m))
            if k > 1:
                m = m[:-1]
                self._b[k, : k - 1] = np.sqrt(
                    (2 * k + 1) * (k + m - 1) * (k - m - 1) / ((2 * k - 3) * (k * k - m * m))
                )

    @property
    def tables(self) -> tuple[Float, Float]:
        """Coefficients a and b in P_lm = a sin(lat) P_(l-1)m - b P_(l-2)m, `(L, L)` each: l, m."""
        return self._a, self._b

    def fill(self, lonlat: Float, out: NDArray[np.floating[Any]]) -> None:
        """Write the harmonics of `(n, 2)` degrees into `out`, `(L**2, n)`.

        The Legendre functions are always computed in float64, their products with the waves of
        longitude in the precision of `out`.

        The point index is last, so that each step runs over contiguous memory.
        """
        lon, lat = np.radians(lonlat).T
        single = out.dtype == np.float32
        cosine, sine = self._fast_waves(lon) if single else self._waves(lon)
        rounded = np.empty((self.degrees, len(lonlat)), np.float32) if single else None
        for degree, values in enumerate(self.legendre(lat)):
            legendre: NDArray[np.floating[Any]] = values
            if rounded is not None:
                rounded[: degree + 1] = values
                legendre = rounded[: degree + 1]
            middle = degree * degree + degree
            np.multiply(legendre, cosine[: degree + 1], out=out[middle : middle + degree + 1])
            # Orders -1, -2, ... are before the middle, in descending order.
            if degree:
                np.multiply(
                    legendre[1:], sine[1 : degree + 1], out=out[middle - degree : middle][::-1]
                )

    def legendre(self, lat: Float) -> Iterator[Float]:
        """Yield the Legendre functions of each degree l, `(l + 1, n)`: row m has order m.

        With the waves of longitude, which for orders above 0 have a factor of sqrt(2), they are the
        harmonics. The next ones overwrite them.

        Args:
            lat: `(n,)` latitudes in radians.
        """
        t, u = np.sin(lat), np.cos(lat)
        now, before, spare = np.zeros((3, self.degrees, len(lat)))
        sectoral = np.full(len(lat), np.sqrt(1 / (4 * np.pi)))
        for degree in range(self.degrees):
            if degree:
                sectoral = sectoral * (np.sqrt((2 * degree + 1) / (2 * degree)) * u)
                lower = slice(0, degree)
                # a t P_(l-1) - b P_(l-2), written into the arrays of the older values.
                np.multiply(self._a[degree, lower, None], t, out=spare[lower])
                spare[lower] *= now[lower]
                before[lower] *= self._b[degree, lower, None]
                np.subtract(spare[lower], before[lower], out=before[lower])
                now, before = before, now
            now[degree] = sectoral
            yield now[: degree + 1]

    def _waves(self, lon: Float) -> tuple[Float, Float]:
        """cos(m lon) and sin(m lon), `(L, n)` each, times sqrt(2) except for m = 0."""
        order = np.arange(self.degrees, dtype=np.float64)[:, None]
        cosine, sine = np.sqrt(2) * np.cos(order * lon), np.sqrt(2) * np.sin(order * lon)
        cosine[0] = 1
        return cosine, sine

    def plain_waves(self, lon: Float, dtype: np.dtype[Any]) -> NDArray[np.floating[Any]]:
        """cos(m lon) for m = 0 to L - 1, then sin(m lon) for m = 1 to L - 1, `(2 L - 1, n)`.

        Args:
            lon: `(n,)` longitudes in radians.
            dtype: precision to which the waves are rounded from float64.
        """
        powers = self._powers(lon, 1.0)
        waves: NDArray[np.floating[Any]] = np.empty((2 * self.degrees - 1, len(lon)), dtype)
        waves[: self.degrees], waves[self.degrees :] = powers.real, powers.imag[1:]
        return waves

    def _fast_waves(self, lon: Float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """`_waves` in float32 from products of exp(i lon), equal up to rounding to float32."""
        powers = self._powers(lon, np.sqrt(2))
        powers[0] = 1
        return powers.real.astype(np.float32), powers.imag.astype(np.float32)

    def _powers(self, lon: Float, first: float) -> NDArray[np.complex128]:
        """exp(i m lon) times `first`, `(L, n)`."""
        powers = np.empty((self.degrees, len(lon)), np.complex128)
        powers[0] = first
        turn = np.exp(1j * lon)
        known, last = 1, turn
        while known < self.degrees:
            # Multiplying z^k for k below `known` by z^known doubles the number of known powers.
            more = min(known, self.degrees - known)
            np.multiply(powers[:more], last, out=powers[known : known + more])
            known, last = known + more, last * last
        return powers
