"""Speed of encoders, kriging and pretraining on a GPU beside the CPU, for docs/gpus.md.

    python docs/studies/gpu.py                                  # all tables
    python docs/studies/gpu.py --tables kriging --systems 500   # one table, in a smaller size

Prints Markdown tables of wall-clock times, so that nothing else should run at the same time.
Weights that are not available are drawn at random in the released shapes, and images are
generated: speed does not depend on their values. Without a GPU, its columns are left out, and so
are pretrainings that would take hours on a CPU, unless --set makes them small.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from random_weights import ENCODERS

from satclip_bench.benchmarks.baselines.base import HeldOut, Points
from satclip_bench.benchmarks.baselines.kriging import GP, Kriging
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.benchmarks.speed.timing import random_points
from satclip_bench.core.device import device_title, gpu_available, use_device
from satclip_bench.encoders import LocationEncoder
from satclip_bench.encoders.pretraining.config import PretrainConfig, load_config
from satclip_bench.encoders.pretraining.image_encoder import image_encoder
from satclip_bench.encoders.pretraining.sources import Pairs, read_pairs
from satclip_bench.encoders.pretraining.sources.base import InMemory
from satclip_bench.encoders.pretraining.training import Callbacks, pretrain

S2_SHAPE = (12, 256, 256)
S2_IMAGES = 100_000

Float = NDArray[np.float64]


def points_per_second(encoder: LocationEncoder, lonlat: Float, rounds: int) -> float:
    """Points per second of wall-clock time, in the best of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        encoder.encode(lonlat)
        times.append(time.perf_counter() - start)
    return len(lonlat) / min(times)


