from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pytest
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.runs.cell import Cell
from satclip_bench.benchmarks.runs.plan import Selection, blocks_of, custom_by_name, make_plan
from satclip_bench.benchmarks.runs.suites import BASELINES, SUITES, Block, Suite, get_suite
from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.encoders import Encoder, EncoderCard, get_encoder, registry
from satclip_bench.encoders.combine import Combined

SUITE = Suite(
    name="toy",
    title="",
    description="",
    blocks=(
        Block(
            tasks=("biomes", "elevation"),
            encoders=("baseline.mean", "wrap", "direct"),
            splits=("random",),
            probes=("linear", "mlp"),
            seeds=(0, 1),
        ),
        Block(
            tasks=("elevation",),
            encoders=("wrap",),
            splits=("held-out-region",),
            probes=("linear",),
            seeds=(0,),
        ),
    ),
)


def names(cells: tuple[Cell, ...]) -> list[tuple[str, str, str, str, int]]:
    return [
        (c.settings.task, c.settings.encoder, c.settings.split, c.settings.probe, c.settings.seed)
        for c in cells
    ]


def test_all_of_a_suite() -> None:
    plan = make_plan(SUITE, Selection())
    # biomes and elevation at random: (1 + 2 x 2) x 2 seeds each; six continents of elevation.
    assert len(plan) == 2 * (1 + 4) * 2 + 6
    assert len({c.settings.key for c in plan}) == len(plan)
    assert plan == make_plan(SUITE, Selection())
    assert [c.settings.task for c in plan] == sorted(
        (c.settings.task for c in plan), key=["elevation", "biomes"].index
    )
    baselines = [c for c in plan if c.settings.encoder == "baseline.mean"]
    assert {c.settings.probe for c in baselines} == {"none"}


def test_names_the_suite_has_are_kept_where_it_has_them() -> None:
    assert len(blocks_of(SUITE, Selection(probes=["mlp"]))) == 1
    assert len(blocks_of(SUITE, Selection(encoders=["wrap"]))) == 2
    assert len(blocks_of(SUITE, Selection(tasks=["bio*"]))) == 1


def test_names_that_are_not_in_the_suite_join_all_of_its_cells() -> None:
    blocks = blocks_of(SUITE, Selection(encoders=["harmonics.l3"], tasks=["countries"]))
    assert [(b.tasks, b.encoders) for b in blocks] == [(("countries",), ("harmonics.l3",))] * 2


def test_a_combination_that_is_not_in_the_suite_is_run_as_given() -> None:
    (block,) = blocks_of(SUITE, Selection(splits=["held-out-region"], probes=["mlp"]))
    assert (block.splits, block.probes) == (("held-out-region",), ("mlp",))
    assert block.tasks == ("biomes", "elevation")


def test_seeds_replace_the_suites() -> None:
    plan = make_plan(SUITE, Selection(tasks=["biomes"], encoders=["direct"], seeds=[7]))
    assert names(plan) == [
        ("biomes", "direct", "random", "linear", 7),
        ("biomes", "direct", "random", "mlp", 7),
    ]


def test_an_encoder_of_ones_own_is_run_beside_the_suites_or_alone() -> None:
    own = {"mine": get_encoder("harmonics.l2")}
    both = make_plan(SUITE, Selection(tasks=["biomes"], own=own))
    assert {c.settings.encoder for c in both} == {"baseline.mean", "wrap", "direct", "mine"}
    some = make_plan(SUITE, Selection(tasks=["biomes"], encoders=["wrap"], own=own))
    assert {c.settings.encoder for c in some} == {"wrap", "mine"}
    alone = make_plan(SUITE, Selection(tasks=["biomes"], encoders=["mine"], own=own))
    assert {c.settings.encoder for c in alone} == {"mine"}


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(tasks=["elevaton"]), "no task is called 'elevaton'. Did you mean 'elevation'"),
        (Selection(encoders=["geoclp"]), "Did you mean 'geoclip'"),
        (Selection(encoders=["baseline.men"]), r"Did you mean 'baseline\.mean'"),
        (Selection(splits=["randon"]), "Did you mean 'random'"),
        (Selection(probes=["linaer"]), "Did you mean 'linear'"),
    ],
)
def test_unknown_names(selection: Selection, words: str) -> None:
    with pytest.raises(UnknownNameError, match=words):
        make_plan(SUITE, selection)


