"""Perceptrons trained one after the other by torch's autograd, and their matrix products alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch.nn import functional

from satclip_bench.benchmarks.probes.mlp_search import Candidate, MlpSettings
from satclip_bench.benchmarks.probes.networks import Member
from satclip_bench.benchmarks.probes.training import forward, initial_weights


def plain_loop(
    member: Member, settings: MlpSettings, outputs: int | None
) -> Iterator[list[torch.Tensor]]:
    """Train a network by autograd and fused AdamW, and yield the averaged weights of every step.

    Weights, batches and averages are those of `Networks`, but for rounding.

    Args:
        member: training set, candidate and seed of the network.
        settings: batch size and decay of the average.
        outputs: number of classes, for cross-entropy; None for one number and MSE.
    """
    generator = torch.Generator().manual_seed(member.seed)
    candidate, (X, y) = member.candidate, member.train
    sizes = (X.shape[1], *[candidate.width] * candidate.depth, outputs or 1)
    parameters = [part.requires_grad_() for part in initial_weights(sizes, generator)]
    weights = [parameter.detach() for parameter in parameters]
    averages = [part.clone() for part in weights]
    optimizer = torch.optim.AdamW(
        parameters, lr=candidate.learning_rate, weight_decay=candidate.weight_decay, fused=True
    )
    step = 0
    while True:
        order = torch.randperm(len(y), generator=generator)
        for batch in torch.split(order, settings.batch_size):
            optimizer.zero_grad()
            out = forward(parameters, X[batch])
            if outputs is None:
                loss = functional.mse_loss(out[:, 0], y[batch])
            else:
                loss = functional.cross_entropy(out, y[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            step += 1
            decay = min(settings.average_decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(averages, weights, 1 - decay)
            yield averages


def trained(
    member: Member, settings: MlpSettings, outputs: int | None, steps: int
) -> list[torch.Tensor]:
    """Averaged weights and biases, in turns, of a network that a plain loop trained."""
    loop = plain_loop(member, settings, outputs)
    for _ in range(steps):
        averages = next(loop)
    return averages


def products(
    candidate: Candidate, inputs: int, outputs: int | None, rows: int
) -> Callable[[], None]:
    """Job that computes the matrix products of one step of one network, and nothing else.

    Args:
        candidate: depth and width of the network.
        inputs: number of features.
        outputs: number of classes; None for one number.
        rows: number of rows of the batch.
    """
    calls = []
    sizes = (inputs, *[candidate.width] * candidate.depth, outputs or 1)
    for number, (below, above) in enumerate(pairwise(sizes)):
        values = torch.randn(rows, below)
        gradients = torch.randn(rows, above)
        weights = torch.randn(above, below)
        into = (torch.empty_like(part) for part in (gradients, weights, values))
        out, of_weights, of_values = into
        calls += [(values, weights.t(), out), (gradients.t(), values, of_weights)]
        if number:
            calls.append((gradients, weights, of_values))

    def run() -> None:
        for left, right, out in calls:
            torch.mm(left, right, out=out)

    return run
