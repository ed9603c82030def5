"""Boards of skill, the tables below them, and their notes."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from satclip_bench.benchmarks.report.board import Board
from satclip_bench.benchmarks.report.figures import left_out, write_figures
from satclip_bench.benchmarks.report.folds import folds_table, regions, target_deviations
from satclip_bench.benchmarks.report.gaps import gaps_table
from satclip_bench.benchmarks.report.latex import latex, text_latex
from satclip_bench.benchmarks.report.markdown import markdown
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.tables import write_tables
from satclip_bench.benchmarks.report.terminal import print_board
from satclip_bench.benchmarks.report.wording import DASH, DOUBLE_DAGGER
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import task_card
from tests.benchmarks.frames import METRICS, fail, frame, with_losses
from tests.benchmarks.ranking.test_ratings import replicates

CARDS = {name: task_card(name) for name in METRICS}
TITLE = "Skill over the training mean or majority, pooled over all tested points: 0 knows nothing"


def results(table: pd.DataFrame | None = None, **options: object) -> Results:
    return Results(with_losses(frame() if table is None else table), CARDS, **options)  # type: ignore[arg-type]


def held_out(table: pd.DataFrame | None = None) -> Board:
    return results(table).board("held-out-region", "linear")


def printed(board: Board, width: int = 120) -> str:
    sink = io.StringIO()
    print_board(board, Console(file=sink, width=width))
    return " ".join(sink.getvalue().split())


def test_every_rendering_of_a_spatial_board_says_that_it_shows_skill() -> None:
    board = held_out()
    assert board.metrics == ("skill", "skill", "skill")
    for text in (printed(board), markdown(board), latex(board).replace("\n", " ")):
        assert TITLE in text
        assert "what a pretrained encoder has seen of the region" in text
        assert "Europe includes Siberia" in text
    random = results().board("random", "linear")
    assert random.metrics == ("R²", "R²", "acc.")
    assert random.subtitle == ""
    assert "Siberia" not in random.note


def test_each_split_can_show_the_other_score() -> None:
    skill = results(score="skill").board("random", "linear")
    assert skill.metrics == ("skill", "skill", "skill")
    assert skill.heading.endswith("3 seeds · skill")
    own = results(score="task").board("held-out-region", "linear")
    assert own.metrics == ("R²", "R²", "acc.")
    old = Results(frame(), CARDS, score="skill")
    with pytest.raises(BenchError, match="have no skill"):
        old.board("random", "linear")


def test_rank_changes_are_of_skill_unless_the_tasks_scores_are_asked_for() -> None:
    assert results().in_skill.score == "skill"
    assert results(score="task").in_skill.score == "task"
    assert Results(frame(), CARDS).in_skill.score is None


def test_median_and_worst_region() -> None:
    def value(encoder: str, task: str, seed: int, fold: str) -> float:
        return {"Africa": -3.0, "Asia": 0.2, "Europe": 0.4}.get(fold, 0.8)

    table = folds_table(held_out(frame(value, seeds=[0], tasks=["elevation"])))
    assert table is not None
    assert {row.texts[1] for row in table.rows} == {".300 / -3.000"}
    assert "Median and worst region" in table.heading
    assert folds_table(results().board("random", "linear")) is None


def test_regions_have_sizes_deviations_and_r2_within() -> None:
    text = regions(held_out())
    elevation = text.split("## Elevation (skill)")[1].split("## ")[0]
    assert "R² within the region, against its own mean:" in elevation
    assert elevation.count("| geoclip |") == 2
    assert "| *standard deviation of the target* | 2 | 2 | 2 | 2 |" in elevation
    biomes = text.split("## Biomes (skill)")[1]
    assert "R² within the region" not in biomes.split("\n\n")[1]
    assert "*standard deviation" not in biomes


def test_the_deviation_of_a_target_follows_from_r2_and_rmse() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(3, 2.5, 200)
    rows = []
    for encoder in ("a", "b"):
        error = rng.normal(0, 1, 200)
        values = {"rmse": np.sqrt(np.mean(error**2)), "r2": 1 - np.mean(error**2) / y.var()}
        rows += [
            {"encoder": encoder, "task": "t", "seed": 0, "fold": "x", "metric": m, "value": v}
            for m, v in values.items()
        ]
    assert target_deviations(pd.DataFrame(rows))["x"] == pytest.approx(y.std())


def test_differences_stand_beside_every_tie() -> None:
    table = frame()
    board = Results(table, CARDS, {}, replicates(table, 1.0)).board("random", "linear")
    made = gaps_table(board)
    texts = {row.name: row.texts[1:] for row in made.rows}
    assert texts["geoclip"] == ("best", "best", "best")
    tied = {
        (row.name, card.name)
        for row in board.rows
        for card, score in zip(board.tasks, row.scores, strict=True)
        if score.tied and not score.best
    }
    assert tied
    for name, cells in texts.items():
        for card, cell in zip(board.tasks, cells, strict=True):
            assert cell.startswith("=") is ((name, card.name) in tied)
    assert texts["wrap"][0].lstrip("=").startswith("-.100")
    # The terminal, which does not show the differences, marks no ties.
    assert "=." not in printed(board)
    assert "tied" not in printed(board)
    assert r"Table~\ref{tab:gaps-random-linear}" in latex(board)
    assert r"\label{tab:gaps-random-linear}" in text_latex(made)


def test_an_encoder_with_a_missing_cell_has_no_difference() -> None:
    made = gaps_table(results(fail(frame(), "wrap", "biomes")).board("random", "linear"))
    wrap = next(row for row in made.rows if row.name == "wrap")
    assert wrap.texts[3] == DASH


def test_a_task_that_failed_for_all_is_named_and_takes_no_ranks() -> None:
    table = frame()
    for encoder in table["encoder"].unique():
        table = fail(table, encoder, "biomes", "the table has no regions\n")
    board = results(table).board("held-out-region", "linear")
    assert [card.name for card in board.tasks] == ["air_temperature", "elevation"]
    assert not any(row.missing for row in board.rows)
    for text in (printed(board), markdown(board), latex(board)):
        assert "Biomes is left out, also of the ranks, because a cell of it failed for" in text
        assert "every encoder: the table has no regions." in text


def test_the_note_names_the_kind_of_its_intervals() -> None:
    table = frame()
    table.loc[table["task"] == "elevation", "interval"] = "map"
    board = Results(table, CARDS, {}, replicates(table)).board("random", "linear")
    words = (
        "other points of this map for Elevation; other places like these for Air temperature and"
    )
    assert f"In brackets: 95 % interval of the mean: {words} Biomes." in markdown(board)
    one = frame()
    board = Results(one, CARDS, {}, replicates(one)).board("random", "linear")
    assert "In brackets: 95 % interval of the mean: other places like these." in board.note


def test_the_note_counts_clipped_predictions_and_lists_fits_that_did_not_converge() -> None:
    assert "did not converge" not in held_out().note
    assert "moved to its end" not in held_out().note
    table = frame()
    table.loc[(table["encoder"] == "wrap") & (table["task"] == "elevation"), "n_clipped"] = 7
    capped = (table["encoder"] == "geoclip") & (table["fold"] == "Asia") & (table["seed"] == 1)
    table.loc[capped, "converged"] = False
    note = held_out(table).note
    assert "moved to its end: 84 of 120,000, the most by wrap (84)." in note
    assert (
        "Fits that did not converge (3 of 180 cells): geoclip on Air temperature (1), geoclip on "
        "Biomes (1) and geoclip on Elevation (1)."
    ) in note


def test_a_recipe_chosen_with_the_tasks_labels_has_its_own_mark() -> None:
    table = frame()
    hit = (table["encoder"] == "geoclip") & (table["task"] == "biomes")
    table.loc[hit, "recipe_chosen"] = True
    board = results(table).board("held-out-region", "linear")
    for text in (printed(board), markdown(board)):
        assert text.count(DOUBLE_DAGGER) == 2
        assert "chosen with labels of this task" in text
    assert latex(board).count(r"$^\ddagger$") == 2
    without = results(table, contaminated=False).board("held-out-region", "linear")
    assert "geoclip" not in {row.name for row in without.rows}


def test_a_board_without_baselines_has_no_note_on_italics() -> None:
    board = results(frame(encoders=["wrap", "direct"])).board("random", "linear")
    assert "italics" not in markdown(board)
    assert "italics" not in latex(board)
    assert "Baselines in italics." in markdown(results().board("random", "linear"))


def test_no_label_of_latex_is_used_twice(tmp_path: Path) -> None:
    farms = CARDS["elevation"].model_copy(update={"name": "farms.yield", "paper_rows": 0})
    own = frame(tasks=["elevation"]).assign(task="farms.yield")
    table = with_losses(pd.concat([frame(), own], ignore_index=True))
    paths = write_tables(Results(table, CARDS | {"farms.yield": farms}), tmp_path)
    labels = [
        name
        for path in paths
        if path.suffix == ".tex"
        for name in re.findall(r"\\label\{(.*?)\}", path.read_text())
    ]
    assert "tab:held-out-region-linear-farms" in labels
    assert len(labels) == len(set(labels)) == sum(path.suffix == ".tex" for path in paths)


def test_figures_that_are_left_out_are_named(tmp_path: Path) -> None:
    assert left_out(results()) == ()
    table = frame(tasks=["elevation"], encoders=["wrap"], seeds=[0])
    table["value"] = np.nan
    made = Results(table, {"elevation": CARDS["elevation"]})
    drawn = {path.name for path in write_figures(made, {}, tmp_path)}
    sentences = left_out(made)
    assert "scores.linear is left out: no task has a score with this probe" in sentences
    assert not drawn & {sentence.split(" ")[0] for sentence in sentences}
    assert len(sentences) == 4
