"""The MLP probe's batched training beside a plain loop, and beside its matrix products alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_bench.benchmarks.probes.data import Dataset, InnerSets
from satclip_bench.benchmarks.probes.halving import NetworkFold, Race
from satclip_bench.benchmarks.probes.mlp import SETTINGS, network_fold
from satclip_bench.benchmarks.probes.mlp_search import CANDIDATES, Candidate
from satclip_bench.benchmarks.probes.networks import Member, Networks
from satclip_bench.benchmarks.probes.perceptron import Layers, forward
from satclip_bench.benchmarks.probes.training import as_layers
from satclip_bench.benchmarks.speed.comparison import Comparison, Job
from satclip_bench.benchmarks.speed.embedded import Embedded
from satclip_bench.benchmarks.speed.plain_perceptron import products, trained

MEMBERS = 10
STEPS = SETTINGS.rungs[0][0]
"""Steps that every network takes: those of all candidates of the probe's search."""

PRODUCT_STEPS = 4
"""Steps whose matrix products are run in every round; those of the others take as long."""


def perceptrons(data: Embedded) -> Iterator[Comparison]:
    """Ten initialisations of the smallest candidate, and all candidates as the search starts them.

    The plain loop trains one network after the other, without the validation losses of the search.
    The matrix products are a limit that batching cannot pass.

    Args:
        data: embeddings and targets.
    """
    outputs = data.classes or None
    sets = InnerSets(Dataset(*data.train), Dataset(*data.validation))
    fold = network_fold(sets, outputs, torch.device("cpu"))
    smallest = min(CANDIDATES, key=lambda candidate: (candidate.depth, candidate.width))
    ten = [Member(fold.train, smallest, seed) for seed in range(MEMBERS)]
    candidates = [Member(fold.train, candidate, 0) for candidate in CANDIDATES]

    def train_ten() -> Networks:
        networks = Networks(ten, SETTINGS, outputs)
        networks.train(STEPS)
        return networks

    def start_search() -> Race:
        race = Race([fold], CANDIDATES, SETTINGS, outputs=outputs, seed=0)
        race.train_until(STEPS)
        return race

    def loop(members: Sequence[Member]) -> None:
        for member in members:
            trained(member, SETTINGS, outputs, STEPS)

    networks, winner = train_ten(), start_search().winner()
    difference_of_ten = max(
        _difference(
            fold,
            networks.layers(averages),
            as_layers(trained(member, SETTINGS, outputs, STEPS)),
        )
        for member, averages in zip(ten, networks.averages, strict=True)
    )
    expected = trained(candidates[winner.candidate], SETTINGS, outputs, winner.steps)
    difference_of_winner = _difference(fold, winner.layers, as_layers(expected))
    # All members of the ten are of one size, so that one of them is timed.
    jobs: tuple[tuple[str, Job, list[Member], int, float], ...] = (
        (
            f"MLP, {MEMBERS} networks of {smallest.depth} x {smallest.width}, {STEPS} steps",
            train_ten,
            ten[:1],
            MEMBERS,
            difference_of_ten,
        ),
        (
            f"MLP, {len(CANDIDATES)} candidates of the search, {STEPS} steps",
            start_search,
            candidates,
            1,
            difference_of_winner,
        ),
    )
    for method, ours, members, copies, difference in jobs:
        comparison = partial(
            Comparison,
            method,
            data.task,
            data.encoder,
            ours=ours,
            result=f"predictions differ by {difference:.0e} std",
            facts={"largest_difference_in_std": difference, "steps": STEPS},
        )
        yield comparison("plain loop of torch", reference=partial(loop, members), scale=copies)
        sizes = [member.candidate for member in members]
        share = _mean_batch(len(fold.train.y)) / SETTINGS.batch_size
        yield comparison(
            "its matrix products alone",
            reference=_all_products(sizes, fold.train.X.shape[1], outputs),
            scale=copies * share * STEPS / PRODUCT_STEPS,
        )


def _all_products(
    candidates: Sequence[Candidate], inputs: int, outputs: int | None
) -> Callable[[], None]:
    calls = [products(size, inputs, outputs, SETTINGS.batch_size) for size in candidates]

    def run() -> None:
        for call in calls:
            for _ in range(PRODUCT_STEPS):
                call()

    return run


def _mean_batch(rows: int) -> float:
    """Mean number of rows of a batch; the last one of an epoch has the remaining rows."""
    return rows / -(-rows // SETTINGS.batch_size)


def _difference(fold: NetworkFold, layers: Layers, expected: Layers) -> float:
    """Largest difference of outputs for the validation set, in their standard deviations."""
    X: NDArray[np.float32] = fold.validation.X.numpy()
    reference = forward(expected, X)
    return float(np.abs(forward(layers, X) - reference).max() / reference.std())
