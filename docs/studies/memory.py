"""Peak memory and processor time of the stages of a run on a large generated task.

    python docs/studies/memory.py 2000000
    python docs/studies/memory.py 10000000 --stages table,embedding,linear --folder /mnt/disk

generates a table of so many points, embeds them in 512 columns, and prints the peak resident memory
and the seconds of processor time of each stage, each of which runs in a process of its own. The
file of 10 million embeddings has 20 GB; all files are deleted in the end. `knn` predicts only a few
points: its time grows with the product of the numbers of training and predicted points. With
`--columns` and `--classes`, embeddings are narrower or classes fewer. With `--scale 100`, blocks
are a hundred times smaller, so that a table goes through as many of them as one of a hundred times
as many points.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.intervals import (
    classification_intervals,
    regression_intervals,
)
from satclip_bench.benchmarks.metrics.resampling import block_ids
from satclip_bench.benchmarks.metrics.scores import (
    TOP_K,
    classification_scores,
    regression_scores,
)
from satclip_bench.benchmarks.probes import (
    logistic_axes,
    logistic_loss,
    make_probe,
    ridge_path,
    rows,
)
from satclip_bench.benchmarks.probes.rows import select
from satclip_bench.benchmarks.runs import embedding_blocks
from satclip_bench.benchmarks.runs.embedding_blocks import write_embedding
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.benchmarks.runs.tidy import parquet_bytes
from satclip_bench.benchmarks.splits import Fold, SplitInputs, get_split
from satclip_bench.benchmarks.splits.domain import prediction_domain
from satclip_bench.benchmarks.splits.places import shared_places
from satclip_bench.core.files import HashedStream
from satclip_bench.core.sphere import unit_vectors
from satclip_bench.encoders import Encoder, EncoderCard
from satclip_bench.tasks import TaskTable
from satclip_bench.tasks.user_tables.file import UserTable
from satclip_bench.tasks.user_tables.task import UserTableTask

QUERIES = 500
"""Points of the validation set, and of the test set, of `knn`."""


class Waves(Encoder):
    """Sines and cosines of random linear functions of a point's unit vector."""

    def __init__(self, columns: int) -> None:
        self.card = EncoderCard(name="waves", title="Waves", dimension=columns)

    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        """Embed points, `(n, columns)`."""
        half = self.card.dimension // 2
        directions = 5 * np.random.default_rng(0).standard_normal((3, half))
        angles = (unit_vectors(lonlat) @ directions).astype(np.float32)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def generate(folder: Path, points: int, classes: int) -> None:
    """Write a table of random places with a smooth target and its classes, in blocks of rows."""
    rng = np.random.default_rng(0)
    with pq.ParquetWriter(folder / "table.parquet", _SCHEMA) as writer:
        for start in range(0, points, 2**20):
            size = min(2**20, points - start)
            lon = rng.uniform(-180, 180, size)
            lat = np.degrees(np.arcsin(rng.uniform(-1, 1, size)))
            smooth = np.sin(np.radians(3 * lon)) * np.cos(np.radians(2 * lat))
            y = smooth + rng.normal(0, 0.3, size)
            ranks = np.floor((smooth + 1) / 2 * classes).clip(max=classes - 1).astype(np.int64)
            label = np.char.add("class", ranks.astype("U2"))
            writer.write_table(pa.table([lon, lat, y, label], schema=_SCHEMA))


_SCHEMA = pa.schema(
    [("lon", pa.float64()), ("lat", pa.float64()), ("y", pa.float64()), ("label", pa.string())]
)


def load(folder: Path, target: str) -> TaskTable:
    """The table as a task."""
    return UserTableTask(UserTable(folder / "table.parquet", target)).load()


def embedding(folder: Path, columns: int) -> None:
    """Embed the table's points into a file."""
    table = load(folder, "y")
    with (folder / "embedding.npy").open("wb") as file:
        write_embedding(HashedStream(file), Waves(columns), table)


def folds(table: TaskTable, split: str) -> tuple[Fold, ...]:
    """The folds of a split."""
    maker = get_split(split)
    domain = prediction_domain(table) if maker.card.domain else None
    return maker.folds(SplitInputs.from_table(table, domain), seed=0)


def probe(folder: Path, name: str, target: str, few: int | None = None) -> None:
    """Fit a probe on the random split, and predict its test set.

    Args:
        folder: folder of the table and its embedding.
        name: name of the probe.
        target: column of the target.
        few: number of points of the validation set and of the test set; by default all.
    """
    table = load(folder, target)
    (fold,) = folds(table, "random")
    X, y = np.load(folder / "embedding.npy", mmap_mode="r"), table.target
    validation, test = fold.validation[:few], fold.test[:few]
    estimator: Any = make_probe(name, table.card.task_type, 0)
    estimator.fit(select(X, fold.train), y[fold.train], (select(X, validation), y[validation]))
    predicted = estimator.predict(select(X, test))
    agreement = (
        np.corrcoef(predicted, y[test])[0, 1] if target == "y" else (predicted == y[test]).mean()
    )
    print(f"    {estimator.best_params_}, {estimator.fit_info_}, agreement {agreement:.3f}")


