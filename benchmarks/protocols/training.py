"""How a network is trained, as data; knows no torch."""

from __future__ import annotations

from pydantic import Field

from satclip_bench.core.card import Card


class Training(Card):
    """Step, batches, and when to stop."""

    learning_rate: float = 1e-3
    batch_size: int = 4096
    max_epochs: int
    patience: int = Field(description="epochs in a row without a gain, after which training ends")
    min_delta: float = Field(description="by how much the validation loss must fall to be a gain")
    initial_best_loss: float = Field(
        10_000.0, description="what the first validation loss is held to"
    )
