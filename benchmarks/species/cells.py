"""Cells of a species evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from satclip_bench.benchmarks.runs.embeddings import encoder_settings
from satclip_bench.benchmarks.species.evaluation import (
    WAYS,
    FoldEvaluation,
    Photos,
    Split,
    Way,
    species_folds,
)
from satclip_bench.benchmarks.species.features import read_features, read_probabilities
from satclip_bench.benchmarks.species.inputs import Part
from satclip_bench.benchmarks.species.likelihoods import Given
from satclip_bench.benchmarks.species.settings import TOP, SoftmaxSettings
from satclip_bench.core.errors import BenchError, RecordError
from satclip_bench.core.files import atomic_write, sha256_bytes, sha256_file
from satclip_bench.encoders import get_encoder

VERSION = 1
"""Raised when the same inputs start to give other scores."""


SPLITS: tuple[Split, ...] = ("competition", "held-out-continent")


@dataclass(frozen=True)
class Request:
    """What is to be evaluated.

    Attributes:
        encoders: names or wildcards.
        splits: of `SPLITS`.
        seeds: of the fits.
        data_dir: folder of the competition's files; None for that of the cache.
        features: files of image features of the training and of the validation part, or none.
        probabilities: an image classifier's, of the validation part, or None.
        out: folder of the results.
    """

    encoders: Sequence[str]
    splits: Sequence[Split]
    seeds: Sequence[int]
    data_dir: Path | None
    features: Sequence[Path]
    probabilities: Path | None
    out: Path


@dataclass(frozen=True)
class Images:
    """What is known of the images.

    Attributes:
        part: their features, or None.
        given: a classifier's probabilities, or None.
        sha256: of the files.
    """

    part: Part | None
    given: Given | None
    sha256: str

    @property
    def ways(self) -> tuple[Way, ...]:
        """What can be evaluated with these."""
        if self.part is not None:
            return tuple(WAYS)
        return ("location", "image", "product") if self.given is not None else ("location",)


def read_images(request: Request, photos: Photos) -> Images:
    """Features and probabilities of the files that a request names.

    Raises:
        BenchError: a file is absent, or is not such a file, or lacks photographs.
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
        # Only validation photographs are ever asked for.
        row = np.where(photos.train, -1, every - len(train))
        given = Given(read_probabilities(request.probabilities, rest, photos.classes), row)
    return Images(part, given, sha256_bytes(" ".join(map(sha256_file, paths)).encode()))


def _cells(
    request: Request,
    settings: SoftmaxSettings,
    names: Sequence[str],
    photos: Photos,
    images: Images,
    console: Console,
) -> Iterator[dict[str, Any]]:
    plan = [
        (s, f, seed)
        for s in request.splits
        for f in species_folds(photos, s)
        for seed in request.seeds
    ]
    ways = images.ways
    total = len(plan) * (len(names) * sum(w != "image" for w in ways) + ("image" in ways))
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("cells", total=total)
        places: dict[str, Part] = {}
        for split, fold, seed in plan:
            fitting = progress.add_task("", total=None, visible=False)

            def tell(epoch: int, seen: int, task: Any = fitting) -> None:
                told = f"  epoch {epoch}, {seen:,} photographs"
                progress.update(task, description=told, visible=True)

            evaluation = FoldEvaluation(
                photos, fold, seed, settings, images.part, images.given, tell
            )
            for name, way in _pairs(names, ways):
                encoder = get_encoder(name) if name else None
                said = encoder_settings(name, encoder) if name else {"encoder": ""}
                of: dict[str, Any] = {
                    "version": VERSION,
                    "data_sha256": photos.sha256,
                    "images_sha256": images.sha256 if way != "location" else "",
                    "split": split,
                    "fold": fold.name,
                    "way": way,
                    "seed": seed,
                    "fit": settings.model_dump(mode="json"),
                    **said,
                }
                path = request.out / "records" / f"{_key(of)}.json"
                row = _read(path)
                if row is None:
                    if encoder is not None and name not in places:
                        # One at a time: each takes as much memory as its embedding of all places.
                        places = {name: _embedded(encoder, photos)}
                    scores = evaluation.scores(way, name, places.get(name))
                    row = {"settings": of, "scores": asdict(scores)}
                    with atomic_write(path) as stream:
                        stream.write((json.dumps(row, sort_keys=True) + "\n").encode())
                    # As read again: JSON's keys are text.
                    row = json.loads(path.read_bytes())
                    if not console.is_terminal:
                        console.print(f"{split} {fold.name} seed {seed}: {name} {way}")
                progress.advance(bar)
                yield _flat(row)
            progress.remove_task(fitting)


def _pairs(names: Sequence[str], ways: Sequence[Way]) -> list[tuple[str, Way]]:
    """Encoders and ways; the image alone once, under no encoder's name."""
    alone: list[tuple[str, Way]] = [("", "image")] if "image" in ways else []
    return [*alone, *((name, way) for name in names for way in ways if way != "image")]


def _embedded(encoder: Any, photos: Photos) -> Part:
    located = np.flatnonzero(photos.located)
    row = np.full(len(photos.species), -1, dtype=np.int64)
    row[located] = np.arange(len(located))
    return Part(encoder.encode(photos.lonlat[located]), row)


def _key(settings: dict[str, Any]) -> str:
    return sha256_bytes(json.dumps(settings, sort_keys=True, default=str).encode())[:24]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RecordError(f"{path} cannot be read: {error}. Delete it to run it again") from error
    return found


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    of, scores = row["settings"], row["scores"]
    flat = {name: of[name] for name in ("split", "fold", "seed", "encoder", "way")}
    for k in map(str, TOP):
        low, high = scores["intervals"].get(k, (None, None))
        flat |= {f"top{k}": scores["top"][k], f"top{k}_low": low, f"top{k}_high": high}
    return flat | {n: scores[n] for n in ("n_train", "n_test", "n_unseen", "n_unlocated")}
