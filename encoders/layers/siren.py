"""Sinusoidal representation networks (SIREN) for inference, from a checkpoint's tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError

if TYPE_CHECKING:
    import torch

FIRST_FREQUENCY = 30.0
"""w0 of the first layer in SatCLIP's released code; the other layers have 1."""


@dataclass(frozen=True)
class Siren:
    """Linear layers with a sine after each except the last (Sitzmann et al. 2020, NeurIPS).

    Attributes:
        weights: weights of each layer, `(out, in)`.
        biases: biases of each layer, `(out,)`.
        first_frequency: factor on the first layer's output before its sine, w0.
    """

    weights: tuple[torch.Tensor, ...]
    biases: tuple[torch.Tensor, ...]
    first_frequency: float = FIRST_FREQUENCY

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the network by torch, `(n, in)` to `(n, out)`, in the precision of the weights."""
        import torch

        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.addmm(bias, x, weight.T)
            if i == 0 and last > 0:
                x *= self.first_frequency
            if i < last:
                x.sin_()
        return x

    def of_columns(self, x: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Apply the network by NumPy, `(in, n)` to `(n, out)`, in the precision of the weights.

        Raises:
            ValueError: `x` has another precision, which NumPy would silently propagate.
        """
        last = len(self.weights) - 1
        if x.dtype != self.weights[0].numpy().dtype:
            raise ValueError(f"the network has {self.weights[0].dtype}, its input {x.dtype}")
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if i == last:
                # The product returns rows directly; transposing afterwards would be a slow copy.
                rows: NDArray[np.floating[Any]] = x.T @ weight.numpy().T
                rows += bias.numpy()
                return rows
            x = weight.numpy() @ x
            x += bias.numpy()[:, None]
            if i == 0 and self.first_frequency != 1:
                x *= self.first_frequency
            np.sin(x, out=x)
        raise ValueError("a network needs a layer")

    def after_first(self, sums: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Apply the network after the first layer's product, `(n, hidden)` to `(n, out)`.

        Args:
            sums: product of the first layer without the bias; it is overwritten.
        """
        last = len(self.weights) - 1
        for i, bias in enumerate(self.biases):
            sums += bias.numpy()
            if i == last:
                break
            if i == 0 and self.first_frequency != 1:
                sums *= self.first_frequency
            np.sin(sums, out=sums)
            sums = sums @ self.weights[i + 1].numpy().T
        return sums

    @property
    def outputs(self) -> int:
        """Number of columns of the output."""
        return len(self.biases[-1])

    def to(self, dtype: torch.dtype, device: torch.device | None = None) -> Siren:
        """The same network in another precision, and if given on another device."""
        weights, biases = (
            [t.to(device, dtype) for t in part] for part in (self.weights, self.biases)
        )
        return replace(self, weights=tuple(weights), biases=tuple(biases))


def siren_from_tensors(
    tensors: Mapping[str, torch.Tensor], prefix: str, inputs: int, where: str
) -> Siren:
    """Make the network from tensors `<prefix>layers.<i>.weight`, ..., `<prefix>last_layer.bias`.

    Args:
        tensors: tensors of a checkpoint, by name.
        prefix: prefix of the names of the network's tensors.
        inputs: number of columns of the first layer's input.
        where: name of the checkpoint in messages.

    Raises:
        EncoderError: tensors are missing, unknown, or their shapes do not match.
    """
    network = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    hidden = sorted(
        {int(m[1]) for k in network if (m := re.fullmatch(r"layers\.(\d+)\.weight", k))}
    )
    names = [*(f"layers.{i}" for i in range(len(hidden))), "last_layer"]
    expected = {f"{name}.{part}" for name in names for part in ("weight", "bias")}
    if network.keys() != expected:
        missing, unknown = sorted(expected - network.keys()), sorted(network.keys() - expected)
        raise EncoderError(
            f"{where}: under {prefix!r}, tensors {missing} are missing and {unknown} are unknown"
        )
    columns = inputs
    for name in names:
        weight, bias = network[f"{name}.weight"], network[f"{name}.bias"]
        if weight.ndim != 2 or weight.shape[1] != columns or bias.shape != weight.shape[:1]:
            raise EncoderError(
                f"{where}: {prefix}{name} has shapes {tuple(weight.shape)} and "
                f"{tuple(bias.shape)}; it should take {columns} columns"
            )
        columns = weight.shape[0]
    return Siren(
        tuple(network[f"{name}.weight"] for name in names),
        tuple(network[f"{name}.bias"] for name in names),
    )


def random_siren(widths: Sequence[int], seed: int) -> Siren:
    """Make a network with random weights in float64.

    Weights and biases are uniform within 1/n for the first layer and within sqrt(6/n) for the
    others, where n is the number of inputs of the layer (Sitzmann et al. 2020, section 3.2, with a
    frequency of 1 after the first layer, as in SatCLIP's released code).

    Args:
        widths: widths of the input, the hidden layers and the output.
        seed: seed of the random weights.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    weights: list[torch.Tensor] = []
    biases: list[torch.Tensor] = []
    for i, (columns, rows) in enumerate(pairwise(widths)):
        bound = 1 / columns if i == 0 else (6 / columns) ** 0.5
        for store, shape in ((weights, (rows, columns)), (biases, (rows,))):
            uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
            store.append((2 * uniform - 1) * bound)
    return Siren(tuple(weights), tuple(biases))
