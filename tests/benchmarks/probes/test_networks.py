"""Stacked training of perceptrons, against a plain loop with torch's autograd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from satclip_bench.benchmarks.probes.halving import NetworkFold, search
from satclip_bench.benchmarks.probes.mlp_search import Candidate, MlpSettings
from satclip_bench.benchmarks.probes.networks import Layout, Member, Networks, Rows, _Batch, rows
from satclip_bench.benchmarks.probes.training import forward, initial_weights
from tests.benchmarks.probes.network_folds import CPU, fold

CANDIDATES = tuple(
    Candidate(depth=2, width=12, learning_rate=rate, weight_decay=decay)
    for rate, decay in ((5e-3, 0.5), (1e-3, 0.0), (1e-2, 3.0))
)
SETTINGS = MlpSettings(batch_size=32)
GPU = pytest.param(
    "cuda",
    marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device"),
)


def classes(seed: int, count: int = 5, device: torch.device = CPU) -> Rows:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((90 + 7 * seed, 3))
    return rows(X, (X[:, 0] > 0).astype(np.int64) + rng.integers(0, count - 1, len(X)), device)


def on_cpu(part: Rows) -> Rows:
    return Rows(part.X.cpu(), part.y.cpu())


def plain_loop(
    member: Member, outputs: int | None, steps: int, batch_size: int = SETTINGS.batch_size
) -> list[torch.Tensor]:
    """Averaged weights and biases of one network trained by autograd and `torch.optim.AdamW`."""
    generator = torch.Generator().manual_seed(member.seed)
    candidate, (X, y) = member.candidate, on_cpu(member.train)
    sizes = (X.shape[1], *[candidate.width] * candidate.depth, outputs or 1)
    parameters = [part.requires_grad_() for part in initial_weights(sizes, generator)]
    averages = [part.detach().clone() for part in parameters]
    optimizer = torch.optim.AdamW(
        parameters, lr=candidate.learning_rate, weight_decay=candidate.weight_decay
    )
    batches: list[torch.Tensor] = []
    for step in range(1, steps + 1):
        if not batches:
            batches = list(torch.split(torch.randperm(len(y), generator=generator), batch_size))
        batch = batches.pop(0)
        out = forward(parameters, X[batch])
        loss = (
            functional.mse_loss(out[:, 0], y[batch])
            if outputs is None
            else functional.cross_entropy(out, y[batch])
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        decay = min(0.99, (1 + step) / (10 + step))
        for average, parameter in zip(averages, parameters, strict=True):
            average.mul_(decay).add_(parameter.detach(), alpha=1 - decay)
    return averages


def flat(networks: Networks, number: int) -> NDArray[Any]:
    layers = networks.layers(networks.averages[number])
    return np.concatenate([part.ravel() for layer in layers for part in layer])


def assert_as_plain(networks: Networks, members: Sequence[Member], outputs: int | None) -> None:
    for number, member in enumerate(members):
        expected = torch.cat([p.flatten() for p in plain_loop(member, outputs, networks.steps)])
        np.testing.assert_allclose(flat(networks, number), expected.numpy(), atol=2e-5)


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize("outputs", [None, 5])
def test_stack_ends_as_a_plain_loop(device: str, outputs: int | None) -> None:
    """Two training sets of different sizes, so that batches have different sizes too."""
    place = torch.device(device)
    if outputs is None:
        parts = [fold(0, 40, place).train, fold(1, 40, place).validation]
    else:
        parts = [classes(0, outputs, place), classes(1, outputs, place)]
    members = [
        Member(part, candidate, seed) for part in parts for seed, candidate in enumerate(CANDIDATES)
    ]
    networks = Networks(members, SETTINGS, outputs)
    networks.train(30)
    networks.train(7)
    assert networks.steps == 37
    assert_as_plain(networks, members, outputs)


def test_padded_batches_end_as_trimmed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CUDA graph has batches of one size."""
    monkeypatch.setattr(_Batch, "trimmed", lambda batch: batch)
    for outputs, part in ((None, fold().train), (5, classes(0))):
        members = [Member(part, candidate, 2) for candidate in CANDIDATES]
        networks = Networks(members, SETTINGS, outputs)
        networks.train(30)
        assert_as_plain(networks, members, outputs)


