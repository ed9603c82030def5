"""The tables of docs/pretraining.md that compare trained networks with wrap and untrained ones.

    python docs/studies/pretraining_goal.py
    python docs/studies/pretraining_goal.py results/pretrained/mine/encoder.safetensors

All global tasks of the suites open and open-wide, held-out-region, linear probe. A network is
compared with the encoder wrap, with the untrained encoders siren.l10 and siren.l40, and with its
own network before training, which has the first frequency and the damping of its recipe.

A difference is one of skill, pooled over regions. Its interval is that of the bootstrap of places
whose draws all encoders share. Against a network with several seeds, the difference is to the mean
of its seeds, and the interval reaches from the lowest to the highest end of the intervals against
each of them. A task is won if the interval is above zero, and lost if it is below. Without
arguments the weights that ship are compared, else those of the files.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from satclip_bluemarble import difference, marked
from typing_extensions import override

from satclip_bench.benchmarks.commands.api import evaluate
from satclip_bench.benchmarks.ranking.pooling import SKILL
from satclip_bench.benchmarks.ranking.ranking import Ranking, rank
from satclip_bench.benchmarks.runs.replicates import load_replicates
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import GLOBAL_TASKS
from satclip_bench.benchmarks.runs.tidy import tidy_frame
from satclip_bench.encoders import LocationEncoder
from satclip_bench.encoders.layers.harmonics_siren import HarmonicsSiren
from satclip_bench.encoders.layers.siren import Siren, random_siren
from satclip_bench.encoders.pretraining.config import Location
from satclip_bench.encoders.pretraining.location_encoder import damping_factors
from satclip_bench.encoders.satclip_retrained import TrainedSatCLIP, read_about
from satclip_bench.encoders.untrained import UntrainedSiren
from satclip_bench.encoders.weights.shipped import BLUE_MARBLE, SHIPPED
from satclip_bench.tasks import WIDE_TASKS, task_card

TASKS = (*GLOBAL_TASKS, *(task for task in WIDE_TASKS if task_card(task).extent == "global"))
SPLIT, PROBE = "held-out-region", "linear"
SEEDS = (0, 1, 2)
RUN = Path("results/runs/pretraining-goal")


class BeforeTraining(UntrainedSiren):
    """The network of a recipe before training.

    Args:
        name: name of the encoder.
        location: settings of the network.
        seed: seed of the random weights.
    """

    def __init__(self, name: str, location: Location, seed: int) -> None:
        super().__init__(location.degrees, seed)
        self._location = location
        self.card = self.card.model_copy(
            update={
                "name": name,
                "dimension": location.dimension,
                "parameters": {"seed": seed, **location.model_dump(mode="json")},
            }
        )

    @cached_property
    @override
    def _network(self) -> HarmonicsSiren:
        import torch

        location = self._location
        hidden = [location.width] * location.layers
        start = random_siren([location.degrees**2, *hidden, location.dimension], self.seed)
        damping = torch.from_numpy(damping_factors(location))
        network = Siren(
            (start.weights[0] * damping, *start.weights[1:]), start.biases, location.first_frequency
        )
        return HarmonicsSiren(network, location.degrees, "float64")


def opponents(path: Path) -> dict[str, list[LocationEncoder | str]]:
    """What the network of a file is compared with: a title, and its encoders, one per seed."""
    location = Location.model_validate(read_about(path)["config"]["location"])
    degrees, w0, damping = location.degrees, location.first_frequency, location.damping
    recipe = f"l{degrees}-w0-{w0:g}-damping-{damping:g}-width-{location.width}"
    siren: list[LocationEncoder | str] = [f"siren.l{degrees}"]
    for seed in SEEDS[1:]:
        encoder = UntrainedSiren(degrees, seed)
        encoder.card = encoder.card.model_copy(update={"name": f"siren.l{degrees}-seed{seed}"})
        siren.append(encoder)
    return {
        "wrap": ["wrap"],
        f"siren.l{degrees}": siren,
        "before training": [
            BeforeTraining(f"untrained.{recipe}-seed{seed}", location, seed) for seed in SEEDS
        ],
    }


def name_of(encoder: LocationEncoder | str) -> str:
    """Name under which an encoder has its records."""
    return encoder if isinstance(encoder, str) else encoder.card.name


def main(files: Sequence[Path]) -> None:
    """Run what is missing, and print a table in Markdown for every network."""
    if files:
        trained: list[LocationEncoder | str] = [
            TrainedSatCLIP(f"trained.{path.parent.name}", path) for path in files
        ]
    else:
        files = sorted(SHIPPED.glob(f"{BLUE_MARBLE}-*.safetensors"))
        trained = [f"{BLUE_MARBLE}.{path.stem.rpartition('-')[2]}" for path in files]
    others = [opponents(path) for path in files]
    encoders = {
        name_of(encoder): encoder
        for encoder in [*trained, *(e for sets in others for same in sets.values() for e in same)]
    }
    evaluate(list(encoders.values()), list(TASKS), SPLIT, PROBE, out=RUN)
    store = Store(RUN)
    frame = tidy_frame(store.records())
    frame = frame[frame["encoder"].isin(encoders)]
    metrics = dict.fromkeys(TASKS, SKILL)
    ranking = rank(frame, metrics, SPLIT, PROBE, load_replicates(store, SPLIT, PROBE))
    for encoder, sets in zip(trained, others, strict=True):
        names = {title: [name_of(e) for e in same] for title, same in sets.items()}
        show(ranking, name_of(encoder), names)


def show(ranking: Ranking, encoder: str, others: dict[str, list[str]]) -> None:
    """Print the table of one encoder."""
    print(f"\n| {encoder} | skill |", " | ".join(f"less {title}" for title in others), "|")
    print("|---|---:|" + "---:|" * len(others))
    outcomes = np.zeros((len(others), 3), dtype=np.int64)
    for task in TASKS:
        cells = []
        for column, names in enumerate(others.values()):
            gaps, lows, highs = zip(
                *(difference(ranking, task, encoder, name) for name in names), strict=True
            )
            low, high = min(lows), max(highs)
            outcomes[column] += [low > 0, low <= 0 <= high, high < 0]
            cells.append(marked(float(np.mean(gaps)), low, high))
        skill = f"{ranking.mean.loc[encoder, task]:.2f}"
        print("|", " | ".join([task_card(task).title, skill, *cells]), "|")
    totals = [f"{won} / {tied} / {lost}" for won, tied, lost in outcomes.tolist()]
    print("| won / level / lost | |", " | ".join(totals), "|")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
