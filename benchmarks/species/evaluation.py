"""Top-k accuracy of species in photographs, ranked by location, by image, and by both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import MIN_UNITS, interval, mean_replicates
from satclip_bench.benchmarks.metrics.resampling import block_ids, make_blocks
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.benchmarks.species.inputs import Inputs, Integers, Part
from satclip_bench.benchmarks.species.likelihoods import Fitted, Given, Likelihood, rank_species
from satclip_bench.benchmarks.species.settings import TOP, SoftmaxSettings
from satclip_bench.benchmarks.splits.base import draw_rows
from satclip_bench.benchmarks.splits.inner_folds import MIN_TEST
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import sha256_bytes
from satclip_bench.tasks.inaturalist.competition import Competition
from satclip_bench.tasks.regions import assign_continents

Way = Literal["location", "image", "product", "concatenation"]
Split = Literal["competition", "held-out-continent"]

WAYS: Mapping[Way, str] = {
    "location": "P(species | place), from the embedding alone",
    "image": "P(species | image), without the place",
    "product": "P(species | image) x P(species | place)",
    "concatenation": "one classifier of concatenated image features and embedding",
}
"""The ways to rank species, and what each ranks them by."""


@dataclass(frozen=True)
class Photos:
    """Photographs of the competition's training and validation sets, the training set first.

    Attributes:
        image_id: `(N,)` ids of the images.
        species: `(N,)` class indices.
        lonlat: `(N, 2)` degrees, longitude first; NaN if the place is not known.
        train: `(N,)` whether the photograph is in the competition's training set.
        continent: `(N,)` names of continents; empty if the place is not known.
        classes: number of species.
        sha256: hash of the competition's files.
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
        """`(N,)` whether the place of each photograph is known."""
        return np.isfinite(self.lonlat[:, 0])


def photos_of(competition: Competition) -> Photos:
    """All photographs of a competition, with the continent of the open edition's nearest point."""
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
    """Training rows from the competition's training set, test rows from its validation set.

    Attributes:
        name: "0", or the continent that is held out.
        train: `(n,)` row numbers of photographs.
        test: `(m,)` row numbers of photographs.
    """

    name: str
    train: Integers
    test: Integers

    @property
    def sha256(self) -> str:
        """Hash of the two index sets."""
        rows = (np.ascontiguousarray(rows).astype("<i8") for rows in (self.train, self.test))
        return sha256_bytes(b"".join(len(r).to_bytes(8, "little") + r.tobytes() for r in rows))


def species_folds(photos: Photos, split: Split) -> tuple[SpeciesFold, ...]:
    """The folds of a split: the competition's own, or one per continent.

    If a continent is held out, its validation photographs are the test set; training photographs
    of the continent, or of unknown place, are left out.

    Raises:
        BenchError: no continent has enough photographs.
    """
    if split == "competition":
        return (SpeciesFold("0", np.flatnonzero(photos.train), np.flatnonzero(~photos.train)),)
    folds = []
    for name in np.unique(photos.continent[photos.located]).tolist():
        inside = photos.continent == name
        test = np.flatnonzero(inside & ~photos.train)
        if len(test) >= MIN_TEST:
            train = np.flatnonzero(photos.train & photos.located & ~inside)
            folds.append(SpeciesFold(name, train, test))
    if not folds:
        raise BenchError(f"no continent has {MIN_TEST} photographs in the validation set")
    return tuple(folds)


