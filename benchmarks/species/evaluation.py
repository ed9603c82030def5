"""Species of photographs ranked in four ways, and how often their own is among the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import (
    MIN_BLOCKS,
    block_ids,
    interval,
    make_blocks,
    mean_replicates,
)
from satclip_bench.benchmarks.species.inputs import Inputs, Integers, Part
from satclip_bench.benchmarks.species.likelihoods import Fitted, Given, Likelihood, own_ranks
from satclip_bench.benchmarks.species.settings import TOP, SoftmaxSettings
from satclip_bench.benchmarks.splits.base import draw_rows
from satclip_bench.benchmarks.splits.validation import MIN_TEST
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks.inaturalist.competition import Competition
from satclip_bench.tasks.regions import assign_continents

Way = Literal["location", "image", "product", "concatenation"]
Split = Literal["competition", "held-out-continent"]

WAYS: Mapping[Way, str] = {
    "location": "P(species | place), from the embedding alone",
    "image": "P(species | image), without the place",
    "product": "P(species | image) x P(species | place)",
    "concatenation": "one classifier of image features and embedding side by side",
}


@dataclass(frozen=True)
class Photos:
    """Photographs of both parts of the competition, the training part first.

    Attributes:
        image_id: `(N,)`.
        species: `(N,)` class indices.
        lonlat: `(N, 2)` degrees, longitude first; NaN where the place is not known.
        train: `(N,)` whether it is of the training part.
        continent: `(N,)`; empty where the place is not known.
        classes: number of species.
        sha256: of the competition's files.
    """

    image_id: Integers
    species: Integers
    lonlat: NDArray[np.float64]
    train: NDArray[np.bool_]
    continent: NDArray[np.str_]
    classes: int
    sha256: str

    @property
    def located(self) -> NDArray[np.bool_]:
        """`(N,)` whether the place is known."""
        return np.isfinite(self.lonlat[:, 0])


def photos_of(competition: Competition) -> Photos:
    """Both parts in one, with continents by the nearest point of the open edition."""
    parts = (competition.train, competition.validation)
    lonlat = np.concatenate([part.lonlat for part in parts])
    located = np.isfinite(lonlat[:, 0])
    continent = np.full(len(lonlat), "", dtype="<U13")
    continent[located] = assign_continents(lonlat[located])[0]
    return Photos(
        np.concatenate([part.image_id for part in parts]),
        np.concatenate([part.species for part in parts]),
        lonlat,
        np.arange(len(lonlat)) < len(competition.train),
        continent,
        competition.classes,
        competition.sha256,
    )


@dataclass(frozen=True)
class SpeciesFold:
    """Rows to train on, of the training part alone, and rows to be judged on, of the other."""

    name: str
    train: Integers
    test: Integers


def species_folds(photos: Photos, split: Split) -> tuple[SpeciesFold, ...]:
    """One fold as in the competition; or one a continent.

    A continent's validation photographs are tested, and training photographs that may be of it,
    those of unknown place among them, are not trained on.

    Raises:
        BenchError: no continent has photographs enough.
    """
    if split == "competition":
        return (SpeciesFold("0", np.flatnonzero(photos.train), np.flatnonzero(~photos.train)),)
    found = []
    for name in np.unique(photos.continent[photos.located]).tolist():
        here = photos.continent == name
        test = np.flatnonzero(here & ~photos.train)
        if len(test) >= MIN_TEST:
            train = np.flatnonzero(photos.train & photos.located & ~here)
            found.append(SpeciesFold(name, train, test))
    if not found:
        raise BenchError(f"no continent has {MIN_TEST} photographs in the validation part")
    return tuple(found)


@dataclass(frozen=True)
class SpeciesScores:
    """How often a photograph's species is among the first.

    Attributes:
        top: share by k.
        intervals: 95 %, by a bootstrap of blocks of 10 degrees; a photograph of unknown place is a
            block of its own. Empty where there are too few blocks.
        n_train: photographs trained on, those that decide when to stop among them; 0 where nothing
            was fitted.
        n_test: photographs judged.
        n_unseen: of them, those of a species that no training photograph of the fold shows.
        n_unlocated: of them, those of unknown place.
        epochs: of every fit.
    """

    top: Mapping[int, float]
    intervals: Mapping[int, tuple[float, float]]
    n_train: int
    n_test: int
    n_unseen: int
    n_unlocated: int
    epochs: tuple[int, ...]


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """So many threads for torch and for what computes in NumPy."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)


