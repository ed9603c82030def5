"""Time and memory of the species classifiers on random data of the size of iNaturalist 2018.

    python docs/studies/inaturalist_size.py 0 1        # the embedding alone, one epoch
    python docs/studies/inaturalist_size.py 2048 .1    # with 2,048 image features, .1 epoch

The data are 437,513 training and 24,426 test photographs of 8,142 species: places drawn over land,
embeddings of satclip-bluemarble.l40, and random image features (float16). The scores are
meaningless.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from satclip_bench.benchmarks.species.evaluation import FoldEvaluation, Photos, species_folds
from satclip_bench.benchmarks.species.inputs import Part
from satclip_bench.benchmarks.species.settings import SoftmaxSettings
from satclip_bench.encoders import get_encoder
from satclip_bench.tasks import get_task

TRAIN, VALIDATION, CLASSES = 437_513, 24_426, 8_142


class _EnoughError(Exception):
    """Raised to stop the fit when the requested fraction of an epoch is done."""


def main(features: int, epochs: float) -> None:
    """Print the durations of all steps and the peak memory of the process.

    Args:
        features: number of features of each image; 0 for none.
        epochs: number of epochs; below 1, the fit is stopped within the first one, and nothing is
            ranked.
    """
    rng = np.random.default_rng(0)
    n = TRAIN + VALIDATION
    land = get_task("elevation").load().lonlat
    lonlat = land[rng.integers(len(land), size=n)]
    photos = Photos(
        image_id=np.arange(n),
        species=rng.integers(CLASSES, size=n),
        lonlat=lonlat,
        train=np.arange(n) < TRAIN,
        continent=np.full(n, "Africa"),
        classes=CLASSES,
        sha256="",
    )
    start = time.perf_counter()
    place = Part(get_encoder("satclip-bluemarble.l40").encode(lonlat), np.arange(n))
    print(f"embeddings: {time.perf_counter() - start:.0f} s", flush=True)
    image = None
    if features:
        values = np.empty((n, features), dtype=np.float16)
        for rows in np.array_split(np.arange(n), 200):
            values[rows] = rng.standard_normal((len(rows), features), dtype=np.float32)
        image = Part(values, np.arange(n))

    begun = time.perf_counter()

    def stop_early(epoch: int, seen: int) -> None:
        nonlocal begun
        if seen <= 1024 and epoch == 1:
            print(f"columns scaled: {time.perf_counter() - begun:.0f} s", flush=True)
            begun = time.perf_counter()
        if epochs < 1 and seen >= epochs * TRAIN:
            elapsed = time.perf_counter() - begun
            per_epoch = elapsed / seen * TRAIN
            print(f"{seen:,} photographs: {elapsed:.0f} s; an epoch: {per_epoch:.0f} s")
            raise _EnoughError

    settings = SoftmaxSettings(max_epochs=max(1, round(epochs)))
    (fold,) = species_folds(photos, "competition")
    evaluation = FoldEvaluation(photos, fold, 0, settings, image, on_step=stop_early)
    try:
        evaluation.scores("concatenation" if features else "location", "x", place)
        print(f"fitted and ranked: {time.perf_counter() - begun:.0f} s")
    except _EnoughError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory: {peak / 2**20:.1f} GiB")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
