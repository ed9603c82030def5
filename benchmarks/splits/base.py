"""What a split is: a named way to make folds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from satclip_bench.core.card import KeyedCard, Version
from satclip_bench.core.errors import BenchError

if TYPE_CHECKING:
    from satclip_bench.tasks.base import TaskTable

Index = NDArray[np.int64]
"""Row numbers of a table, `(n,)`."""


class SplitCard(KeyedCard):
    """Metadata of a split. `settings` and `version` are part of a record's key."""

    name: str
    title: str
    description: str
    settings: Mapping[str, str | int | float]
    version: Version = Field(1, description="raised when the same name starts to give other folds")
    domain: bool = Field(
        False, description="whether the split uses the places where predictions are wanted"
    )


def _overlap(*sets: Index) -> bool:
    """Whether a row is in more than one of some sets, or more than once in one of them."""
    rows = np.concatenate(sets)
    # NumPy's unique hashes integers, which takes several times as long for large tables. Most sets
    # are ascending, and a stable sort merges them.
    rows.sort(kind="stable")
    return bool((rows[1:] == rows[:-1]).any())


@dataclass(frozen=True)
class InnerFold:
    """Training and validation rows of one round of the inner cross-validation of a fold.

    Args:
        train: `(n,)` int64 row numbers of the table that are fitted on in this round.
        validation: row numbers that the choice of settings is judged on in this round.

    Raises:
        BenchError: a row is in both sets, or a set is empty.

    Examples:
        >>> InnerFold(np.array([0, 1]), np.array([2])).validation
        array([2])
    """

    train: Index
    validation: Index

    def __post_init__(self) -> None:
        for title, members in (("training", self.train), ("validation", self.validation)):
            if not len(members):
                raise BenchError(f"the {title} set of an inner fold is empty")
            members.setflags(write=False)
        if _overlap(self.train, self.validation):
            raise BenchError("an inner fold has rows in more than one of its sets")


@dataclass(frozen=True)
class Fold:
    """Disjoint training, validation and test sets of rows of a table.

    Settings are chosen either on the validation set, or by nested cross-validation: a fold with
    inner folds has no validation set, and what is chosen on the inner folds is fitted to the
    whole training set.

    Splits list rows in ascending order. Protocols list them in the order of the paper's code,
    because the folds of an inner cross-validation can depend on it.

    Args:
        name: number of the fold, or the region that is held out.
        train: `(n,)` int64 row numbers of the training set.
        validation: row numbers of the validation set, for early stopping and the choice of
            settings; empty if there are inner folds.
        test: row numbers of the test set, which is scored once.
        inner: inner folds, whose rows are all in the training set.

    Raises:
        BenchError: a row is in two sets, a set is empty, there are both a validation set and
            inner folds, or an inner fold has rows outside the training set.

    Examples:
        >>> fold = Fold("0", np.array([0, 1]), np.array([2]), np.array([3, 4]))
        >>> fold.test
        array([3, 4])

        Nested: rows 0 to 2 are fitted on, after two rounds in which one of them is held out.

        >>> inner = (
        ...     InnerFold(np.array([0, 1]), np.array([2])),
        ...     InnerFold(np.array([1, 2]), np.array([0])),
        ... )
        >>> nested = nested_fold("0", np.array([0, 1, 2]), np.array([3, 4]), inner)
        >>> nested.validation, len(nested.inner)
        (array([], dtype=int64), 2)
    """

    can_be_empty: ClassVar[frozenset[str]] = frozenset()

    name: str
    train: Index
    validation: Index
    test: Index
    inner: tuple[InnerFold, ...] = ()

    def __post_init__(self) -> None:
        if _overlap(self.train, self.validation, self.test):
            raise BenchError(f"fold {self.name!r} has rows in more than one of its sets")
        empty = self.can_be_empty | ({"validation"} if self.inner else set())
        for title, members in (
            ("training", self.train),
            ("validation", self.validation),
            ("test", self.test),
        ):
            if not len(members) and title not in empty:
                raise BenchError(f"the {title} set of fold {self.name!r} is empty")
            members.setflags(write=False)
        if self.inner and len(self.validation):
            raise BenchError(f"fold {self.name!r} has both a validation set and inner folds")
        for number, inner in enumerate(self.inner):
            if not np.isin(np.concatenate([inner.train, inner.validation]), self.train).all():
                raise BenchError(
                    f"inner fold {number} of fold {self.name!r} has rows outside its training set"
                )

    @property
    def sha256(self) -> str:
        """Hash of the rows of the three sets, in their order, and of the inner folds if any."""
        digest = hashlib.sha256()
        sets = [self.train, self.validation, self.test]
        for inner in self.inner:
            sets += [inner.train, inner.validation]
        for members in sets:
            digest.update(len(members).to_bytes(8, "little"))
            digest.update(members.astype("<i8").tobytes())
        return digest.hexdigest()

    @property
    def inner_positions(self) -> tuple[tuple[Index, Index], ...]:
        """Inner folds as positions in `train`: pairs of training and validation positions.

        This is what `fit(X[fold.train], y[fold.train], inner=fold.inner_positions)` of a probe
        takes, and `cv` of scikit-learn's searches.

        Examples:
            >>> inner = (InnerFold(np.array([4, 6]), np.array([9])),)
            >>> nested_fold("0", np.array([4, 6, 9]), np.array([5]), inner).inner_positions
            ((array([0, 1]), array([2])),)
        """
        order = np.argsort(self.train, kind="stable")
        ascending = self.train[order]

        def positions(rows: Index) -> Index:
            return order[np.searchsorted(ascending, rows)]

        return tuple((positions(fold.train), positions(fold.validation)) for fold in self.inner)


