from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from satclip_bench.encoders.pretraining.loss import (
    contrastive_loss,
    loss_gradients,
    retrieval_accuracy,
)


def draw(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32))


def test_the_loss_is_the_definition() -> None:
    a, b, scale = draw(9, 5, 0), draw(9, 5, 1), 1.7
    x, y = (t.numpy() / np.linalg.norm(t.numpy(), axis=1, keepdims=True) for t in (a, b))
    logits = np.exp(scale) * x @ y.T
    expected = -np.mean(
        [log_softmax(logits, axis=1).diagonal(), log_softmax(logits, axis=0).diagonal()]
    )
    result = contrastive_loss(a, b, torch.tensor(scale))
    assert float(result) == pytest.approx(expected, rel=1e-5)
    # The lengths of the embeddings have no influence.
    assert float(contrastive_loss(3 * a, b / 7, torch.tensor(scale))) == pytest.approx(
        expected, rel=1e-5
    )


def test_unrelated_pairs_cost_the_logarithm_of_their_number() -> None:
    same = torch.ones(64, 3)
    assert float(contrastive_loss(same, same, torch.tensor(0.0))) == pytest.approx(np.log(64))


def test_gradients_are_those_of_the_loss() -> None:
    leaves = [draw(6, 4, 2), draw(6, 4, 3), torch.tensor(1.0)]
    result = loss_gradients(*leaves)
    for i, gradient in enumerate((result.images, result.places, result.log_scale)):
        for at in range(leaves[i].numel()):
            step = torch.zeros_like(leaves[i]).reshape(-1)
            step[at] = 1e-3
            moved = [[t.double() for t in leaves] for _ in range(2)]
            moved[0][i] += step.reshape(leaves[i].shape)
            moved[1][i] -= step.reshape(leaves[i].shape)
            up, down = (float(contrastive_loss(*m)) for m in moved)
            assert float(gradient.reshape(-1)[at]) == pytest.approx((up - down) / 2e-3, abs=2e-4)


def test_retrieval_by_sorting() -> None:
    a, b = draw(40, 6, 4), draw(40, 6, 5) + 0.8 * draw(40, 6, 4)
    x, y = (torch.nn.functional.normalize(t, dim=1).numpy() for t in (a, b))
    order = np.argsort(-(x @ y.T), axis=1)
    result = retrieval_accuracy(a, b, (1, 3, 10))
    for rank, share in result.items():
        expected = np.mean([i in order[i, :rank] for i in range(40)])
        assert share == pytest.approx(expected)
    assert 0 < result[1] < result[10] < 1


def test_embeddings_that_are_all_the_same_find_nothing() -> None:
    same = torch.ones(30, 4)
    assert retrieval_accuracy(same, same) == {1: 0.0, 10: 0.0}
