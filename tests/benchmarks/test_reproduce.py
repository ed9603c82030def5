"""Published scores, protocols, and the verb `reproduce`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.cli import main
from benchmarks.protocols import get_protocol, list_protocols
from benchmarks.protocols.range import random_split
from benchmarks.published import COLUMNS, published_scores
from benchmarks.reproduce import PAPERS, verdict
from core.errors import BenchError
from encoders import encoder_card
from encoders.weights import weights_path

EXACT = {"Direct", "Cartesian 3D", "Wrap", "GeoCLIP"}


def run(out: Path, *options: str) -> pd.DataFrame:
    assert main(["reproduce", "--paper", "range", "--out", str(out), *options]) == 0
    return pd.read_csv(out / "reproduction.csv", keep_default_na=False, dtype=str)


def geoclip_at_hand() -> bool:
    card = encoder_card("geoclip").weights
    assert card is not None
    return weights_path(card).is_file()


def test_california_housing_comes_out_to_the_printed_digit(tmp_path: Path) -> None:
    """Of what ships alone; the other tasks and encoders say what is missing."""
    frame = run(tmp_path)
    assert len(frame) == 105
    housing = frame[frame["task"] == "california_housing"].set_index("encoder")
    for name in EXACT - (set() if geoclip_at_hand() else {"GeoCLIP"}):
        assert housing.loc[name, "verdict"] == "exact", name
        assert f"{float(str(housing.loc[name, 'measured'])):.3f}" == housing.loc[name, "published"]
    assert housing.loc["Theory", "verdict"] == "off"
    assert "not documented" in str(housing.loc["Theory", "note"])
    elsewhere = frame[frame["task"] != "california_housing"]
    assert set(elsewhere["verdict"]) == {"not run"}
    assert elsewhere["note"].str.len().min() > 20
    temperature = elsewhere[elsewhere["task"] == "air_temperature"]
    assert temperature["note"].str.contains("--data-dir").all()


def test_the_papers_stations_come_out_to_the_printed_digit(
    tmp_path: Path, shared_data: Path
) -> None:
    frame = run(tmp_path, "--data-dir", str(shared_data))
    found = frame[frame["task"] == "air_temperature"].set_index("encoder")
    for name in EXACT - (set() if geoclip_at_hand() else {"GeoCLIP"}):
        assert found.loc[name, "verdict"] == "exact", name


def test_an_unknown_paper_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--paper", "rnage", "--out", str(tmp_path)]) == 2
    assert "Did you mean 'range'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("published", "measured", "digits", "spread", "wanted"),
    [
        (0.381, 0.381363, 3, np.nan, "exact"),
        (0.381, 0.3815, 3, np.nan, "exact"),
        (0.381, 0.38151, 3, np.nan, "off"),
        (83.3, 83.349, 1, np.nan, "exact"),
        (0.75, 0.79, 2, 0.05, "within the spread"),
        (0.75, 0.81, 2, 0.05, "off"),
        (0.75, float("nan"), 2, 0.05, "off"),
    ],
)
def test_verdicts(
    published: float, measured: float, digits: int, spread: float, wanted: str
) -> None:
    assert verdict(published, measured, digits, spread) == wanted


def test_published_scores_keep_their_evidence(tmp_path: Path) -> None:
    frame = published_scores()
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 497
    assert (frame["evidence"] != "").all()
    assert frame["value"].notna().all()
    with pytest.raises(BenchError, match="cannot be read"):
        published_scores(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BenchError, match="should have the columns paper"):
        published_scores(tmp_path / "other.csv")


def test_every_name_of_a_paper_is_an_encoder_here() -> None:
    frame = published_scores()
    for paper in PAPERS.values():
        cells = frame[(frame["paper"] == paper.paper) & (frame["table"] == paper.table)]
        assert len(cells) > 0
        assert set(cells["encoder"]) == set(paper.encoders)
        for name in paper.encoders.values():
            encoder_card(name)
        digits = get_protocol(paper.protocol).card.digits
        assert set(cells["metric"]) == set(digits)


@pytest.mark.parametrize("name", list_protocols())
def test_protocols_are_data_with_a_version(name: str) -> None:
    card = get_protocol(name).card
    assert card.name == name
    assert card.version >= 1
    assert set(card.metrics.values()) == set(card.digits)


def test_the_split_of_range_is_torchs() -> None:
    train, test = random_split(103)
    order = torch.randperm(103, generator=torch.Generator().manual_seed(42)).tolist()
    # 0.8 and 0.2 of 103 are 82 and 20; torch gives what is left over to the first part.
    assert train.tolist() == order[:83]
    assert test.tolist() == order[83:]


def test_range_scores_classes_in_percent_and_sees_training_alone() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(3, size=400)
    features = np.eye(3)[classes] + rng.normal(scale=0.01, size=(400, 3))
    protocol = get_protocol("range")
    assert protocol.score(features, classes, "classification") == 100.0
    assert protocol.score(rng.normal(size=(400, 3)), classes, "classification") < 60
    _, test = random_split(400)
    target = features @ [1.0, 2.0, 3.0]
    assert protocol.score(features, target, "regression") > 0.99
    spoilt = features.copy()
    spoilt[test[0]] = 1e6
    # Were the scaler to see the test part, all other features would shrink to nothing.
    residual_only = protocol.score(spoilt[:, :1], target, "regression")
    assert residual_only < -1e6