@dataclass(frozen=True)
class SpeciesScores:
    """Top-k accuracies of species, and the predictions that they come from.

    Attributes:
        top: top-k accuracy by k, between 0 and 1.
        intervals: 95 % intervals by k, by a bootstrap of blocks of 10 degrees; a photograph of
            unknown place is a block of its own. Empty if there are too few blocks.
        n_train: number of training photographs, including those that decide when to stop; 0 if
            nothing was fitted.
        n_test: number of test photographs.
        n_unseen: number of test photographs whose species is not in the training set.
        n_unlocated: number of test photographs of unknown place.
        epochs: best epoch of every fit.
        rank: `(n_test,)` number of species that are ranked before the true one.
        prediction: `(n_test,)` species that is ranked first.
        block: `(n_test,)` block of the bootstrap.
    """

    top: Mapping[int, float]
    intervals: Mapping[int, tuple[float, float]]
    n_train: int
    n_test: int
    n_unseen: int
    n_unlocated: int
    epochs: tuple[int, ...]
    rank: Integers
    prediction: Integers
    block: Integers


@dataclass
class FoldEvaluation:
    """Evaluation of one fold and seed; what is fitted for one way is reused by the next.

    Args:
        photos: all photographs.
        fold: rows of the training and test sets.
        seed: seed of the validation rows and of the fits.
        settings: settings of the softmax regressions.
        image: features of all photographs, or None.
        given: probabilities P(y | image) of the competition's validation photographs; None to fit
            a classifier on `image` instead.
        on_step: called with the epoch and the number of photographs seen in it.
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
        """Rank the species of the test photographs in one way.

        Args:
            way: key of `WAYS`.
            encoder: name of the encoder that made `place`.
            place: embedding of the located photographs.

        Raises:
            BenchError: the way needs features or an embedding that is not given; or no training
                photograph has all inputs.
        """
        with thread_limit(self.settings.threads):
            return self._scores(way, encoder, place)

    def forget_places(self) -> None:
        """Drop all fits on embeddings, which hold their inputs in memory."""
        self._fits = {name: fit for name, fit in self._fits.items() if name == "image"}

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
        ranks, first = rank_species(self.fold.test, self.photos.species, factors)
        return self._summary(ranks, first, fits)

    def _fit(
        self, name: str, parts: tuple[Part | None, ...], uniform: bool, way: Way
    ) -> tuple[Fitted, int, int]:
        from satclip_bench.benchmarks.species.softmax import fit_softmax

        if name not in self._fits:
            given = [part for part in parts if part is not None]
            if len(given) < len(parts):
                raise BenchError(f"{way!r} needs image features, or an embedding of places")
            known = np.logical_and.reduce([part.row >= 0 for part in given])
            rows = self.fold.train[known[self.fold.train]]
            if len(rows) < 2:
                raise BenchError(f"fold {self.fold.name!r} has no photographs to train on")
            rng = np.random.default_rng([self.seed, 0x59EC])
            validation, train = draw_rows(rows, self.settings.validation_fraction, rng)
            # Columns are scaled on the training set alone, without the validation rows.
            inputs = Inputs(given, train)
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

    def _summary(
        self, ranks: Integers, first: Integers, fits: list[tuple[Fitted, int, int]]
    ) -> SpeciesScores:
        test, photos = self.fold.test, self.photos
        located = photos.located[test]
        ids = np.zeros(len(test), dtype=np.int64)
        ids[located] = block_ids(photos.lonlat[test[located]], "global")
        ids[~located] = ids.max(initial=0) + 1 + np.arange((~located).sum())
        blocks = make_blocks(ids)
        intervals = {}
        if blocks.count >= MIN_UNITS:
            ends = {k: interval(mean_replicates(blocks, ranks < k)) for k in TOP}
            intervals = {k: value for k, value in ends.items() if value is not None}
        trained = np.unique(photos.species[self.fold.train])
        return SpeciesScores(
            top={k: float((ranks < k).mean()) for k in TOP},
            intervals=intervals,
            n_train=max((count for _, count, _ in fits), default=0),
            n_test=len(test),
            n_unseen=int((~np.isin(photos.species[test], trained)).sum()),
            n_unlocated=int((~located).sum()),
            epochs=tuple(epoch for *_, epoch in fits),
            rank=ranks,
            prediction=first,
            block=ids,
        )
