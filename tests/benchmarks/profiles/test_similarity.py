"""Linear CKA, against its definition by centred Gram matrices and a closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from satclip_bench.benchmarks.profiles.similarity import linear_cka
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import get_encoder
from satclip_bench.encoders.combine import fibonacci_lattice


def test_cka_is_the_correlation_of_centred_gram_matrices() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)) + 5, rng.normal(size=(40, 7))
    y[:, 0] += x[:, 0]
    centring = np.eye(40) - 1 / 40
    k, other = centring @ x @ x.T @ centring, centring @ y @ y.T @ centring
    expected = (k * other).sum() / np.sqrt((k**2).sum() * (other**2).sum())
    assert linear_cka(x, y) == pytest.approx(expected, rel=1e-9)
    assert linear_cka(y, x) == pytest.approx(expected, rel=1e-9)
    turned = 3 * y @ ortho_group.rvs(7, random_state=rng) - 2
    assert linear_cka(x, turned) == pytest.approx(expected, rel=1e-9)


def test_cka_of_nested_orthonormal_columns() -> None:
    lattice = fibonacci_lattice(4096)
    few, many = (get_encoder(f"harmonics.l{n}").encode(lattice) for n in (5, 10))
    assert linear_cka(few, many) == pytest.approx(np.sqrt(24 / 99), rel=1e-3)


def test_a_constant_is_not_similar_to_anything() -> None:
    with pytest.raises(BenchError, match="the same everywhere"):
        linear_cka(np.ones((9, 2)), np.eye(9))