def test_a_task_that_cannot_be_read_becomes_a_cell_with_a_problem() -> None:
    plan = make_plan(SUITE, Selection(tasks=["inaturalist", "biomes"], encoders=["wrap"]))
    problems = {c.settings.task: c.problem for c in plan}
    assert problems["biomes"] == ""
    assert "train2018.json" in problems["inaturalist"]
    assert {c.settings.fold for c in plan if c.problem} == {"-"}


def test_a_split_that_cannot_be_made_becomes_a_cell_with_a_problem() -> None:
    block = SUITE.blocks[0].model_copy(update={"tasks": ("air_temperature",)})
    suite = SUITE.model_copy(update={"blocks": (block,)})
    plan = make_plan(suite, Selection(edition="paper"))
    assert all("--data-dir" in c.problem for c in plan)


@pytest.mark.parametrize("name", sorted(SUITES))
def test_every_suite_names_what_exists(name: str) -> None:
    suite = get_suite(name)
    for block in suite.blocks:
        assert set(BASELINES) <= set(block.encoders)
    assert blocks_of(suite, Selection()) == suite.blocks
    for b in suite.blocks:
        # A name that does not exist raises.
        blocks_of(suite, Selection(b.tasks, b.encoders, b.splits, b.probes))


def test_an_unknown_suite() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'open'"):
        get_suite("opne")


class Named(Encoder):
    """A custom encoder with any name."""

    def __init__(self, name: str) -> None:
        self.card = EncoderCard(name=name, title="Named", dimension=2)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.sin(lonlat / 90))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("wrap", "built-in encoder or family"),
        ("satclip.vit16-l40", "built-in encoder or family"),
        ("harmonics.l11", "built-in encoder or family"),
        ("harmonics.mine", "built-in encoder or family"),
        ("own.x", "built-in encoder or family"),
        ("harmonics", "built-in encoder or family"),
        ("baseline.knn", "baselines"),
        ("baseline.mine", "baselines"),
        ("", "it is empty"),
        ("  ", "it is empty"),
        (" mine", "a space"),
        ("mine*", "a wildcard"),
        ("mine?", "a wildcard"),
        ("mine[1]", "a wildcard"),
        ("mine,x", "a comma"),
        ("mine+wrap", "a plus sign"),
        ("a/b", "a slash"),
        ("a\\b", "a slash"),
        ("..", "a folder"),
        ("-x", "a dash"),
        ("a\nb", "cannot be printed"),
    ],
)
def test_names_that_cannot_be_chosen_or_are_taken_are_refused(name: str, words: str) -> None:
    with pytest.raises(BenchError, match=words):
        custom_by_name([("my.py:Named", Named(name))])
    with pytest.raises(BenchError, match=words):
        custom_by_name([("a combination", Combined([get_encoder("direct"), Named(name)]))])


def test_names_that_can_be_chosen_are_taken_once() -> None:
    pair = ("my.py:Named", Named("mine.v2"))
    assert set(custom_by_name([pair])) == {"mine.v2"}
    with pytest.raises(BenchError, match="another custom encoder of this run"):
        custom_by_name([pair, pair])
    # An encoder of the suite keeps its name.
    assert set(custom_by_name([("geoclip", get_encoder("harmonics.l7"))])) == {"harmonics.l7"}


def test_a_broken_package_fails_its_own_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("broken", "no_such_package:Encoder", "satclip_bench.encoders")
    monkeypatch.setattr(
        "satclip_bench.core.registry.installed_entry_points", lambda: EntryPoints([point])
    )
    monkeypatch.delitem(registry.__dict__, "_resolved", raising=False)
    monkeypatch.delitem(registry.__dict__, "_targets", raising=False)
    try:
        plan = make_plan(SUITE, Selection(tasks=["biomes"], encoders=["wrap,brok*"], seeds=[0]))
    finally:
        for name in ("_resolved", "_targets"):
            registry.__dict__.pop(name, None)
    problems = {c.settings.encoder: c.problem for c in plan}
    assert problems["wrap"] == ""
    assert "could not be imported from no_such_package:Encoder" in problems["broken"]


def test_more_cells_than_one_run_can_have_are_refused() -> None:
    with pytest.raises(BenchError, match="choose fewer with --seeds"):
        make_plan(SUITE, Selection(seeds=range(10**6)))
