"""Dask clusters whose scheduler and workers are threads of the test's process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import LocalCluster


@contextmanager
def cluster_in_threads(workers: int, threads_per_worker: int = 1) -> Iterator[LocalCluster]:
    """A cluster that clients reach over TCP, as they reach one of processes."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers,
        threads_per_worker=threads_per_worker,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=60,
    ) as local:
        yield local
