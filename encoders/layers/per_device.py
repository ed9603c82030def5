"""Objects that exist once per device, such as copies of a network's tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


class PerDevice(Generic[T]):
    """Copies of an object on devices, each made when it is first needed.

    Args:
        make: function of a device that makes the copy there.
    """

    def __init__(self, make: Callable[[torch.device], T]) -> None:
        self._make = make
        self._copies: dict[torch.device, T] = {}

    def on(self, device: torch.device) -> T:
        """The copy on a device."""
        if device not in self._copies:
            self._copies[device] = self._make(device)
        return self._copies[device]


Tensors = PerDevice[dict[str, "torch.Tensor"]]
"""Tensors of a network by name, on every device where they are used."""


def tensors_per_device(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """Tensors by name that are copied to a device once; on their own device they are not copied."""
    return PerDevice(partial(_moved, dict(tensors)))


def _moved(tensors: dict[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    return {name: tensor.to(device) for name, tensor in tensors.items()}
