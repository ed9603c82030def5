"""What a split is: a named way to make folds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from satclip_bench.core.card import Card
from satclip_bench.core.errors import BenchError

Index = NDArray[np.int64]


class SplitCard(Card):
    """What is known of a split; `settings` are part of a record's key."""

    name: str
    title: str
    description: str
    settings: Mapping[str, str | int | float]
    version: int = Field(1, description="raised when the same name starts to give other folds")
    domain: bool = Field(False, description="whether it looks at where predictions are wanted")


@dataclass(frozen=True)
class Fold:
    """Disjoint rows of a table to train on, to choose on, and to be judged on.

    Attributes:
        name: "0", or the region held out.
        train: `(n,)` int64 row numbers, ascending.
        validation: likewise; for early stopping and the choice of settings.
        test: likewise; looked at once.
    """

    name: str
    train: Index
    validation: Index
    test: Index

    def __post_init__(self) -> None:
        rows = np.concatenate([self.train, self.validation, self.test])
        if len(np.unique(rows)) != len(rows):
            raise BenchError(f"fold {self.name!r} has rows in more than one of its parts")
        for part, members in (
            ("train", self.train),
            ("validation", self.validation),
            ("test", self.test),
        ):
            if not len(members):
                raise BenchError(f"the {part} part of fold {self.name!r} is empty")
            members.setflags(write=False)

    @property
    def sha256(self) -> str:
        """Hash of the three index sets: two folds with the same hash hold the same rows."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part.astype("<i8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class SplitInputs:
    """What a split may look at: where points lie and what they are labelled, never an embedding.

    Attributes:
        lonlat: `(N, 2)` degrees, longitude first.
        target: `(N,)`.
        region: `(N,)` names, or None where there are none.
        block_degrees: side of the equal-area blocks that stand in for regions.
        domain: `(M, 2)` lonlat of places spread evenly over where predictions are wanted, none of
            them a row of the table by design; or None for splits whose card does not ask for it.
        part: `(N,)` names of the parts that the table itself is split into, or None.
    """

    lonlat: NDArray[np.float64]
    target: NDArray[np.float64] | NDArray[np.int64]
    region: NDArray[np.str_] | None = None
    block_degrees: float | None = None
    domain: NDArray[np.float64] | None = None
    part: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.lonlat)


class Split(Protocol):
    """A named way to make folds."""

    @property
    def card(self) -> SplitCard:
        """What is known of it."""
        ...

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """The folds of a table; the same for the same seed."""
        ...


def part_rows(rows: Index, share: float, rng: np.random.Generator) -> tuple[Index, Index]:
    """A random `share` of `rows` and the rest, each ascending; at least one row in either."""
    order = rng.permutation(rows)
    size = min(max(1, round(share * len(rows))), len(rows) - 1)
    return np.sort(order[:size]), np.sort(order[size:])
