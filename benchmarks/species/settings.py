"""Settings of the species classifiers, as data."""

from __future__ import annotations

from pydantic import Field

from satclip_bench.core.card import Card

TOP = (1, 3, 5, 10)
"""Values of k for top-k accuracy, as in Mac Aodha, Cole and Perona 2019 and RANGE (CVPR 2025,
Table 4)."""


class SoftmaxSettings(Card):
    """Hyperparameters of the softmax regression; the same for every encoder, without a search."""

    hidden: int = Field(0, ge=0, description="units of a hidden layer with ReLU; 0 for none")
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    batch_size: int = Field(1024, gt=0)
    threads: int = Field(
        2, gt=0, description="number of processor threads, on which the last bits of a fit depend"
    )
    max_epochs: int = Field(30, gt=0)
    patience: int = Field(
        2, gt=0, description="number of epochs without a lower validation loss before it stops"
    )
    validation_fraction: float = Field(
        0.05, gt=0, lt=1, description="share of the training photographs that decides when to stop"
    )
