"""Training in one process or in several (torchrun), with gathered embeddings and gradients."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed

from satclip_bench.core.device import chosen_name, existing_device, gpu_available


@dataclass(frozen=True)
class Group:
    """The group of processes that train together.

    Attributes:
        rank: rank of this process, from 0.
        size: number of processes.
        device: device of this process.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes files and shows progress."""
        return self.rank == 0

    def gather(self, rows: torch.Tensor) -> torch.Tensor:
        """Concatenate the rows of all processes by rank; each must have as many rows."""
        if self.size == 1:
            return rows
        parts = [torch.empty_like(rows) for _ in range(self.size)]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace each gradient by its sum over all processes."""
        if self.size > 1:
            for parameter in parameters:
                if parameter.grad is not None:
                    distributed.all_reduce(parameter.grad)

    def wait(self) -> None:
        """Wait until all processes have reached this call."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def process_group(device: str | None = None) -> Iterator[Group]:
    """The processes that torchrun started, or a group of only this process.

    Args:
        device: `auto` for a GPU per process if there is one, or the name of a torch device such as
            `cpu` or `cuda:1`; by default that of `$SATCLIP_BENCH_DEVICE`, or `auto`.

    Raises:
        BenchError: the device does not exist.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    rank, local = (int(os.environ.get(name, "0")) for name in ("RANK", "LOCAL_RANK"))
    chosen = _device(device, local)
    if size == 1:
        yield Group(0, 1, chosen)
        return
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
        yield Group(rank, size, chosen)
    finally:
        distributed.destroy_process_group()


def _device(name: str | None, local: int) -> torch.device:
    """The device of a process: of several processes on one machine, each has its own GPU."""
    chosen = name or chosen_name()
    if chosen == "auto":
        chosen = "cuda" if gpu_available() else "cpu"
    return existing_device(f"cuda:{local}" if chosen == "cuda" else chosen)
