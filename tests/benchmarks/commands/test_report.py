from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from rich.console import Console

from satclip_bench.benchmarks.report.board import Board
from satclip_bench.benchmarks.report.figures import write_figures
from satclip_bench.benchmarks.report.folds import regions
from satclip_bench.benchmarks.report.latex import escape_latex, latex
from satclip_bench.benchmarks.report.markdown import markdown
from satclip_bench.benchmarks.report.notes import edition_note
from satclip_bench.benchmarks.report.results import Results, board_names
from satclip_bench.benchmarks.report.tables import write_tables
from satclip_bench.benchmarks.report.terminal import print_board
from satclip_bench.benchmarks.report.wording import number
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import get_task, task_card
from tests.benchmarks.frames import METRICS, fail, frame

CARDS = {name: task_card(name) for name in METRICS}
TITLES = {"wrap": "Wrap", "geoclip": "50% & a_b <x> | $", "baseline.knn": "Nearest"}


def board(table: pd.DataFrame | None = None, split: str = "random") -> Board:
    table = frame() if table is None else table
    return Results(table, CARDS, TITLES).board(split, "linear")


def printed(shown: Board, width: int = 120) -> str:
    sink = io.StringIO()
    print_board(shown, Console(file=sink, width=width))
    return sink.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8524, ".852"),
        (-0.031, "-.031"),
        (0.0, ".000"),
        (0.99999, "1.000"),
        (-12.345, "-12.3"),
        (1.25, "1.250"),
        (-1e6, "-1.0e6"),
        (float("nan"), "\N{EN DASH}"),
        (-0.0001, ".000"),
    ],
)
def test_numbers_as_papers_print_them(value: float, text: str) -> None:
    assert number(value) == text


def test_the_board_has_ranked_rows_first_and_the_best_marked() -> None:
    shown = board(fail(frame(), "geoclip", "biomes"))
    assert [row.name for row in shown.rows] == [
        "wrap",
        "direct",
        "baseline.knn",
        "baseline.mean",
        "geoclip",
    ]
    assert [row.title for row in shown.rows[:2]] == ["Wrap", "direct"]
    best = {
        card.name: [r.name for r in shown.rows if r.scores[i].best]
        for i, card in enumerate(shown.tasks)
    }
    assert best == {"air_temperature": ["geoclip"], "elevation": ["geoclip"], "biomes": ["wrap"]}
    assert np.isnan(shown.rows[-1].rank)


def test_every_rendering_says_that_these_are_not_the_papers_tables() -> None:
    shown = board()
    words = "not the paper's tables for Air temperature, Elevation, Biomes"
    assert words in shown.note
    assert words in " ".join(printed(shown).split())
    assert words in markdown(shown)
    assert words in latex(shown)
    assert words in regions(board(split="held-out-region"))


def test_the_papers_own_tables_are_named_as_such() -> None:
    housing = task_card("california_housing")
    assert edition_note("open", (housing,)) == ""
    both = edition_note("open", (housing, CARDS["elevation"]))
    assert "for Elevation (the paper's own: California housing)" in both
    assert edition_note("paper", (CARDS["elevation"],)) == ""


def test_gaps_are_listed_in_every_rendering() -> None:
    shown = board(fail(frame(), "wrap", "biomes", "it raised_something"))
    for text in (printed(shown), markdown(shown), latex(shown)):
        text = text.replace("\\", "")
        assert "Wrap is not ranked: it is missing biomes (3 cells); it raised_something" in text
        assert "nan" not in text.lower().replace("baseline", "")


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_the_terminal_table_keeps_its_lines(width: int) -> None:
    assert max(map(len, printed(board(), width).splitlines())) <= width


def test_the_spread_is_dropped_before_the_table_breaks() -> None:
    assert "±" in printed(board(), 120).split("Mean over")[0]
    assert "±" not in printed(board(), 80).split("Mean over")[0]


def test_latex_is_escaped_and_whole() -> None:
    text = latex(board())
    assert r"50\% \& a\_b \textless{}x\textgreater{} | \$" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {line.replace(r"\&", "").count("&") for line in rows} == {len(METRICS) + 1}
    assert text.count("{") == text.count("}")
    assert text.count(r"\textbf") == len(METRICS)
    assert escape_latex("a^b~c\\d{e}#") == (
        r"a\textasciicircum{}b\textasciitilde{}c\textbackslash{}d\{e\}\#"
    )


