"""What a protocol is: split, preprocessing, probe, tuning, seeds and metrics of a paper."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["regression", "classification"]


class ProtocolCard(BaseModel):
    """A protocol as data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: int = Field(description="raised when the same name starts to give other scores")
    title: str
    citation: str
    split: str
    preprocessing: str
    probe: str
    tuning: str
    seeds: tuple[int, ...]
    metrics: Mapping[Kind, str]
    digits: Mapping[str, int] = Field(description="decimals that the paper prints, by metric")
    left_open: tuple[str, ...] = Field(
        (), description="what the paper does not say, and our choice"
    )


class Protocol(ABC):
    """How one paper turns embeddings and targets into a score."""

    card: ProtocolCard

    @abstractmethod
    def score(self, embedding: NDArray[Any], target: NDArray[Any], kind: Kind) -> float:
        """The score of an embedding, in the unit that the paper prints.

        Args:
            embedding: `(N, D)`, rows in the order of the paper's file.
            target: `(N,)`, float64 values or int64 classes.
            kind: of the target.
        """