@pytest.mark.parametrize("device", ["cpu", GPU])
def test_kept_networks_go_on_as_before(device: str) -> None:
    part = fold(device=torch.device(device)).train
    members = [Member(part, candidate, seed) for seed, candidate in enumerate(CANDIDATES)]
    networks = Networks(members, SETTINGS, None)
    networks.train(15)
    networks.keep([0, 2])
    networks.train(15)
    assert_as_plain(networks, [members[0], members[2]], None)


@pytest.mark.parametrize("device", ["cpu", GPU])
def test_training_repeats_to_the_last_bit(device: str) -> None:
    part = fold(device=torch.device(device)).train
    members = [Member(part, candidate, 1) for candidate in CANDIDATES]
    runs = []
    for _ in range(2):
        networks = Networks(members, SETTINGS, None)
        networks.train(40)
        runs.append(networks.averages.cpu().numpy().tobytes())
    assert runs[0] == runs[1]


def test_global_random_state_is_neither_read_nor_changed() -> None:
    part = fold().train
    before = torch.get_rng_state()
    networks = Networks([Member(part, CANDIDATES[0], 1)], SETTINGS, None)
    networks.train(3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("device", ["cpu", GPU])
def test_losses_are_sums_over_each_validation_set(device: str) -> None:
    place = torch.device(device)
    both = (fold(0, 40, place), fold(1, 1500, place))
    parts = [part for part in both for _ in CANDIDATES]
    members = [
        Member(part.train, candidate, 0)
        for part, candidate in zip(parts, CANDIDATES * 2, strict=True)
    ]
    networks = Networks(members, SETTINGS, None)
    networks.train(30)
    losses = networks.losses([part.validation for part in parts])
    for number, (loss, part) in enumerate(zip(losses, parts, strict=True)):
        layers = networks.layers(networks.averages[number])
        X, y = on_cpu(part.validation)
        parameters = [torch.from_numpy(array) for layer in layers for array in layer]
        out = forward(parameters, X)[:, 0].clamp(part.train.y.min().cpu(), part.train.y.max().cpu())
        assert loss == pytest.approx(float(torch.square(out - y).sum()), rel=1e-4)


def test_losses_of_classes_are_summed_log_losses() -> None:
    train, validation = classes(0), classes(3)
    networks = Networks([Member(train, c, 0) for c in CANDIDATES], SETTINGS, 5)
    networks.train(30)
    for number, loss in enumerate(networks.losses([validation] * 3)):
        layers = networks.layers(networks.averages[number])
        out = forward([torch.from_numpy(a) for layer in layers for a in layer], validation.X)
        expected = functional.cross_entropy(out, validation.y, reduction="sum")
        assert loss == pytest.approx(float(expected), rel=1e-5)


def test_layout_places_every_number_once() -> None:
    layout = Layout((3, 20, 5))
    numbers = torch.zeros(2, layout.size)
    for weights, biases in layout.layers(numbers):
        weights += 1
        biases += 1
    assert numbers.max() == 1
    assert numbers.sum() == 2 * (3 * 20 + 20 + 20 * 5 + 5)
    for weights, biases in layout.layers(numbers[1:]):
        assert (weights.data_ptr() - numbers[1:].data_ptr()) % 64 == 0
        assert (biases.data_ptr() - numbers[1:].data_ptr()) % 64 == 0


def test_rows_are_float32_and_codes_integers() -> None:
    numbers = rows(np.ones((2, 1)), np.array([0.5, 1.5]), CPU)
    codes = rows(np.ones((2, 1), dtype=np.float32), np.array([0, 1], dtype=np.int64), CPU)
    assert isinstance(numbers, Rows)
    assert (numbers.X.dtype, numbers.y.dtype) == (torch.float32, torch.float32)
    assert codes.y.dtype == torch.int64


@pytest.mark.parametrize("device", [GPU])
def test_a_search_on_a_gpu_agrees_with_the_cpu(device: str) -> None:
    settings = MlpSettings(rungs=((40, 2),), patience_steps=60, max_steps=300)
    winners = []
    for place in (torch.device(device), CPU):
        sets: list[NetworkFold] = [fold(seed, 40, place) for seed in (0, 1)]
        winners.append(search(sets, CANDIDATES, settings, outputs=None, seed=0))
    assert winners[0].candidate == winners[1].candidate
    assert winners[0].loss == pytest.approx(winners[1].loss, rel=1e-3)
