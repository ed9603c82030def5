"""Suites: named sets of cells, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from satclip_bench.core.card import Card
from satclip_bench.core.errors import UnknownNameError
from satclip_bench.core.registry import unknown_name
from satclip_bench.tasks import OPEN_TASKS, WIDE_TASKS, Edition, list_tasks, task_card

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

FULL_ENCODERS = (*DEFAULT_ENCODERS, *WITHOUT_WEIGHTS)
SPATIAL_ENCODERS = (*DEFAULT_ENCODERS, "siren.l10", "siren.l40")
FAST_PROBES = ("linear", "ridge", "knn")
PROBES = (*FAST_PROBES, "mlp", "lightgbm")
SPATIAL_SPLITS = ("blocks.10", "buffered.10-500", "held-out-region")
LABEL_SPLITS = ("labels.1", "labels.3", "labels.10", "labels.30", "random")
BLOCK_SPLITS = ("blocks.1", "blocks.2", "blocks.5", "blocks.10", "blocks.20", "blocks.40")

SEEDS = (0, 1, 2, 3, 4)
"""Seeds of random splits: with fewer, a difference of several standard deviations between seeds can
still be a tie (docs/uncertainty.md)."""

TEN_SEEDS = tuple(range(10))
"""Seeds of the linear probe, by which the main board ranks, where a fit is cheap enough, and of the
perceptron."""

THREE_SEEDS = (0, 1, 2)
"""Seeds of a fit that takes most of a minute."""

NO_SEED = (0,)
"""Seeds of the other splits with probes that are fitted in one way: the folds of `held-out-region`
do not depend on the seed, and the boards' intervals come from the tested places."""

# Holding out a continent holds out its countries and most of its ecoregions, and classes that are
# not in the training set cannot be predicted.
REGIONAL_TASKS = tuple(task for task in OPEN_TASKS if task not in ("countries", "ecoregions"))

SLOW_TASKS = ("ecoregions",)
QUICK_TASKS = tuple(task for task in OPEN_TASKS if task not in SLOW_TASKS)

# California is smaller than a block of ten degrees, and a buffer of 500 km leaves too few of the
# counties of the United States to train on.
GLOBAL_TASKS = tuple(
    task for task in REGIONAL_TASKS if task not in ("california_housing", "median_income")
)

# One per cent of the counties' training set are fewer rows than a split needs.
LABEL_TASKS = tuple(task for task in REGIONAL_TASKS if task != "median_income")


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
    seeds: tuple[int, ...] = SEEDS,
) -> Block:
    return Block(tasks=tasks, encoders=encoders, splits=("random",), probes=probes, seeds=seeds)


def _away_from_training(
    tasks: tuple[str, ...], encoders: tuple[str, ...], splits: tuple[str, ...]
) -> Block:
    return Block(tasks=tasks, encoders=encoders, splits=splits, probes=("linear",), seeds=NO_SEED)


