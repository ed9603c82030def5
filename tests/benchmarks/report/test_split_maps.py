from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from satclip_bench.benchmarks.report.figures import draw_split_maps
from satclip_bench.benchmarks.report.split_maps import (
    COLOURS,
    SETS,
    colours_of,
    draw_split,
    sets_of,
)
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import Fold, get_split
from satclip_bench.tasks import TaskTable
from tests.benchmarks.frames import METRICS, frame


def drawn(table: TaskTable, split: str, folds: tuple[Fold, ...], path: Path) -> Path:
    return draw_split(table, get_split(split).card, folds, path, 0)


@pytest.mark.parametrize(
    ("task", "split", "folds"),
    [
        ("biomes", "random", 1),
        ("biomes", "buffered.10-500", 5),
        ("median_income", "held-out-region", 4),
        ("california_housing", "few-shot", 11),
    ],
)
def test_every_set_is_visible(tmp_path: Path, task: str, split: str, folds: int) -> None:
    made = make_folds(TaskSource(task), split, 0)
    assert len(made) == folds
    picture = imread(drawn(load_table(TaskSource(task)), split, made, tmp_path / "a" / "split.png"))
    assert min(picture.shape[:2]) > 400
    for name, colour in zip(SETS, COLOURS, strict=True):
        if name == "validation" and made[0].inner:
            continue
        expected = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        near = (np.abs(picture[..., :3] - expected).max(axis=-1) < 0.02).sum()
        # Graticules are as light as what is left out: only many such pixels are points.
        assert near > 100 or (name == "left out" and "buffered" not in split)


def test_the_bytes_do_not_depend_on_the_users_settings(tmp_path: Path) -> None:
    folds = make_folds(TaskSource("median_income"), "checkerboard", 0)
    table = load_table(TaskSource("median_income"))
    first = drawn(table, "checkerboard", folds, tmp_path / "a.png")
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "figure.dpi": 30}):
        second = drawn(table, "checkerboard", folds, tmp_path / "b.png")
    assert first.read_bytes() == second.read_bytes()


def test_titles_of_the_user_are_not_set_as_mathematics(tmp_path: Path) -> None:
    table = load_table(TaskSource("median_income"))
    table = replace(table, card=table.card.model_copy(update={"title": "$income_{"}))
    fold = make_folds(TaskSource("median_income"), "random", 0)[0]
    strange = Fold("$x^{", fold.train, fold.validation, fold.test)
    assert drawn(table, "random", (strange,), tmp_path / "a.png").stat().st_size > 10_000


def test_a_row_in_no_set_is_left_out() -> None:
    one, two, three = (np.array([i], dtype=np.int64) for i in (4, 0, 2))
    sets = sets_of(Fold("x", one, two, three), 6)
    assert [SETS[s] for s in sets] == [
        *("validation", "left out", "test", "left out", "training", "left out"),
    ]


def test_training_points_have_the_shade_of_the_inner_fold_that_holds_them_out() -> None:
    fold = make_folds(TaskSource("median_income"), "held-out-region", 0)[0]
    rows = len(load_table(TaskSource("median_income")))
    colours = colours_of(fold, rows)
    assert set(colours[fold.test]) == {COLOURS[SETS.index("test")]}
    shades = [set(colours[inner.validation]) for inner in fold.inner]
    assert [len(shade) for shade in shades] == [1, 1, 1]
    assert shades[0] == {COLOURS[SETS.index("training")]}
    assert len(set().union(*shades)) == 3
    (random,) = make_folds(TaskSource("median_income"), "random", 0)
    assert set(colours_of(random, rows)) == set(COLOURS[1:])


def test_a_run_has_a_map_of_every_split_of_every_task(tmp_path: Path) -> None:
    table = frame(seeds=(2, 1), encoders=["wrap"])
    broken = table[table["task"] == "biomes"].assign(split="latitude.9")
    absent = table[table["task"] == "elevation"].assign(edition="paper")
    paths = draw_split_maps(pd.concat([table, broken, absent]), tmp_path)
    assert [p.name for p in paths] == [
        f"{task}.{split}.png" for task in sorted(METRICS) for split in ("held-out-region", "random")
    ]
    seed = int(table["seed"].min())
    folds = make_folds(TaskSource("biomes"), "random", seed)
    again = draw_split(
        load_table(TaskSource("biomes")),
        get_split("random").card,
        folds,
        tmp_path / "again.png",
        seed,
    )
    assert again.read_bytes() == (tmp_path / "biomes.random.png").read_bytes()
