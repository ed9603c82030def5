"""Settings and search space of the multi-layer perceptron probe, without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from satclip_bench.benchmarks.probes.base import Settings
from satclip_bench.core.card import Card


class Candidate(Card):
    """Hyper-parameters among which the search chooses."""

    depth: int = Field(description="number of hidden layers")
    width: int = Field(description="number of units of each hidden layer")
    learning_rate: float
    weight_decay: float


class MlpSettings(Settings):
    """Fixed hyper-parameters of the probe, its search and its early stopping."""

    activation: Literal["relu"] = "relu"
    optimizer: Literal["adamw"] = "adamw"
    batch_size: int = 256
    average_decay: float = 0.99
    rungs: tuple[tuple[int, int], ...] = ((40, 8), (100, 4), (300, 2), (600, 1))
    """`(steps, survivors)` of successive halving."""
    steps_per_check: int = 20
    patience_steps: int = 1600
    """Steps without an improvement after which training ends."""
    min_improvement: float = 0.01
    """Smallest improvement of the validation loss, as a share of a constant prediction's loss."""
    max_steps: int = 50_000
    steps_without_validation: int = 500


SEARCH_SEED = 0
DEPTHS = (1, 2, 3)
WIDTHS = (128, 256)
LEARNING_RATES = (1e-3, 1e-2)
"""Bounds of a log-uniform distribution."""
WEIGHT_DECAYS = (1e-2, 3.0)
"""Bounds of a log-uniform distribution."""

# Drawn by scikit-learn's ParameterSampler with SEARCH_SEED, and rounded to two digits.
_DRAWN = (
    (1, 256, 0.0039, 1.2),
    (2, 256, 0.0042, 0.09),
    (3, 256, 0.0011, 0.047),
    (3, 256, 0.0065, 0.15),
    (2, 128, 0.0069, 0.069),
    (1, 256, 0.0068, 0.85),
    (1, 256, 0.0095, 0.95),
    (2, 128, 0.006, 0.02),
    (2, 256, 0.0014, 2.2),
    (3, 256, 0.0026, 0.045),
    (3, 128, 0.0029, 0.26),
    (1, 128, 0.0041, 0.33),
    (2, 128, 0.0088, 0.49),
    (1, 256, 0.008, 0.018),
    (3, 256, 0.0047, 0.033),
    (1, 256, 0.0021, 0.08),
)
CANDIDATES = tuple(
    Candidate(depth=depth, width=width, learning_rate=rate, weight_decay=decay)
    for depth, width, rate, decay in _DRAWN
)


def search_card() -> dict[str, tuple[int | float, ...]]:
    """Candidates as lists; position i of each list belongs to candidate i."""
    return {
        name: tuple(getattr(candidate, name) for candidate in CANDIDATES)
        for name in Candidate.model_fields
    }
