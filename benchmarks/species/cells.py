"""Cells of a species evaluation, and how their scores become records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE, SPECIES_PROTOCOL
from satclip_bench.benchmarks.runs.embeddings import encoder_settings
from satclip_bench.benchmarks.runs.engine import Result
from satclip_bench.benchmarks.runs.provenance import provenance
from satclip_bench.benchmarks.runs.record import Counts, Record, Settings
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.benchmarks.species.evaluation import (
    WAYS,
    FoldEvaluation,
    Photos,
    SpeciesFold,
    SpeciesScores,
    Split,
    Way,
    species_folds,
)
from satclip_bench.benchmarks.species.features import read_features, read_probabilities
from satclip_bench.benchmarks.species.inputs import Part
from satclip_bench.benchmarks.species.likelihoods import Given
from satclip_bench.benchmarks.species.settings import SoftmaxSettings
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import sha256_bytes, sha256_file
from satclip_bench.encoders import get_encoder
from satclip_bench.tasks.inaturalist import CARD

VERSION = 1
"""Raised when the same inputs give other scores than before."""

PROTOCOL = f"{SPECIES_PROTOCOL}/{VERSION}"
"""Protocol of the records."""

IMAGE_ALONE = "baseline.image"
"""Name in records for the way that needs no encoder: what the image alone says."""

SPLITS: tuple[Split, ...] = ("competition", "held-out-continent")
"""Names of the splits."""


@dataclass(frozen=True)
class Request:
    """What to evaluate, from which files, and where to keep the results.

    Attributes:
        encoders: names or wildcards.
        splits: names of splits, of `SPLITS`.
        seeds: seeds of the fits.
        data_dir: folder of the competition's files; None for that of the cache.
        features: files of image features of the training and of the validation set, or none.
        probabilities: file of an image classifier's probabilities on the validation set, or None.
        out: folder of the results.

    Raises:
        BenchError: probabilities are given together with held-out continents.
    """

    encoders: Sequence[str]
    splits: Sequence[Split]
    seeds: Sequence[int]
    data_dir: Path | None
    features: Sequence[Path]
    probabilities: Path | None
    out: Path

    def __post_init__(self) -> None:
        # The classifier behind such a file was trained on photographs of all continents.
        if self.probabilities is not None and "held-out-continent" in self.splits:
            raise BenchError(
                "probabilities of an image classifier (--image-probabilities) cannot be evaluated "
                "with held-out-continent: it was trained on photographs of the continent that is "
                "held out. Leave out the probabilities, or give image features "
                "(--image-features) in place of them: a classifier of these is fitted without the "
                "continent"
            )


@dataclass(frozen=True)
class Images:
    """Features and probabilities of the images.

    Attributes:
        part: features of all photographs, or None.
        given: probabilities by an image classifier, or None.
        sha256: hash of the files.
    """

    part: Part | None
    given: Given | None
    sha256: str

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways that can be evaluated with these."""
        if self.part is not None:
            return tuple(WAYS)
        return ("location", "image", "product") if self.given is not None else ("location",)


def read_images(request: Request, photos: Photos) -> Images:
    """Read the features and probabilities that a request names.

    Raises:
        BenchError: a file is missing, has the wrong format, or does not have all photographs.
    """
    paths = (*request.features, *([request.probabilities] if request.probabilities else []))
    if absent := [str(path) for path in paths if not path.is_file()]:
        raise BenchError(f"there is no file {', '.join(absent)}")
    train, rest = photos.image_id[photos.train], photos.image_id[~photos.train]
    part = given = None
    every = np.arange(len(photos.image_id))
    if request.features:
        part = Part(read_features(request.features, (train, rest)), every)
    if request.probabilities:
        # Probabilities are needed for validation photographs only.
        row = np.where(photos.train, -1, every - len(train))
        given = Given(read_probabilities(request.probabilities, rest, photos.classes), row)
    return Images(part, given, sha256_bytes(" ".join(map(sha256_file, paths)).encode()))