def test_markdown_is_escaped_and_rectangular() -> None:
    lines = [line for line in markdown(board()).splitlines() if line.startswith("|")]
    assert r"50% & a\_b \<x\> \| $" in markdown(board())
    assert {line.replace(r"\|", "").count("|") for line in lines} == {len(METRICS) + 3}


def test_regions_show_test_points_of_unseen_classes() -> None:
    table = frame()
    table.loc[(table["task"] == "biomes") & (table["fold"] == "Oceania"), "n_unseen"] = 17
    text = regions(board(table, "held-out-region"))
    assert text.count("of unseen classes") == 1
    assert "| *of unseen classes* | 0 | 0 | 0 | 17 |" in text


def test_a_board_that_the_run_does_not_have() -> None:
    with pytest.raises(BenchError, match="--split random --probe linear"):
        Results(frame(), CARDS, TITLES).board("random", "mlp")
    assert board_names(frame()) == (("random", "linear"), ("held-out-region", "linear"))
    baselines = frame(encoders=["baseline.knn"])
    assert board_names(baselines) == (("random", "none"), ("held-out-region", "none"))
    assert Results(baselines, CARDS, TITLES).board("random", "none").rows[0].rank == 1


def test_files_are_the_same_bytes_a_second_time(tmp_path: Path) -> None:
    def hard(encoder: str, task: str, seed: int, fold: str) -> float:
        if encoder == "direct" and fold == "Asia":
            return -123.4
        return {"geoclip": 0.9, "wrap": -0.3}.get(encoder, 0.1) + 0.01 * seed

    maps = {"biomes": get_task("biomes").load(), "countries": get_task("countries").load()}
    maps["median_income"] = get_task("median_income").load()
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        results = Results(frame(hard), CARDS, TITLES)
        write_tables(results, folder)
        write_figures(results, maps, folder)
    names = sorted(p.relative_to(folders[0]) for p in folders[0].rglob("*") if p.is_file())
    assert [str(n) for n in names] == [
        "captions.md",
        "folds.held-out-region.linear.md",
        "folds.held-out-region.linear.tex",
        "gap.linear.png",
        "gaps.held-out-region.linear.md",
        "gaps.held-out-region.linear.tex",
        "gaps.random.linear.md",
        "gaps.random.linear.tex",
        "leaderboard.held-out-region.linear.md",
        "leaderboard.held-out-region.linear.tex",
        "leaderboard.random.linear.md",
        "leaderboard.random.linear.tex",
        *(f"maps/{name}.png" for name in sorted(maps)),
        "rank-changes.linear.md",
        "rank-changes.linear.tex",
        "ranks.held-out-region.linear.md",
        "ranks.held-out-region.linear.png",
        "ranks.held-out-region.linear.tex",
        "ranks.random.linear.md",
        "ranks.random.linear.png",
        "ranks.random.linear.tex",
        "regions.linear.md",
        "scores.linear.png",
        "scores.parquet",
    ]
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
        if name.suffix == ".png":
            picture = imread(folders[0] / name)
            assert picture.std() > 0.05
            assert min(picture.shape[:2]) > 250


@pytest.mark.parametrize("seeds", [[0], [0, 1, 2]])
def test_a_run_of_one_task_and_one_encoder_is_drawn(tmp_path: Path, seeds: list[int]) -> None:
    table = frame(seeds=seeds, tasks=["biomes"], encoders=["wrap"])
    cards = {"biomes": CARDS["biomes"]}
    # A single encoder cannot be ranked.
    results = Results(table, cards, TITLES)
    assert len(write_figures(results, {}, tmp_path)) == 2
    assert len(write_tables(results, tmp_path)) == 16


def test_a_run_in_which_all_failed_is_drawn(tmp_path: Path) -> None:
    table = fail(frame(tasks=["biomes"], encoders=["wrap"]), "wrap", "biomes")
    cards = {"biomes": CARDS["biomes"]}
    results = Results(table, cards, TITLES)
    write_tables(results, tmp_path)
    write_figures(results, {}, tmp_path)
    text = (tmp_path / "leaderboard.random.linear.md").read_text()
    assert "is not ranked" in text
