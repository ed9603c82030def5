"""Small tables for protocols."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.protocols import Protocol, Work
from satclip_bench.benchmarks.splits import SplitInputs
from satclip_bench.tasks.base import TaskType

CONTINENTS = ("Africa", "Asia", "Europe", "North America", "South America")


def points(count: int = 400, task_type: TaskType = "regression", seed: int = 0) -> SplitInputs:
    """Points uniform on the sphere; what is to be predicted follows from where they are."""
    rng = np.random.default_rng(seed)
    lonlat = np.column_stack(
        [rng.uniform(-180, 180, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count)))]
    )
    wave = np.sin(np.radians(lonlat[:, 1])) + 0.5 * np.cos(np.radians(lonlat[:, 0]))
    target: NDArray[Any] = 3 + wave + rng.normal(0, 0.1, count)
    if task_type == "classification":
        target = np.digitize(wave, [-0.5, 0, 0.5]).astype(np.int64)
    region = np.array(CONTINENTS)[((lonlat[:, 0] + 180) // 72).astype(int) % 5]
    return SplitInputs(lonlat, target, region)


def features(of: SplitInputs, columns: int = 6, seed: int = 1) -> NDArray[np.float32]:
    """Harmonics of low degree, and noise."""
    lon, lat = np.radians(of.lonlat).T
    noise = np.random.default_rng(seed).normal(size=(len(of), columns - 3))
    found = np.column_stack([np.sin(lat), np.cos(lat) * np.cos(lon), np.cos(lon), noise])
    return found.astype(np.float32)


def work(
    protocol: Protocol,
    of: SplitInputs,
    split: str = "random",
    probe: str | None = None,
    task_type: TaskType = "regression",
    seeds: tuple[int, ...] | None = None,
    **more: Any,
) -> Work:
    """All there is to be done on made-up features."""
    return Work(
        embedding=more.pop("embedding", features(of)),
        points=of,
        task_type=task_type,
        split=split,
        probe=probe or next(iter(protocol.card.probes)),
        seeds=protocol.card.seeds[:2] if seeds is None else seeds,
        **more,
    )


def spoilt(of: SplitInputs, rows: NDArray[np.integer]) -> SplitInputs:
    """The same points with other targets in some rows."""
    target = of.target.copy()
    target[rows] = target[rows][::-1] if target.dtype.kind == "i" else target[rows] + 100
    return SplitInputs(of.lonlat, target, of.region, of.block_degrees)