def table(columns: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    """Print a Markdown table, each row as soon as it is known."""
    print(f"| {' | '.join(columns)} |")
    print(f"|{'---|' * len(columns)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
    print()


def encoders_table(options: argparse.Namespace) -> None:
    """Points per second of each encoder on both devices, and how much its embeddings differ."""
    few, many = random_points(options.points), random_points(options.gpu_points)
    columns = ["encoder", "network", "points/s, 1 thread", f"points/s, {os.cpu_count()} cores"]
    if gpu_available():
        columns += ["points/s, GPU", "times all cores", "largest difference", "other values"]

    def rows(folder: Path) -> Iterator[Sequence[str]]:
        for precision, make in ENCODERS.values():
            encoder = make(folder)
            with use_device("cpu"):
                expected = encoder.encode(few)
                with thread_limit(1):
                    one = points_per_second(encoder, few, options.rounds)
                cpu = points_per_second(encoder, few, options.rounds)
            row = [f"`{encoder.card.name}`", precision, f"{one:,.0f}", f"{cpu:,.0f}"]
            if gpu_available():
                with use_device("cuda"):
                    result = encoder.encode(few)
                    gpu = points_per_second(encoder, many, options.rounds)
                difference = np.abs(result - expected).max() / expected.std()
                share = np.mean(result != expected)
                row += [f"{gpu:,.0f}", f"{gpu / cpu:.1f}", f"{difference:.1e}", f"{share:.2%}"]
            yield row

    print(
        f"Encoders: {len(few):,} points on the CPU and {len(many):,} on the GPU, best of "
        f"{options.rounds} rounds. The largest difference is relative to the standard deviation "
        "of the embedding's values; other values are those not equal to the last bit of float32.\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        table(columns, rows(Path(folder)))


def field_of(lonlat: Float, seed: int) -> Float:
    """A smooth field with noise at points, `(n,)`."""
    lon, lat = np.radians(lonlat).T
    noise = np.random.default_rng(seed).normal(0, 0.2, len(lonlat))
    return np.asarray(np.sin(2 * lon) * np.cos(lat) + np.cos(5 * lat) + noise)


def kriging_table(options: argparse.Namespace) -> None:
    """Seconds of the baseline of kriging on both devices, and how much its predictions differ."""
    test = random_points(5000, seed=2)
    validation = Points(random_points(1000, seed=1), field_of(random_points(1000, seed=1), 1))

    def work(n: int, device: str) -> tuple[float, float, Float, Float]:
        lonlat = random_points(n)
        method = Kriging(GP.card, None)
        # In one thread, as cells are run.
        with use_device(device), thread_limit(1):
            start = time.perf_counter()
            method.fit(Points(lonlat, field_of(lonlat, 0)), HeldOut(validation))
            fitted = time.perf_counter()
            mean, std = method.distribution(test)
            predicted = time.perf_counter()
        assert std is not None  # noqa: S101
        return fitted - start, predicted - fitted, mean, std

    def rows() -> Iterator[Sequence[str]]:
        for n in options.systems:
            fit, predict, mean, std = work(n, "cpu")
            row = [f"{n:,}", f"{fit:.2f}", f"{predict:.2f}"]
            if gpu_available():
                # The first call of each size also loads the GPU's libraries.
                work(n, "cuda")
                gpu_fit, gpu_predict, gpu_mean, gpu_std = work(n, "cuda")
                of_mean = np.abs(gpu_mean - mean).max() / mean.std()
                of_std = np.abs(gpu_std / std - 1).max()
                row += [f"{gpu_fit:.2f}", f"{gpu_predict:.2f}", f"{of_mean:.1e}", f"{of_std:.1e}"]
            yield row

    columns = ["training points", "fit, CPU, s", "predict, CPU, s"]
    if gpu_available():
        columns += ["fit, GPU, s", "predict, GPU, s", "difference of means", "of deviations"]
    print(
        f"Kriging: the search of the baseline and its last system, then means and standard "
        f"deviations at {len(test):,} points, with one thread of the CPU. Differences are the "
        "largest, of means relative to their standard deviation, of deviations to themselves.\n"
    )
    table(columns, rows())


@dataclass(frozen=True)
class RepeatedImages:
    """Images out of a few generated ones, as if they were read from memory each time."""

    pool: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return tuple(self.pool.shape[1:])

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Images of the rows, `(n, *shape)`."""
        images: NDArray[Any] = self.pool[rows % len(self.pool)]
        return images


def write_s2(folder: Path, files: int, rows: int) -> None:
    """Write generated images in the layout of S2-100K, each named by several rows of the index.

    Raises:
        ImportError: rasterio is not installed.
    """
    import rasterio
    from rasterio import Affine

    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    bands, height, width = S2_SHAPE
    layout: dict[str, Any] = {
        "driver": "GTiff",
        "dtype": "uint16",
        "count": bands,
        "height": height,
        "width": width,
        "crs": "EPSG:32632",
        "transform": Affine(10, 0, 5e5, 0, -10, 5e6),
    }
    for i in range(files):
        with rasterio.open(folder / "images" / f"patch_{i}.tif", "w", **layout) as file:
            file.write(rng.integers(1, 10_000, S2_SHAPE, dtype=np.uint16))
    lines = [
        f"patch_{i % files}.tif,{lon},{lat}" for i, (lon, lat) in enumerate(random_points(rows))
    ]
    (folder / "index.csv").write_text("\n".join(["fn,lon,lat", *lines]) + "\n")


def generated_pairs(config: PretrainConfig, rows: int, folder: Path) -> tuple[Pairs, str]:
    """Generated images of a config's shape, and where they are read from."""
    rng = np.random.default_rng(0)
    lonlat = random_points(rows)
    if config.data.source == "bluemarble":
        shape = (len(config.data.bands) * len(config.data.scales), *[config.data.pixels] * 2)
        array = rng.integers(0, 255, (rows, *shape), dtype=np.uint8)
        return Pairs(lonlat, InMemory(array), 255.0, "generated", "none", "0" * 64), "memory"
    try:
        write_s2(folder, 256, rows)
    except ImportError:
        pool = rng.integers(1, 10_000, (256, 13, *S2_SHAPE[1:]), dtype=np.uint16)
        pairs = Pairs(lonlat, RepeatedImages(pool), 10_000.0, "generated", "none", "0" * 64)
        return pairs, "memory, as rasterio is not installed"
    data = config.data.model_copy(update={"folder": folder, "scan": False})
    return read_pairs(data, config.seed), "GeoTIFFs, not compressed, of which 256 are repeated"


@dataclass
class Clock:
    """Times at which the steps of a training and its epoch ended."""

    steps: list[float] = field(default_factory=list)
    epoch: float = 0.0

    def step(self, _done: int, _total: int) -> None:
        """Note that a step has ended."""
        self.steps.append(time.perf_counter())

    def end(self, _row: object) -> None:
        """Note that the epoch and its evaluation have ended."""
        self.epoch = time.perf_counter()


def pretraining_table(options: argparse.Namespace) -> None:
    """Images per second of the pretraining, and from it the time of a whole training."""
    device = "cuda" if gpu_available() else "cpu"
    configs = list(options.configs)
    if device == "cpu" and not options.set and "paper" in configs:
        configs.remove("paper")
        print("`paper` is left out: it is for a GPU, unless --set makes it small.\n")

    def rows() -> Iterator[Sequence[str]]:
        for name in configs:
            for frozen in (False, True) if name == "paper" else (False,):
                with tempfile.TemporaryDirectory() as folder:
                    try:
                        yield pretraining_row(name, frozen, options, device, Path(folder))
                    except torch.OutOfMemoryError:
                        torch.cuda.empty_cache()
                        yield (f"`{name}`", "does not fit into the GPU's memory", *"-------")

    columns = ["config", "image encoder", "images from", "precision", "batch, chunk", "images/s"]
    columns += ["epochs", "whole training (extrapolated)", "GPU memory"]
    print(f"Pretraining on {device}, one epoch of a few steps, the first step not counted.\n")
    table(columns, rows())


def pretraining_row(
    name: str, frozen: bool, options: argparse.Namespace, device: str, folder: Path
) -> Sequence[str]:
    """One row of the table: a short training of a config."""
    config = load_config(name, ["training.epochs=1", *(options.set if name == "paper" else ())])
    epochs = load_config(name, options.set if name == "paper" else []).training.epochs
    training = config.training
    whole = config.data.points if config.data.source == "bluemarble" else S2_IMAGES
    rows = int(options.steps * training.batch_size / (1 - config.held_out.fraction)) + 1
    rows = max(rows, 200) if name == "paper" else whole
    (folder / "images").mkdir()
    pairs, source = generated_pairs(config, rows, folder / "images")
    if frozen:
        path = folder / "vit.pt"
        side = config.augment.crop or pairs.images.shape[-1]
        shape = (pairs.images.shape[0], side, side)
        torch.save(image_encoder(config.image, shape, 256).state_dict(), path)
        config = config.model_copy(
            update={"image": config.image.model_copy(update={"weights": path})}
        )
    clock = Clock()
    callbacks = Callbacks(step=clock.step, epoch=clock.end)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    quiet = warnings.catch_warnings() if device == "cuda" else nullcontext()
    with quiet:
        if device == "cuda":
            # Operations without a deterministic implementation are named in warnings.
            warnings.simplefilter("ignore")
        pretrain(config, folder / "out", device=device, pairs=pairs, callbacks=callbacks)
    step = float(np.mean(np.diff(clock.steps)))
    held_out = min(config.held_out.most, round(config.held_out.fraction * len(pairs)))
    of_all = min(config.held_out.most, round(config.held_out.fraction * whole))
    evaluation = (clock.epoch - clock.steps[-1]) * of_all / held_out
    steps = round((1 - config.held_out.fraction) * whole) // training.batch_size
    hours = epochs * (steps * step + evaluation) / 3600
    memory = f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if device == "cuda" else "-"
    kind = config.image.kind + (", frozen but its last layer" if frozen else "")
    precision = training.precision if device == "cuda" else "float32"
    return (
        f"`{name}`",
        kind,
        source,
        precision,
        f"{training.batch_size}, {training.chunk or 'one'}",
        f"{training.batch_size / step:,.0f}",
        str(epochs),
        f"{hours:.1f} h" if hours > 1 else f"{hours * 3600:.0f} s",
        memory,
    )


TABLES = {
    "encoders": encoders_table,
    "kriging": kriging_table,
    "pretraining": pretraining_table,
}


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tables", default=",".join(TABLES), help="tables, separated by commas")
    parser.add_argument("--points", type=int, default=10_000, help="points on the CPU")
    parser.add_argument("--gpu-points", type=int, default=200_000, help="points on the GPU")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of the encoders")
    parser.add_argument("--systems", default="2000,5000,7000", help="training points of kriging")
    parser.add_argument("--configs", default="small,small-l40,paper", help="pretrainings")
    parser.add_argument("--steps", type=int, default=3, help="steps of the config paper")
    parser.add_argument(
        "--set", action="append", default=[], help="KEY=VALUE of the config paper, as in pretrain"
    )
    options = parser.parse_args()
    options.systems = [int(n) for n in options.systems.split(",")]
    options.configs = options.configs.split(",")
    with use_device("auto"):
        print(
            f"{platform.machine()}, {os.cpu_count()} cores, {device_title()}, torch "
            f"{torch.__version__}, NumPy {np.__version__}\n"
        )
    if not gpu_available():
        print("torch finds no GPU: its columns are left out.\n")
    for name in options.tables.split(","):
        start = time.perf_counter()
        TABLES[name](options)
        print(f"{name}: {time.perf_counter() - start:.0f} s in all\n", flush=True)


if __name__ == "__main__":
    main()
