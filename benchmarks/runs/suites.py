"""Suites: named sets of cells, as data."""

from __future__ import annotations

from collections.abc import Mapping

from satclip_bench.core.card import Card
from satclip_bench.core.errors import UnknownNameError
from satclip_bench.core.registry import unknown_name
from satclip_bench.tasks import OPEN_TASKS, Edition

BASELINES = ("baseline.mean", "baseline.knn", "baseline.idw", "baseline.gp")
FIRST_ENCODERS = (
    *("direct", "cartesian3d", "wrap", "harmonics.l10", "harmonics.l40"),
    *("geoclip", "satclip-bluemarble.l10", "satclip-bluemarble.l40"),
)
WITHOUT_WEIGHTS = (
    *("random", "sines", "fourier", "nerf", "space2vec.grid", "space2vec.theory"),
    *("sphere2vec.c", "sphere2vec.cplus", "sphere2vec.m", "sphere2vec.mplus"),
    *("harmonics.l20", "siren.l10", "siren.l40"),
)
DEFAULT_ENCODERS = (*BASELINES, *FIRST_ENCODERS)
ENCODERS_WITHOUT_DOWNLOAD = (*DEFAULT_ENCODERS, *WITHOUT_WEIGHTS)
PROBES = ("linear", "knn", "mlp", "lightgbm")
SPATIAL_SPLITS = ("blocks.10", "buffered.10-500", "held-out-region")

# Holding out a continent holds out its countries and most of its ecoregions, and classes that are
# not in the training set cannot be predicted.
REGIONAL_TASKS = tuple(task for task in OPEN_TASKS if task not in ("countries", "ecoregions"))

# California is smaller than a block of ten degrees.
WIDE_TASKS = tuple(task for task in REGIONAL_TASKS if task != "california_housing")


class Block(Card):
    """All combinations of tasks, encoders, splits, probes and seeds; baselines have no probe."""

    tasks: tuple[str, ...]
    encoders: tuple[str, ...]
    splits: tuple[str, ...]
    probes: tuple[str, ...]
    seeds: tuple[int, ...]


class Suite(Card):
    """A named set of cells."""

    name: str
    title: str
    description: str
    blocks: tuple[Block, ...]
    edition: Edition = "open"


def _on_random_split(
    tasks: tuple[str, ...],
    encoders: tuple[str, ...],
    probes: tuple[str, ...] = ("linear",),
    seeds: tuple[int, ...] = (0, 1, 2),
) -> Block:
    return Block(tasks=tasks, encoders=encoders, splits=("random",), probes=probes, seeds=seeds)


def _away_from_training(
    tasks: tuple[str, ...], encoders: tuple[str, ...], splits: tuple[str, ...]
) -> Block:
    return Block(tasks=tasks, encoders=encoders, splits=splits, probes=("linear",), seeds=(0,))


SUITES: Mapping[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite(
            name="open",
            title="Open edition",
            description="The main job: eight tasks that ship with the repository, default encoders "
            "and baselines, random and held-out-region splits. Sized for a laptop.",
            blocks=(
                _on_random_split(OPEN_TASKS, DEFAULT_ENCODERS, probes=PROBES, seeds=(0,)),
                _on_random_split(OPEN_TASKS, DEFAULT_ENCODERS),
                _away_from_training(REGIONAL_TASKS, DEFAULT_ENCODERS, ("held-out-region",)),
            ),
        ),
        Suite(
            name="open-encoders",
            title="Open edition, every encoder",
            description="The suite open with the linear probe alone, for every encoder that needs "
            "no download of weights.",
            blocks=(
                _on_random_split(OPEN_TASKS, ENCODERS_WITHOUT_DOWNLOAD),
                _away_from_training(
                    REGIONAL_TASKS, ENCODERS_WITHOUT_DOWNLOAD, ("held-out-region",)
                ),
            ),
        ),
        Suite(
            name="open-spatial",
            title="Open edition, split by split",
            description="Is the order of encoders the same away from the training points? Every "
            "encoder that needs no download of weights, on the tasks that all four splits can be "
            "made of: random, blocks of ten degrees, the same with a buffer of 500 km, held-out "
            "region. A quarter of an hour.",
            blocks=(
                _on_random_split(WIDE_TASKS, ENCODERS_WITHOUT_DOWNLOAD),
                _away_from_training(WIDE_TASKS, ENCODERS_WITHOUT_DOWNLOAD, SPATIAL_SPLITS),
            ),
        ),
        Suite(
            name="open-full",
            title="Open edition, everything",
            description="Every combination of the open edition with five seeds. Hours.",
            blocks=(
                Block(
                    tasks=OPEN_TASKS,
                    encoders=ENCODERS_WITHOUT_DOWNLOAD,
                    splits=("random", "held-out-region"),
                    probes=PROBES,
                    seeds=(0, 1, 2, 3, 4),
                ),
            ),
        ),
        Suite(
            name="paper",
            title="Paper edition",
            description="The paper's own tables, as far as they are here: linear and MLP probes, "
            "random and held-out-region splits. What is missing is listed with what to do; "
            "`download` fetches what some server offers. iNaturalist, whose 8,142 classes and "
            "437,513 training rows are more than these probes can hold, has the command `species`.",
            edition="paper",
            blocks=(
                _on_random_split(OPEN_TASKS, DEFAULT_ENCODERS, probes=("linear", "mlp")),
                _away_from_training(REGIONAL_TASKS, DEFAULT_ENCODERS, ("held-out-region",)),
            ),
        ),
        Suite(
            name="quick",
            title="Quick look",
            description="Two small tasks, encoders without weights: whether all is in place.",
            blocks=(
                _on_random_split(
                    ("median_income", "biomes"),
                    (*BASELINES, "direct", "wrap", "harmonics.l10"),
                    probes=("linear", "knn"),
                ),
            ),
        ),
    )
}


def list_suites() -> tuple[str, ...]:
    """Names of all suites."""
    return tuple(SUITES)


def get_suite(name: str) -> Suite:
    """Suite called `name`.

    Raises:
        UnknownNameError: there is no such suite; the message suggests similar names.
    """
    if name not in SUITES:
        raise UnknownNameError(unknown_name("suite", name, list(SUITES)))
    return SUITES[name]


def suite_card(name: str) -> Suite:
    """Card of the suite called `name`: the suite itself, since a suite is data. As `get_suite`."""
    return get_suite(name)