def nested_fold(name: str, train: Index, test: Index, inner: Iterable[InnerFold]) -> Fold:
    """A fold without a validation set whose settings are chosen on inner folds.

    Examples:
        >>> inner = [InnerFold(np.array([0]), np.array([1]))]
        >>> nested_fold("0", np.array([0, 1]), np.array([2]), inner).inner == tuple(inner)
        True
    """
    return Fold(name, train, np.empty(0, dtype=np.int64), test, tuple(inner))


class TrainTestFold(Fold):
    """A fold of a protocol that has no validation set.

    Examples:
        >>> TrainTestFold("0", np.array([0, 1]), np.array([2])).validation
        array([], dtype=int64)
    """

    can_be_empty = frozenset({"validation"})

    def __init__(self, name: str, train: Index, test: Index) -> None:
        super().__init__(name, train, np.empty(0, dtype=np.int64), test)


@dataclass(frozen=True)
class SplitInputs:
    """What a split can use: the places and labels of points, never their embeddings.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
        target: `(N,)` float64 numbers, or int64 class codes.
        region: `(N,)` names of regions, or None if there are none.
        block_degrees: side in degrees of the equal-area blocks that are used as regions if there
            are no names.
        domain: `(M, 2)` lonlat of places spread evenly over the area where predictions are wanted,
            none of them a row of the table by design; None for splits that do not use it.
        part: `(N,)` names of the sets into which the table itself is split, or None.

    Examples:
        >>> len(SplitInputs(np.array([[13.4, 52.5], [2.35, 48.9]]), np.array([34.0, 35.0])))
        2
    """

    lonlat: NDArray[np.float64]
    target: NDArray[np.float64] | NDArray[np.int64]
    region: NDArray[np.str_] | None = None
    block_degrees: float | None = None
    domain: NDArray[np.float64] | None = None
    part: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.lonlat)

    @classmethod
    def from_table(cls, table: TaskTable, domain: NDArray[np.float64] | None = None) -> Self:
        """What a split can use of a task's table.

        Args:
            table: points and targets of a task.
            domain: `(M, 2)` lonlat of places where predictions are wanted, if the split uses them.
        """
        return cls(
            table.lonlat,
            table.target,
            table.region,
            table.card.block_degrees,
            domain,
            table.features.get("split"),
        )


class Split(Protocol):
    """A named way to make folds."""

    @property
    def card(self) -> SplitCard:
        """Metadata of the split."""
        ...

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """Folds of a table, always the same for the same seed."""
        ...


def draw_rows(rows: Index, fraction: float, rng: np.random.Generator) -> tuple[Index, Index]:
    """Draw a fraction of rows at random: the drawn rows and the others, each ascending.

    Each of the two has at least one row.

    Examples:
        >>> drawn, others = draw_rows(np.arange(10), 0.3, np.random.default_rng(0))
        >>> len(drawn), len(others)
        (3, 7)
    """
    order = rng.permutation(rows)
    size = min(max(1, round(fraction * len(rows))), len(rows) - 1)
    return _ascending(order[:size]), _ascending(order[size:])


def _ascending(rows: Index) -> Index:
    """Different row numbers in ascending order; sorting them takes several times as long."""
    present = np.zeros(rows.max(initial=-1) + 1, dtype=bool)
    present[rows] = True
    return np.flatnonzero(present)
