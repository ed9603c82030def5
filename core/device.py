"""Device of the numerical work that torch can do: the CPU or a GPU."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from satclip_bench.core.errors import BenchError

if TYPE_CHECKING:
    import torch

DEVICE_VARIABLE = "SATCLIP_BENCH_DEVICE"
"""Environment variable with the chosen device, which worker processes inherit."""

DEVICES = "auto, cpu, cuda or cuda:N"
"""Names of devices: `auto` is a GPU if torch can use one and otherwise the CPU."""


def chosen_name() -> str:
    """Name of the device as it was chosen: `$SATCLIP_BENCH_DEVICE`, by default `auto`."""
    return os.environ.get(DEVICE_VARIABLE, "").strip() or "auto"


def device_name() -> str:
    """Name of the chosen device: `cpu`, `cuda`, or `cuda:` and the number of a GPU.

    torch is not imported if the choice is `cpu`, or if it is `auto` and the installed torch is a
    build for CPUs.

    Raises:
        BenchError: there is no such device.
    """
    chosen = chosen_name()
    if chosen == "auto":
        return "cuda" if gpu_available() else "cpu"
    if chosen == "cpu":
        return chosen
    if not re.fullmatch(r"cuda(:\d+)?", chosen):
        raise BenchError(f"a device is {DEVICES}, not {chosen!r} (--device or ${DEVICE_VARIABLE})")
    existing_device(chosen)
    return chosen


def torch_device() -> torch.device:
    """The chosen device, for tensors.

    Raises:
        BenchError: there is no such device.
    """
    return existing_device(device_name())


def on_gpu() -> bool:
    """Whether the chosen device is a GPU.

    Raises:
        BenchError: there is no such device.
    """
    return device_name() != "cpu"


def device_title() -> str:
    """The chosen device for readers: `cpu`, or the name of the GPU after its device.

    Raises:
        BenchError: there is no such device.
    """
    name = device_name()
    if name == "cpu":
        return name
    import torch

    return f"{name} ({torch.cuda.get_device_name(name)})"


@contextmanager
def use_device(name: str | None = None) -> Iterator[None]:
    """Choose the device of this process, and of those that it starts, within the block.

    Args:
        name: `auto`, `cpu`, `cuda`, or `cuda:` and the number of a GPU; None leaves the choice to
            the environment.

    Raises:
        BenchError: there is no such device.

    >>> with use_device("cpu"):
    ...     device_name()
    'cpu'
    """
    before = os.environ.get(DEVICE_VARIABLE)
    try:
        if name is not None:
            os.environ[DEVICE_VARIABLE] = name
        # Resolved here, so that worker processes need not import torch to know that it is the CPU.
        os.environ[DEVICE_VARIABLE] = device_name()
        yield
    finally:
        if before is None:
            os.environ.pop(DEVICE_VARIABLE, None)
        else:
            os.environ[DEVICE_VARIABLE] = before


@cache
def gpu_available() -> bool:
    """Whether torch can use a GPU; torch is not imported if it is a build for CPUs."""
    if version("torch").endswith("+cpu"):
        return False
    import torch

    return torch.cuda.is_available()


@cache
def existing_device(name: str) -> torch.device:
    """A device that torch can use.

    Args:
        name: torch's name of the device, such as `cpu` or `cuda:1`.

    Raises:
        BenchError: torch does not know the device, or cannot use it.
    """
    import torch

    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BenchError(
            f"there is no device {name!r}: {str(error).splitlines()[0]}. Choose cpu, or auto for a "
            "GPU if there is one"
        ) from error
    return device