@dataclass
class Workspace:
    """Photographs, image features and settings that all cells share, and their latest fits.

    Only the fits of the latest fold and the embedding of the latest encoder are kept: each takes
    as much memory as an embedding of all places.

    Attributes:
        photos: photographs of the competition.
        images: features and probabilities of the images.
        fit: settings of the softmax regressions.
        on_step: called with the epoch and the number of photographs seen in it.
    """

    photos: Photos
    images: Images
    fit: SoftmaxSettings
    on_step: Callable[[int, int], None] = lambda epoch, seen: None
    _evaluation: FoldEvaluation | None = None
    _places: dict[str, Part] = field(default_factory=dict)

    def evaluation(self, fold: SpeciesFold, seed: int) -> FoldEvaluation:
        """Evaluation of a fold and seed, with the fits of images that it has made before."""
        last = self._evaluation
        if last is None or last.fold is not fold or last.seed != seed:
            images = self.images
            self._evaluation = last = FoldEvaluation(
                self.photos, fold, seed, self.fit, images.part, images.given, self.on_step
            )
        last.forget_places()
        return last

    def place(self, encoder: str) -> Part:
        """The embedding of all known places. Raises BenchError."""
        if encoder not in self._places:
            located = np.flatnonzero(self.photos.located)
            row = np.full(len(self.photos.species), -1, dtype=np.int64)
            row[located] = np.arange(len(located))
            with thread_limit(self.fit.threads):
                embedding = get_encoder(encoder).encode(self.photos.lonlat[located])
            self._places = {encoder: Part(embedding, row)}
        return self._places[encoder]


@dataclass(frozen=True)
class SpeciesCells:
    """The cells of one encoder, fold and seed, one per way; they share fits.

    Attributes:
        name: name of the encoder, or `IMAGE_ALONE`.
        split: name of the split.
        fold: training and test photographs.
        seed: seed of the fits.
        settings: settings of the cell of every way.
        encoder_title: title of the encoder in tables.
        contaminated: whether the encoder was trained on iNaturalist, according to its card.
        recipe_chosen: whether its recipe was chosen with labels of iNaturalist.
        workspace: what all cells share.
    """

    name: str
    split: Split
    fold: SpeciesFold
    seed: int
    settings: Mapping[Way, Settings]
    encoder_title: str
    contaminated: bool
    recipe_chosen: bool
    workspace: Workspace

    problem = ""
    method = "species"
    encoder = ""
    source = None
    expected_seconds = 0.0

    @property
    def title(self) -> str:
        """Short description for progress and messages."""
        where = f"{self.split} {self.fold.name} seed {self.seed}"
        return f"{where} {self.name}: {', '.join(self.settings)}"

    @property
    def cells(self) -> tuple[Settings, ...]:
        """The settings of all its cells."""
        return tuple(self.settings.values())

    def measure(
        self, embedding: NDArray[np.float32] | None, kept: Mapping[str, Record]
    ) -> Iterator[Result]:
        """Rank the species of the test photographs in every way that is missing.

        Args:
            embedding: not used: places are embedded in memory, as they have no table of a task.
            kept: records by key that need not be computed.

        Yields:
            Record and predictions of every way, one row per test photograph.

        Raises:
            BenchError: the encoder fails, or there is nothing to train on.
        """
        evaluation = self.workspace.evaluation(self.fold, self.seed)
        for way, settings in self.settings.items():
            if settings.key not in kept:
                place = None if way == "image" else self.workspace.place(self.name)
                scores = evaluation.scores(way, self.name, place)
                yield self._record(settings, scores), _predictions(self, scores)

    def failed(self, reason: str) -> tuple[Record, ...]:
        """A record for every way that says why it could not be run."""
        return tuple(
            self._record(settings, None, status="failed", reason=reason) for settings in self.cells
        )

    def _record(self, settings: Settings, scores: SpeciesScores | None, **changes: Any) -> Record:
        results: dict[str, Any] = {"status": "done"}
        if scores is not None:
            results |= {
                "scores": {f"top{k}": share for k, share in scores.top.items()},
                "intervals": {"places": {f"top{k}": ends for k, ends in scores.intervals.items()}},
                "best_params": {"epochs": list(scores.epochs)},
                "counts": Counts(train=scores.n_train, test=scores.n_test, unseen=scores.n_unseen),
            }
        return Record.model_validate(
            {
                "key": settings.key,
                "settings": settings,
                "task_type": CARD.task_type,
                "encoder_title": self.encoder_title,
                "metric": CARD.metric,
                "contaminated": self.contaminated,
                "recipe_chosen": self.recipe_chosen,
                "provenance": provenance(),
                **results,
                **changes,
            }
        )


