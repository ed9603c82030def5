"""Profiles of encoders with full and partial coverage, and the command that prints them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands import profile as command
from satclip_bench.benchmarks.profiles.coverage import embed_covered
from satclip_bench.benchmarks.profiles.files import as_dict
from satclip_bench.benchmarks.profiles.profile import profile, similarities
from satclip_bench.benchmarks.report.profile_figures import draw_profiles
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import unit_vectors
from satclip_bench.encoders import Encoder, EncoderCard, get_encoder
from satclip_bench.encoders.combine import Combined
from satclip_bench.encoders.lookup.partial import PartialEncoder
from tests.benchmarks.profiles.small import SMALL


class North(PartialEncoder):
    """Unit vectors north of a latitude."""

    def __init__(self, south: float = 0.0) -> None:
        super().__init__()
        self.south = south
        self.card = EncoderCard(name="north", title="North", dimension=3)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(lonlat[:, 1:] > self.south, unit_vectors(lonlat), np.nan)


def test_only_covered_points_are_described() -> None:
    areas = profile(North(), sizes=SMALL).areas
    assert areas["sphere"].coverage == pytest.approx(0.5, abs=0.01)
    assert areas["sphere"].participation_ratio < 3
    # All columns are linear in the unit vectors, the harmonics of degree 1.
    assert areas["sphere"].expressed[1] == pytest.approx(1)
    assert areas["land"].coverage > 0.6


def test_too_few_covered_points_are_an_error() -> None:
    with pytest.raises(BenchError, match="too few for a profile"):
        profile(North(80), sizes=SMALL)


def test_a_combination_covers_what_all_of_its_parts_cover() -> None:
    points = np.array([[0.0, 40.0], [0.0, -40.0]])
    combined = Combined([get_encoder("wrap"), North()])
    assert embed_covered(combined, points, "points")[1].tolist() == [True, False]


def test_the_same_seed_gives_the_same_profile() -> None:
    encoder = get_encoder("fourier")
    first, again, other = (as_dict(profile(encoder, seed, SMALL)) for seed in (0, 0, 1))
    assert json.dumps(first) == json.dumps(again)
    assert json.dumps(first) != json.dumps(other)


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_the_same_profiles_give_the_same_figure(tmp_path: Path, ending: str) -> None:
    described = [profile(North(), sizes=SMALL)]
    first, second = (draw_profiles(described, tmp_path / f"{name}.{ending}") for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_similarity_with_too_few_common_points_is_unknown() -> None:
    matrix = similarities([get_encoder("wrap"), North(80)], SMALL)["sphere"]
    assert matrix.diagonal().tolist() == [1, 1]
    assert np.isnan(matrix[0, 1])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "profile", partial(profile, sizes=SMALL))
    monkeypatch.setattr(command, "similarities", partial(similarities, sizes=SMALL))


@pytest.mark.usefixtures("small")
def test_command_prints_profiles_and_draws_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["info", "wrap", "--profile", "--beside", "cartesian3d"]
    assert main([*arguments, "--figure", str(tmp_path / "a.pdf")]) == 0
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    text = capsys.readouterr().out
    assert "Wrap" in text
    assert "Cartesian 3D" in text
    assert "similarity (linear CKA)" in text
    assert main([*arguments, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [p["encoder"] for p in content["profiles"]] == ["wrap", "cartesian3d"]
    sphere = content["profiles"][1]["areas"]["sphere"]
    assert sphere["half_sill_km"] == pytest.approx(6671, rel=0.02)
    assert content["linear_cka"]["sphere"][0][1] == content["linear_cka"]["sphere"][1][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["wrap", "--beside", "direct"], "add --profile"),
        (["wrap", "--profile", "--figure", "x.svg"], "should end with .png or .pdf"),
        (["wrapp", "--profile"], "no encoder is called 'wrapp'"),
        (["baseline.knn", "--profile"], "it has no embedding"),
    ],
)
def test_wrong_options_are_explained(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_constant_has_no_profile() -> None:
    class Same(Encoder):
        card = EncoderCard(name="same", title="Same", dimension=2)

        def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
            # The variance of this number in float64 is not exactly zero.
            return np.full((len(lonlat), 2), 0.1)

    with pytest.raises(BenchError, match="same returned the same embedding for all 1,500 points"):
        profile(Same(), sizes=SMALL)