SUITES: Mapping[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite(
            name="open",
            title="Open edition",
            description="The main job: eight tasks that ship with the repository, default encoders "
            "and baselines; random splits with ten seeds for the linear probe (ecoregions: five) "
            "and five for ridge and k-nearest neighbours; held-out regions. Sized for a laptop.",
            blocks=(
                _on_random_split(QUICK_TASKS, DEFAULT_ENCODERS, seeds=TEN_SEEDS),
                _on_random_split(QUICK_TASKS, DEFAULT_ENCODERS, probes=("ridge", "knn")),
                _on_random_split(SLOW_TASKS, DEFAULT_ENCODERS, probes=FAST_PROBES),
                _away_from_training(REGIONAL_TASKS, DEFAULT_ENCODERS, ("held-out-region",)),
            ),
        ),
        Suite(
            name="open-encoders",
            title="Open edition, every encoder",
            description="The encoders of the main job and thirteen without trained weights, with "
            "the linear probe: five seeds of random splits, and held-out regions.",
            blocks=(
                _on_random_split(OPEN_TASKS, FULL_ENCODERS),
                _away_from_training(REGIONAL_TASKS, FULL_ENCODERS, ("held-out-region",)),
            ),
        ),
        Suite(
            name="open-spatial",
            title="Open edition, split by split",
            description="Is the order of encoders the same away from the training points? The "
            "encoders of the main job and SatCLIP's network before training, "
            "on the global tasks, which all four splits can be made of: random, blocks of ten "
            "degrees, the same with a buffer of 500 km, held-out region.",
            blocks=(
                _on_random_split(GLOBAL_TASKS, SPATIAL_ENCODERS),
                _away_from_training(GLOBAL_TASKS, SPATIAL_ENCODERS, SPATIAL_SPLITS),
            ),
        ),
        Suite(
            name="open-probes",
            title="Open edition, perceptron and boosted trees",
            description="The encoders of the main job under random splits with the probes that "
            "train for long: multi-layer perceptron with ten seeds and LightGBM with five. "
            "Ecoregions, with hundreds of classes, has LightGBM alone, with three seeds.",
            blocks=(
                _on_random_split(QUICK_TASKS, DEFAULT_ENCODERS, probes=("mlp",), seeds=TEN_SEEDS),
                _on_random_split(QUICK_TASKS, DEFAULT_ENCODERS, probes=("lightgbm",)),
                _on_random_split(
                    SLOW_TASKS, DEFAULT_ENCODERS, probes=("lightgbm",), seeds=THREE_SEEDS
                ),
            ),
        ),
        Suite(
            name="open-labels",
            title="Open edition, label efficiency",
            description="Which encoders need few labels? The encoders of the main job with the "
            "linear probe on 1, 3, 10 and 30 % of the labels of random splits and on all of them, "
            "with five seeds, on the tasks that are not classes of places and of which 1 % are "
            "enough rows. `figures --kind label-efficiency` draws the curves.",
            blocks=(
                Block(
                    tasks=LABEL_TASKS,
                    encoders=DEFAULT_ENCODERS,
                    splits=LABEL_SPLITS,
                    probes=("linear",),
                    seeds=SEEDS,
                ),
            ),
        ),
        Suite(
            name="open-blocks",
            title="Open edition, sizes of blocks",
            description="How far do encoders carry? The encoders of the main job with the linear "
            "probe on the global tasks in blocks of 1 to 40 degrees. `figures --kind block-size` "
            "draws the curves.",
            blocks=(_away_from_training(GLOBAL_TASKS, DEFAULT_ENCODERS, BLOCK_SPLITS),),
        ),
        Suite(
            name="open-full",
            title="Open edition, everything",
            description="The encoders of the main job and thirteen without trained weights, with "
            "every probe: five seeds of random splits, one of held-out regions. A night on two "
            "cores, most of it for the perceptron.",
            blocks=(
                Block(
                    tasks=OPEN_TASKS,
                    encoders=FULL_ENCODERS,
                    splits=("random",),
                    probes=PROBES,
                    seeds=SEEDS,
                ),
                Block(
                    tasks=REGIONAL_TASKS,
                    encoders=FULL_ENCODERS,
                    splits=("held-out-region",),
                    probes=PROBES,
                    seeds=NO_SEED,
                ),
            ),
        ),
        Suite(
            name="open-wide",
            title="Open edition, tasks outside the paper",
            description="Tasks that ship with the repository and that the SatCLIP paper does not "
            "have, with the encoders, splits and probes of the suite open and five seeds. They "
            "have a separate board.",
            blocks=(
                _on_random_split(WIDE_TASKS, DEFAULT_ENCODERS, probes=FAST_PROBES),
                _away_from_training(WIDE_TASKS, DEFAULT_ENCODERS, ("held-out-region",)),
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
                Block(
                    tasks=("median_income", "biomes"),
                    encoders=(*BASELINES, "direct", "wrap", "harmonics.l10"),
                    splits=("random",),
                    probes=("linear", "knn"),
                    seeds=(0, 1, 2),
                ),
            ),
        ),
    )
}


def _coordbench() -> Suite:
    cards = [task_card(name) for name in list_tasks("coordbench")]
    # As for the open edition: a held-out continent holds out its countries and ecoregions.
    by_region = ("coordbench.satclip-country", "coordbench.satclip-ecoregion")
    regional = tuple(card.name for card in cards if card.name not in by_region)
    wide = tuple(card.name for card in cards if card.region != "equal-area block")
    return Suite(
        name="coordbench",
        title="CoordBench's tables",
        description="The tables of CoordBench with our splits and statistics: default encoders "
        "and baselines, linear probe; random splits with five seeds, held-out regions, and blocks "
        "of ten degrees for tables that cover the globe or the United States. None of them "
        "ships: `download 'coordbench.*'` fetches them, and what is missing is listed. Many hours.",
        edition="paper",
        blocks=(
            _on_random_split(tuple(card.name for card in cards), DEFAULT_ENCODERS),
            _away_from_training(regional, DEFAULT_ENCODERS, ("held-out-region",)),
            _away_from_training(wide, DEFAULT_ENCODERS, ("blocks.10",)),
        ),
    )


MADE_SUITES: Mapping[str, Callable[[], Suite]] = {"coordbench": _coordbench}
"""Functions that make the suites whose tasks are those of a catalogue, which is read for them."""


def list_suites() -> tuple[str, ...]:
    """Names of all suites."""
    return (*SUITES, *MADE_SUITES)


def get_suite(name: str) -> Suite:
    """Suite called `name`.

    Raises:
        UnknownNameError: there is no such suite; the message suggests similar names.
    """
    if name in MADE_SUITES:
        return MADE_SUITES[name]()
    if name not in SUITES:
        raise UnknownNameError(unknown_name("suite", name, list_suites()))
    return SUITES[name]


def suite_card(name: str) -> Suite:
    """Card of the suite called `name`: the suite itself, since a suite is data. As `get_suite`."""
    return get_suite(name)