def _predictions(cells: SpeciesCells, scores: SpeciesScores) -> Any:
    import pyarrow as pa

    test = cells.fold.test
    return pa.table(
        {
            "row": test.astype(np.int32),
            "block": scores.block.astype(np.int32),
            "target": cells.workspace.photos.species[test].astype(np.int32),
            "prediction": scores.prediction.astype(np.int32),
            "rank": scores.rank.astype(np.int32),
        }
    )


def species_cells(
    request: Request, names: Sequence[str], workspace: Workspace
) -> tuple[SpeciesCells, ...]:
    """All cells of a request: by split, fold and seed; the image alone first, then encoders.

    Args:
        request: splits and seeds to evaluate.
        names: names of encoders.
        workspace: photographs, images and settings.

    Raises:
        BenchError: a split has no folds, or an encoder is not known.
    """
    cells = []
    for split in request.splits:
        for fold in species_folds(workspace.photos, split):
            for seed in request.seeds:
                common = _common_settings(split, fold, seed, workspace)
                if "image" in workspace.images.ways:
                    cells.append(_image_cells(common, split, fold, seed, workspace))
                cells += [
                    _encoder_cells(name, common, split, fold, seed, workspace) for name in names
                ]
    return tuple(cells)


def _common_settings(
    split: Split, fold: SpeciesFold, seed: int, workspace: Workspace
) -> dict[str, Any]:
    return {
        "task": CARD.name,
        "edition": "paper",
        "data_sha256": workspace.photos.sha256,
        "split": split,
        "split_version": VERSION,
        "split_settings": {},
        "fold": fold.name,
        "fold_sha256": fold.sha256,
        "probe_version": VERSION,
        "probe_search": {},
        "protocol": PROTOCOL,
        "seed": seed,
    }


def _image_cells(
    common: dict[str, Any], split: Split, fold: SpeciesFold, seed: int, workspace: Workspace
) -> SpeciesCells:
    settings = common | {
        "encoder": IMAGE_ALONE,
        "encoder_version": VERSION,
        "encoder_parameters": {},
        "encoder_source_sha256": "",
        "weights_sha256": "",
        "dtype": "none",
        "probe": BASELINE_PROBE,
        "probe_settings": _probe_settings("image", workspace),
    }
    cells: dict[Way, Settings] = {"image": Settings.model_validate(settings)}
    return SpeciesCells(
        IMAGE_ALONE, split, fold, seed, cells, "Image alone", False, False, workspace
    )


def _encoder_cells(
    name: str,
    common: dict[str, Any],
    split: Split,
    fold: SpeciesFold,
    seed: int,
    workspace: Workspace,
) -> SpeciesCells:
    encoder = get_encoder(name)
    common = common | encoder_settings(name, encoder)
    cells: dict[Way, Settings] = {
        way: Settings.model_validate(
            common | {"probe": way, "probe_settings": _probe_settings(way, workspace)}
        )
        for way in workspace.images.ways
        if way != "image"
    }
    card = encoder.card
    marks = (CARD.name in card.contaminates, CARD.name in card.recipe_tasks)
    return SpeciesCells(name, split, fold, seed, cells, card.title, *marks, workspace)


def _probe_settings(way: Way, workspace: Workspace) -> dict[str, Any]:
    images = {} if way == "location" else {"images_sha256": workspace.images.sha256}
    return workspace.fit.model_dump(mode="json") | images
