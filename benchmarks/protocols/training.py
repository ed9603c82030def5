"""Settings of the training of a network, without torch."""

from __future__ import annotations

from pydantic import Field

from satclip_bench.core.card import Card


class Training(Card):
    """Learning rate, batch size and early stopping of a network's training."""

    learning_rate: float = 1e-3
    batch_size: int = 4096
    max_epochs: int
    patience: int = Field(
        description="number of consecutive epochs without an improvement after which training ends"
    )
    min_delta: float = Field(
        description="decrease of the validation loss that counts as an improvement"
    )
    initial_best_loss: float = Field(
        10_000.0, description="loss that the first validation loss is compared with"
    )
