"""The optimiser and its learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from satclip_bench.encoders.pretraining.config import Training


def rate(step: int, steps: int, config: Training) -> float:
    """The learning rate of a step: a straight rise, then half a cosine to zero, or constant."""
    rise = round(config.warmup * steps)
    if step < rise:
        return config.learning_rate * (step + 1) / rise
    if config.schedule == "constant":
        return config.learning_rate
    return config.learning_rate * (1 + math.cos(math.pi * (step - rise) / (steps - rise))) / 2


def set_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Give every parameter this learning rate."""
    for part in optimizer.param_groups:
        part["lr"] = value


def optimizer(
    named: Sequence[tuple[str, nn.Parameter]], log_scale: nn.Parameter, config: Training
) -> torch.optim.AdamW:
    """AdamW; biases, norms and the temperature do not decay, as in the released code."""
    learned = [p for _, p in named if p.requires_grad]
    groups = [
        {"params": [p for p in learned if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [*(p for p in learned if p.ndim < 2), log_scale], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate)