def scores(folder: Path) -> None:
    """Scores and intervals of predictions of the random split's test set."""
    table = load(folder, "y")
    (fold,) = folds(table, "random")
    target = table.target[fold.test].astype(np.float64)
    predicted = target + np.random.default_rng(0).normal(0, 0.3, len(target))
    block = block_ids(table.lonlat[fold.test], table.card.extent)
    regression_scores(target, predicted)
    regression_intervals(fold.test, block, target, predicted, float(target.mean()))


def scores_of_classes(folder: Path) -> None:
    """Scores and intervals of predicted classes of the random split's test set."""
    table = load(folder, "label")
    (fold,) = folds(table, "random")
    target, classes = table.target[fold.test].astype(np.int64), np.unique(table.target)
    block = block_ids(table.lonlat[fold.test], table.card.extent)
    rng = np.random.default_rng(0)
    ranked = np.full((len(target), TOP_K), -1, dtype=np.int64)
    ranked[:, 0] = np.where(rng.random(len(target)) < 0.7, target, rng.permutation(target))
    confidence, of_truth = rng.random((2, len(target)), dtype=np.float32)
    trained = classes.astype(np.int64)
    classification_scores(target, ranked, confidence, of_truth, trained)
    classification_intervals(fold.test, block, target, ranked, of_truth, trained, int(classes[0]))


def places(folder: Path) -> None:
    """Test points that share their place with a training point."""
    table = load(folder, "y")
    (fold,) = folds(table, "random")
    shared_places(table.lonlat, fold)


def predictions(folder: Path) -> None:
    """Write predictions of classes of the random split's test set, and read them."""
    import pandas as pd

    (fold,) = folds(load(folder, "y"), "random")
    n = len(fold.test)
    probabilities = np.random.default_rng(0).random((n, 10), dtype=np.float32)
    lists = [
        pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 10)
        for values in (np.tile(np.arange(10, dtype=np.int32), (n, 1)), probabilities)
    ]
    columns = {"row": fold.test.astype(np.int32), "target": np.zeros(n, dtype=np.int32)}
    table = pa.table(columns | {"top_classes": lists[0], "top_probabilities": lists[1]})
    (folder / "predictions.parquet").write_bytes(parquet_bytes(table))
    del table, lists, probabilities
    pd.read_parquet(folder / "predictions.parquet", columns=["row", "target"])


STAGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda folder: None,
    "table": lambda folder: load(folder, "y"),
    "table of classes": lambda folder: load(folder, "label"),
    "random": lambda folder: folds(load(folder, "y"), "random"),
    "blocks.10": lambda folder: folds(load(folder, "y"), "blocks.10"),
    "buffered.10-500": lambda folder: folds(load(folder, "y"), "buffered.10-500"),
    "nndm": lambda folder: folds(load(folder, "y"), "nndm"),
    "held-out-region": lambda folder: folds(load(folder, "y"), "held-out-region"),
    "linear": lambda folder: probe(folder, "linear", "y"),
    "linear of classes": lambda folder: probe(folder, "linear", "label"),
    "knn": lambda folder: probe(folder, "knn", "y", QUERIES),
    "scores": scores,
    "scores of classes": scores_of_classes,
    "places": places,
    "predictions": predictions,
}


def scale_blocks(divisor: int) -> None:
    """Divide the sizes of blocks, and those up to which there is one block."""
    for module, name in (
        (rows, "WHOLE_BYTES"),
        (rows, "BLOCK_BYTES"),
        (ridge_path, "BLOCK_NUMBERS"),
        (logistic_axes, "MAX_BYTES"),
        (logistic_loss, "MAX_SAMPLE"),
        (embedding_blocks, "WHOLE_BYTES"),
        (embedding_blocks, "BLOCK_BYTES"),
    ):
        setattr(module, name, getattr(module, name) // divisor)


def run_stage(name: str, folder: Path, columns: int) -> None:
    """Run a stage in this process, and print its peak memory and its time."""
    start = time.process_time()
    with thread_limit(1):
        embedding(folder, columns) if name == "embedding" else STAGES[name](folder)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:20} {peak:6.2f} GiB {seconds:7.0f} s", flush=True)


def main() -> None:
    """Run stages, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("points", type=int)
    parser.add_argument("--stages", default="embedding," + ",".join(STAGES))
    parser.add_argument("--columns", type=int, default=512, help="dimension of the embedding")
    parser.add_argument("--classes", type=int, default=14, help="number of classes")
    parser.add_argument("--folder", type=Path, help="folder for the files, on a disk with room")
    parser.add_argument("--scale", type=int, default=1, help="divisor of the sizes of blocks")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        scale_blocks(arguments.scale)
        run_stage(arguments.stage, arguments.folder, arguments.columns)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        generate(Path(folder), arguments.points, arguments.classes)
        for name in arguments.stages.split(","):
            options = ["--folder", folder, "--stage", name, "--scale", str(arguments.scale)]
            width = ["--columns", str(arguments.columns)]
            command = [sys.executable, __file__, str(arguments.points), *options, *width]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
