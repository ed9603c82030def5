"""Spherical harmonics with the same rounding errors as in SatCLIP's released code.

That code evaluates each function as an expanded polynomial in cos(theta) whose coefficients SymPy
printed with 15 digits. The terms cancel: towards the poles the sum loses digits, at L=40 all of
them beyond 60 degrees (docs/satclip-numerics.md). This module is only for reproducing numbers that
were computed with the released code; otherwise use `harmonics_siren.satclip_basis`.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import comb, factorial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import sympy
    import torch

_VECTOR = 64
"""A multiple of the vector length of torch's functions on any processor."""


class Term(NamedTuple):
    """Numbers of one function, with c = cos(theta).

    The function is factor * (1 - c^2)^(order / 2) * (sum of coefficients * c^powers) * wave.
    """

    factor: float | None
    powers: tuple[int, ...]
    coefficients: tuple[float, ...]


def released_basis(lonlat: NDArray[np.float64], degrees: int) -> NDArray[np.float64]:
    """The harmonics of SatCLIP's released code, with its rounding errors.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
        degrees: number of degrees L, at least 1.

    Returns:
        `(N, degrees**2)` float64, with columns in the order of `real_harmonics`.
    """
    import torch

    # Torch's functions in the same order of operations as in the released code, so that every
    # rounding is the same. Torch rounds differently in the last, incomplete vector of an array, and
    # cancellation amplifies that: the array is padded to whole vectors.
    lon, lat = np.pad(lonlat, ((0, -len(lonlat) % _VECTOR), (0, 0))).T
    phi = torch.deg2rad(torch.from_numpy(lon + 180))
    c = torch.cos(torch.deg2rad(torch.from_numpy(lat + 90)))
    powers = [c**k for k in range(degrees)]
    sine2 = 1.0 - c**2
    out = torch.empty(degrees * degrees, len(lon), dtype=torch.float64)
    for order in range(degrees):
        # Integer and half-integer exponents take different code paths in torch's pow.
        root = sine2 ** (order // 2) if order % 2 == 0 else sine2 ** (order / 2)
        waves = {order: torch.cos(order * phi)}
        if order:
            waves[-order] = torch.sin(order * phi)
        for degree in range(order, degrees):
            for signed, wave in waves.items():
                column = degree * degree + degree + signed
                out[column] = _evaluate(degree, order, powers, root, wave)
    basis: NDArray[np.float64] = out[:, : len(lonlat)].T.contiguous().numpy()
    return basis


def _evaluate(
    degree: int, order: int, powers: list[torch.Tensor], root: torch.Tensor, wave: torch.Tensor
) -> torch.Tensor:
    term = released_term(degree, order)
    if term.factor is None:
        return _polynomial(term, powers)
    if (degree, order) == (2, 2):
        # The only function in which SymPy multiplied out (1 - c^2).
        return term.factor * (3.0 - 3.0 * powers[2]) * wave
    value: torch.Tensor = term.factor * root
    if len(term.powers) > 1:
        return value * _polynomial(term, powers) * wave
    return value * wave * powers[1] if term.powers == (1,) else value * wave


def _polynomial(term: Term, powers: list[torch.Tensor]) -> torch.Tensor:
    total: torch.Tensor | None = None
    for power, coefficient in zip(term.powers, term.coefficients, strict=True):
        part = coefficient * powers[power]
        total = part if total is None else total + part
    assert total is not None  # noqa: S101
    return total


@cache
def released_term(degree: int, order: int) -> Term:
    """Numbers of the released code for a degree and an order of at least 0.

    As in the released generator, SymPy evaluates for order m > 0
    sqrt(2) sqrt((2l + 1) / (4 pi) (l - m)! / (l + m)!) times the m-th derivative of P_l, and for
    order 0 sqrt((2l + 1) / 4 pi) P_l, which is pi times the correct value.
    """
    import sympy

    x, rest = sympy.symbols("x rest")
    derivative = _legendre_derivative(degree, order)
    polynomial = sympy.Add(
        *(sympy.Rational(c.numerator, c.denominator) * x**k for k, c in derivative)
    )
    if order == 0:
        # A quotient of Python numbers, as released: it is rounded before SymPy sees it.
        printed = (sympy.sqrt((2 * degree + 1) / 4 * sympy.pi) * polynomial).evalf()
        factor = None
    else:
        shrink = sympy.Rational(factorial(degree - order), factorial(degree + order))
        norm = sympy.sqrt(2) * sympy.sqrt(sympy.Integer(2 * degree + 1) / (4 * sympy.pi) * shrink)
        # `rest` stands for the factors that prevent SymPy from multiplying out the sum.
        number, others = (norm * polynomial * rest).evalf().as_coeff_Mul()
        printed = others / rest
        factor = _as_printed(norm.evalf() if (degree, order) == (2, 2) else number)
    terms = printed.as_coefficients_dict(x)
    powers = tuple(k for k, _ in derivative)
    return Term(factor, powers, tuple(_as_printed(terms[x**k]) for k in powers))


def _as_printed(number: sympy.Expr) -> float:
    """A number rounded to the 15 digits that SymPy prints."""
    return float(str(number))


def _legendre_derivative(degree: int, order: int) -> list[tuple[int, Fraction]]:
    """Exponents and exact coefficients of the `order`-th derivative of P_degree, descending."""
    return [
        (
            degree - 2 * k - order,
            Fraction((-1) ** k * comb(degree, k) * comb(2 * degree - 2 * k, degree), 2**degree)
            * Fraction(factorial(degree - 2 * k), factorial(degree - 2 * k - order)),
        )
        for k in range((degree - order) // 2 + 1)
    ]