@dataclass
class FoldEvaluation:
    """One fold and seed; what was fitted for one way is there for the next.

    Args:
        photos: all of them.
        fold: rows to train on and to judge.
        seed: of validation rows and of the fit.
        settings: of the softmax regressions.
        image: features of all photographs, or None.
        given: probabilities of the validation part's photographs that stand for P(y | image), or
            None: then a classifier is fitted on `image`.
        on_step: told the epoch and how many photographs it has seen.
    """

    photos: Photos
    fold: SpeciesFold
    seed: int
    settings: SoftmaxSettings
    image: Part | None = None
    given: Given | None = None
    on_step: Callable[[int, int], None] = lambda epoch, seen: None
    _fits: dict[str, tuple[Fitted, int, int]] = field(default_factory=dict)

    def scores(self, way: Way, encoder: str = "", place: Part | None = None) -> SpeciesScores:
        """Rank the species of the tested photographs in a way.

        Args:
            way: one of `WAYS`.
            encoder: name that `place` is known by.
            place: embedding of the located photographs.

        Raises:
            BenchError: the way needs features or an embedding that is not given; or nothing is
                known of every training photograph.
        """
        with _threads(self.settings.threads):
            return self._scores(way, encoder, place)

    def _scores(self, way: Way, encoder: str, place: Part | None) -> SpeciesScores:
        needed: list[tuple[str, tuple[Part | None, ...], bool]] = []
        factors: list[Likelihood] = []
        if way in ("image", "product"):
            if self.given is not None:
                factors.append(self.given)
            else:
                needed.append(("image", (self.image,), False))
        if way in ("location", "product"):
            needed.append((f"location {encoder}", (place,), True))
        if way == "concatenation":
            needed.append((f"concatenation {encoder}", (self.image, place), False))
        fits = [self._fit(*which, way) for which in needed]
        factors += [fit[0] for fit in fits]
        ranks = own_ranks(self.fold.test, self.photos.species, factors)
        return self._summary(ranks, fits)

    def _fit(
        self, name: str, parts: tuple[Part | None, ...], uniform: bool, way: Way
    ) -> tuple[Fitted, int, int]:
        from satclip_bench.benchmarks.species.softmax import fit_softmax

        if name not in self._fits:
            there = [part for part in parts if part is not None]
            if len(there) < len(parts):
                raise BenchError(f"{way!r} needs image features, or an embedding of places")
            known = np.logical_and.reduce([part.row >= 0 for part in there])
            rows = self.fold.train[known[self.fold.train]]
            if len(rows) < 2:
                raise BenchError(f"fold {self.fold.name!r} has no photographs to train on")
            rng = np.random.default_rng([self.seed, 0x59EC])
            validation, train = draw_rows(rows, self.settings.validation_fraction, rng)
            # What scales the columns is trained on: not even validation rows are seen.
            inputs = Inputs(there, train)
            fit = fit_softmax(
                inputs,
                self.photos.species,
                train,
                validation,
                self.photos.classes,
                self.settings,
                self.seed,
                self.on_step,
            )
            self._fits[name] = Fitted(fit.layers, inputs, uniform), len(rows), fit.epoch
        return self._fits[name]

    def _summary(self, ranks: Integers, fits: list[tuple[Fitted, int, int]]) -> SpeciesScores:
        test, photos = self.fold.test, self.photos
        located = photos.located[test]
        ids = np.zeros(len(test), dtype=np.int64)
        ids[located] = block_ids(photos.lonlat[test[located]], "global")
        ids[~located] = ids.max(initial=0) + 1 + np.arange((~located).sum())
        blocks = make_blocks(ids)
        intervals = {}
        if blocks.count >= MIN_BLOCKS:
            found = {k: interval(mean_replicates(blocks, ranks < k)) for k in TOP}
            intervals = {k: value for k, value in found.items() if value is not None}
        shown = np.unique(photos.species[self.fold.train])
        return SpeciesScores(
            top={k: float((ranks < k).mean()) for k in TOP},
            intervals=intervals,
            n_train=max((count for _, count, _ in fits), default=0),
            n_test=len(test),
            n_unseen=int((~np.isin(photos.species[test], shown)).sum()),
            n_unlocated=int((~located).sum()),
            epochs=tuple(epoch for *_, epoch in fits),
        )
