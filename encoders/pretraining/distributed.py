"""One process or several (torchrun): who one is, and what all of them know."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed

from satclip_bench.core.errors import BenchError


@dataclass(frozen=True)
class Group:
    """The processes that train together.

    Attributes:
        rank: of this one, from 0.
        size: how many there are.
        device: that this one computes on.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this one writes files and speaks."""
        return self.rank == 0

    def gather(self, own: torch.Tensor) -> torch.Tensor:
        """The rows of all processes in the order of their ranks; as many from each."""
        if self.size == 1:
            return own
        parts = [torch.empty_like(own) for _ in range(self.size)]
        distributed.all_gather(parts, own.contiguous())
        return torch.cat(parts)

    def add_up(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace each gradient by the sum over all processes."""
        if self.size > 1:
            for parameter in parameters:
                if parameter.grad is not None:
                    distributed.all_reduce(parameter.grad)

    def wait(self) -> None:
        """Return when all processes have come here."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def group(device: str | None = None) -> Iterator[Group]:
    """The processes that torchrun started, or this one alone.

    Args:
        device: such as `cpu` or `cuda:1`; by default a GPU of one's own where there is one.

    Raises:
        BenchError: there is no such device.
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
    if name is None:
        name = f"cuda:{local}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BenchError(f"there is no device {name!r}: {str(error).splitlines()[0]}") from error
    return device
