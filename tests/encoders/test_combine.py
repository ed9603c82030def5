from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from satclip_bench.benchmarks.runs.embeddings import is_outside, source_sha256
from satclip_bench.benchmarks.runs.embeddings import weights_sha256 as weights_of
from satclip_bench.core.errors import BenchError, EncoderError, UnknownNameError
from satclip_bench.core.sphere import SwappedCoordinatesWarning, great_circle_km
from satclip_bench.encoders import EncoderCard, check_encoder, get_encoder, registry
from satclip_bench.encoders.combine import Combined, fibonacci_lattice
from satclip_bench.encoders.lookup.partial import PartialEncoder


def spread(n: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(1)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return np.stack([rng.uniform(-180, 180, n), lat], axis=1)


@pytest.mark.parametrize("name", ["wrap+direct", "harmonics.l5+cartesian3d+sines"])
def test_a_combination_obeys_the_contract(name: str) -> None:
    encoder = get_encoder(name)
    assert encoder.card.name == name
    check_encoder(encoder)


def test_blocks_are_centred_and_weigh_alike() -> None:
    result = get_encoder("direct+harmonics.l20").encode(spread(20_000)).astype(np.float64)
    blocks = result[:, :2], result[:, 2:]
    for block in blocks:
        assert np.abs(block.mean(axis=0)).max() < 0.02
        assert (block**2).sum(axis=1).mean() == pytest.approx(1, abs=0.03)


def test_a_block_is_the_encoders_own_but_for_a_shift_and_a_scale() -> None:
    lonlat = spread(200)
    own = get_encoder("harmonics.l5").encode(lonlat).astype(np.float64)
    block = get_encoder("wrap+harmonics.l5").encode(lonlat)[:, 4:].astype(np.float64)
    spreads = np.ptp(block, axis=0)[1:] / np.ptp(own, axis=0)[1:]
    assert np.ptp(spreads) < 1e-4 * spreads[0], "one scale for all columns"
    assert np.abs(block[:, 0]).max() < 1e-6, "the constant harmonic is only centred"


def test_company_and_order_of_points_make_no_difference() -> None:
    encoder = get_encoder("fourier+direct")
    lonlat = spread(50)
    assert np.abs(encoder.encode(lonlat)[7] - encoder.encode(lonlat[7:8])[0]).max() < 1e-6


def test_the_card_tells_of_all_parts() -> None:
    card = get_encoder("harmonics.l7+csp.inat").card
    assert card.dimension == 49 + 256
    assert card.title == "Spherical harmonics L=7 + CSP (iNat)"
    assert card.contaminates == ("inaturalist",)
    assert card.verified is False
    assert card.parameters["harmonics.l7: degrees"] == 7
    assert card.parameters["csp.inat: version"] == 1


class Foreign:
    """A user's encoder that does not derive from `Encoder`."""

    card = EncoderCard(name="foreign", title="Foreign", dimension=1)

    def encode(self, lonlat: ArrayLike, batch_size: int = 8192) -> NDArray[np.float32]:
        return np.zeros((len(np.asarray(lonlat)), 1), dtype=np.float32)


def test_a_part_from_outside_makes_the_whole_one_from_outside() -> None:
    inside, outside = get_encoder("wrap+direct"), Combined([get_encoder("wrap"), Foreign()])
    assert not is_outside(inside)
    assert is_outside(outside)
    assert len({source_sha256(e) for e in (inside, outside, get_encoder("wrap"))}) == 3
    assert outside.encode([[0, 0]]).shape == (1, 5)
    assert weights_of(inside) == ""


def test_weights_of_a_part_count() -> None:
    a, b = (get_encoder(f"torchspatial.{v}+wrap") for v in ("nerf-fmow", "sphere2vec-spherem-fmow"))
    assert len({weights_of(a), weights_of(b), ""}) == 3


class Regional(PartialEncoder):
    """Covers the points east of a meridian, with large values."""

    card = EncoderCard(name="regional", title="Regional", dimension=1)

    def __init__(self, west: float) -> None:
        super().__init__()
        self.west = west

    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(lonlat[:, :1] > self.west, 1000 + lonlat[:, 1:], np.nan)


@pytest.mark.filterwarnings("ignore::satclip_bench.encoders.lookup.partial.UncoveredPointsWarning")
def test_what_a_part_knows_nothing_of_does_not_count() -> None:
    lonlat = spread(5000)
    result = Combined([get_encoder("wrap"), Regional(west=0)]).encode(lonlat)[:, 4]
    known = result[lonlat[:, 0] > 0]
    assert abs(known.mean()) < 0.05
    assert known.std() == pytest.approx(1, abs=0.05)
    with pytest.raises(EncoderError, match=r"regional cannot be combined .* none of the 2048"):
        Combined([get_encoder("wrap"), Regional(west=180)]).encode(lonlat)


def test_rounding_is_not_blown_up() -> None:
    class Nearly(Foreign):
        card = EncoderCard(name="nearly", title="Nearly", dimension=1)

        def encode(self, lonlat: ArrayLike, batch_size: int = 8192) -> NDArray[np.float32]:
            noise = np.random.default_rng(0).choice([-1e-7, 1e-7], (len(np.asarray(lonlat)), 1))
            return (1 + noise).astype(np.float32)

    result = Combined([get_encoder("wrap"), Nearly()]).encode(spread(100))[:, 4]
    assert np.abs(result).max() < 1e-6


@pytest.mark.parametrize(
    ("names", "words"),
    [(["wrap", "wrap"], r"'wrap\+wrap' cannot"), (["wrap"], "two or more"), ([], "nothing")],
)
def test_what_cannot_be_combined(names: Sequence[str], words: str) -> None:
    with pytest.raises(BenchError, match=words):
        Combined([get_encoder(name) for name in names])


def test_names_on_the_command_line() -> None:
    assert registry.match(["wrap+direct", "direct"]) == ("wrap+direct", "direct")
    with pytest.raises(UnknownNameError, match=r"Did you mean 'direct'"):
        registry.match(["wrap+dierct"])
    for name in ("wrap+", "+wrap", "wrap++direct", "wrap + direct"):
        with pytest.raises(UnknownNameError, match=r"a plus joins two or more names"):
            get_encoder(name)
    with pytest.raises(BenchError, match="one by one"):
        get_encoder("wrap+direct", weights="x")


def test_swapped_coordinates_are_said_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        get_encoder("wrap+direct").encode([[52.0, 80.0], [48.0, 82.0], [40.0, 70.0]])
    assert [w.category for w in caught] == [SwappedCoordinatesWarning]


def test_the_lattice_is_even() -> None:
    lattice = fibonacci_lattice(2000)
    assert np.abs(lattice[:, 1]).max() < 90
    assert lattice[:, 0].min() >= -180
    assert lattice[:, 0].max() < 180
    # Each point has a cell of area 4 pi / 2000, about 500 km wide.
    nearest = [np.sort(great_circle_km(np.tile(p, (2000, 1)), lattice))[1] for p in lattice[::50]]
    assert min(nearest) > 300
    assert max(nearest) < 700
