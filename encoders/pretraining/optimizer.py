"""The optimiser and its learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from satclip_bench.encoders.pretraining.config import Training


def learning_rate(step: int, steps: int, config: Training) -> float:
    """Learning rate of a step: a linear rise, then half a cosine down to zero, or constant.

    Args:
        step: number of the step, from 0.
        steps: number of all steps.
        config: learning rate, warm-up and schedule.

    >>> [round(learning_rate(i, 4, Training(learning_rate=1.0, warmup=0)), 3) for i in range(4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    rise = round(config.warmup * steps)
    if step < rise:
        return config.learning_rate * (step + 1) / rise
    if config.schedule == "constant":
        return config.learning_rate
    return config.learning_rate * (1 + math.cos(math.pi * (step - rise) / (steps - rise))) / 2


def set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Set the learning rate of all parameters."""
    for part in optimizer.param_groups:
        part["lr"] = value


def make_optimizer(
    named: Sequence[tuple[str, nn.Parameter]], log_scale: nn.Parameter, config: Training
) -> torch.optim.AdamW:
    """Make AdamW; biases, norms and the temperature do not decay, as in the released code."""
    trainable = [p for _, p in named if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [*(p for p in trainable if p.ndim < 2), log_scale], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate)
