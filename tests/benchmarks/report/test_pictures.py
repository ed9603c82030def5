from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satclip_bench.benchmarks.ranking.shifts import rank_changes
from satclip_bench.benchmarks.report.change_figures import spread_apart
from satclip_bench.benchmarks.report.figures import write_figures
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.score_figures import compact
from satclip_bench.tasks import task_card
from tests.benchmarks.frames import ENCODERS, METRICS, assert_same_figures, fail, frame

CARDS = {name: task_card(name) for name in METRICS}


def ranks(table: pd.DataFrame) -> pd.DataFrame | None:
    changes = rank_changes(table, METRICS, ("random", "held-out-region"), "linear")
    return None if changes is None else changes.ranks


def test_ranks_of_two_splits_are_over_what_both_have() -> None:
    table = frame()
    biomes_held_out = (table["task"] == "biomes") & (table["split"] == "held-out-region")
    wrap_random = (table["encoder"] == "wrap") & (table["split"] == "random")
    table = table[~biomes_held_out & ~(wrap_random & (table["seed"] == 1))]
    both = ranks(table)
    assert both is not None
    assert sorted(both.index) == sorted(set(ENCODERS) - {"wrap"})
    assert both.to_numpy()[both.index == "geoclip"].tolist() == [[1, 1]]
    assert both.to_numpy()[both.index == "baseline.mean"].tolist() == [[4, 4]]


def test_no_gap_is_drawn_if_no_encoder_has_both_splits() -> None:
    table = frame(tasks=["biomes"])
    for encoder in ENCODERS:
        table = fail(table, encoder, "biomes")
    both = ranks(table)
    assert both is None or both.empty


@given(st.lists(st.floats(1, 20), min_size=1, max_size=20), st.floats(0.01, 2))
def test_labels_are_apart_in_order_and_centred(places: list[float], distance: float) -> None:
    places = sorted(places)
    moved = np.array(spread_apart(places, distance))
    assert len(moved) == len(places)
    assert (np.diff(moved) >= distance - 1e-9).all()
    assert moved.mean() == pytest.approx(np.mean(places))
    if (np.diff(places) >= distance).all():
        assert moved == pytest.approx(places)


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.634, "−0.63"), (-30.16, "−30.2"), (-615.4, "−615"), (-130140.6, "−1.3e5")],  # noqa: RUF001
)
def test_clipped_scores_are_compact(value: float, text: str) -> None:
    assert compact(value) == text


def test_the_users_settings_have_no_effect_and_stay(tmp_path: Path) -> None:
    table, titles = frame(tasks=["biomes"]), {"wrap": "$ 5_000 " + "long " * 20}
    cards = {"biomes": CARDS["biomes"]}
    results = Results(table, cards, titles)
    first = write_figures(results, {}, tmp_path / "a")
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "figure.dpi": 30}):
        second = write_figures(Results(table, cards, titles), {}, tmp_path / "b")
        assert mpl.rcParams["font.size"] == 20
    assert_same_figures(first, second)
