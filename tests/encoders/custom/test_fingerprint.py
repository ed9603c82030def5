"""The fingerprint of custom encoders, and encoders that cannot have one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders import Encoder, EncoderCard, get_encoder
from satclip_bench.encoders.custom.fingerprint import fingerprint, fingerprint_points

Forward = Callable[[NDArray[np.float64]], NDArray[Any]]


class Custom(Encoder):
    card = EncoderCard(name="custom", title="Custom", dimension=2)

    def __init__(self, forward: Forward) -> None:
        self._forward = forward

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[Any]:
        return self._forward(lonlat)


def test_the_points_never_change() -> None:
    """Keys of custom encoders depend on them."""
    digest = hashlib.sha256(fingerprint_points().tobytes()).hexdigest()
    assert digest == "51648be4666f073bcb8344be4cf74d7c67a71cc10f1b52828d013b527b18b2e7"
    lon, lat = fingerprint_points().T
    assert {-90, 90} <= set(lat)
    assert {-180, 180} <= set(lon)


def test_other_numbers_give_another_fingerprint() -> None:
    weights = np.ones(2)
    encoder = Custom(lambda x: np.sin(np.radians(x)) * weights)
    before = fingerprint(encoder)
    assert fingerprint(encoder) == before
    assert fingerprint(Custom(lambda x: np.sin(np.radians(x)))) == before
    weights[:] = 0.5
    assert fingerprint(encoder) != before


CALLS = iter(range(10**6))

UNSTEADY: dict[str, tuple[Forward, str]] = {
    "random": (lambda x: np.random.default_rng().random(x.shape), "a second time"),
    "dropout": (
        lambda x: x * (np.random.default_rng().random(x.shape) < 0.5),
        r"a second time .* model\.eval\(\)",
    ),
    "counts its calls": (lambda x: x + next(CALLS), "a second time"),
    "centred": (lambda x: x - x.mean(0), "with 7 points than with 256"),
    "batch normalisation": (lambda x: x / x.std(0), r"with 7 points .* model\.eval\(\)"),
    "cumulative": (lambda x: np.cumsum(x, 0), "in another order"),
    "row number": (lambda x: x + np.arange(len(x))[:, None], "in another order"),
    "size of the batch": (lambda x: x + len(x), "with 7 points than with 256"),
    "a seed for each call": (
        lambda x: x + np.random.default_rng(0).random(x.shape),
        "in another order",
    ),
}


@pytest.mark.parametrize("name", UNSTEADY)
def test_an_encoder_that_depends_on_chance_order_or_batch_is_refused(name: str) -> None:
    forward, words = UNSTEADY[name]
    with pytest.raises(EncoderError, match=words):
        fingerprint(Custom(forward))


@pytest.mark.parametrize(
    "name", ["random", "fourier", "harmonics.l40", "sphere2vec.m", "siren.l10"]
)
def test_encoders_of_the_suite_pass(name: str) -> None:
    assert len(fingerprint(get_encoder(name))) == 64
