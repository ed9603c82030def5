"""Sinusoidal representation networks (SIREN), forward only, from a checkpoint's tensors."""

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
"""w0 of the first layer in SatCLIP's released code; the others have 1."""


@dataclass(frozen=True)
class Siren:
    """Linear layers with a sine after each but the last (Sitzmann et al. 2020, NeurIPS).

    Attributes:
        weights: of each layer, `(out, in)`.
        biases: of each layer, `(out,)`.
        first_frequency: what the first layer's sum is multiplied by before its sine.
    """

    weights: tuple[torch.Tensor, ...]
    biases: tuple[torch.Tensor, ...]
    first_frequency: float = FIRST_FREQUENCY

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, in)` to `(n, out)`, in the precision of the weights."""
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
        """`(in, n)` to `(n, out)`, by NumPy, in the precision of the weights.

        Raises:
            ValueError: `x` has another precision, which would be carried through unseen.
        """
        last = len(self.weights) - 1
        if x.dtype != self.weights[0].numpy().dtype:
            raise ValueError(f"the network has {self.weights[0].dtype}, its input {x.dtype}")
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if i == last:
                # Rows come out of the product itself, where turning them would be a slow copy.
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
        """The rest of the network after the first layer's product, `(n, hidden)` to `(n, out)`.

        Args:
            sums: the product, without the bias; is written to.
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
        """Columns of what it returns."""
        return len(self.biases[-1])

    def to(self, dtype: torch.dtype) -> Siren:
        """The same network in another precision."""
        weights, biases = ([t.to(dtype) for t in part] for part in (self.weights, self.biases))
        return replace(self, weights=tuple(weights), biases=tuple(biases))


def siren_from_tensors(
    tensors: Mapping[str, torch.Tensor], prefix: str, inputs: int, where: str
) -> Siren:
    """The network out of `<prefix>layers.<i>.weight`, ..., `<prefix>last_layer.bias`.

    Args:
        tensors: of a checkpoint, by name.
        prefix: what the names of the network's tensors begin with.
        inputs: columns that the first layer must take.
        where: names the checkpoint in messages.

    Raises:
        EncoderError: tensors are missing, unknown, or do not fit each other.
    """
    own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    hidden = sorted({int(m[1]) for k in own if (m := re.fullmatch(r"layers\.(\d+)\.weight", k))})
    names = [*(f"layers.{i}" for i in range(len(hidden))), "last_layer"]
    wanted = {f"{name}.{part}" for name in names for part in ("weight", "bias")}
    if own.keys() != wanted:
        lacking, unknown = sorted(wanted - own.keys()), sorted(own.keys() - wanted)
        raise EncoderError(f"{where}: under {prefix!r} it lacks {lacking}, has unknown {unknown}")
    columns = inputs
    for name in names:
        weight, bias = own[f"{name}.weight"], own[f"{name}.bias"]
        if weight.ndim != 2 or weight.shape[1] != columns or bias.shape != weight.shape[:1]:
            raise EncoderError(
                f"{where}: {prefix}{name} has shapes {tuple(weight.shape)} and "
                f"{tuple(bias.shape)}; it should take {columns} columns"
            )
        columns = weight.shape[0]
    return Siren(
        tuple(own[f"{name}.weight"] for name in names),
        tuple(own[f"{name}.bias"] for name in names),
    )


def random_siren(widths: Sequence[int], seed: int) -> Siren:
    """A network with random weights in float64.

    Uniform within 1/n for the first layer and within sqrt(6/n) for the others, n the layer's
    inputs (Sitzmann et al. 2020, section 3.2, with a frequency of 1 after the first layer, as in
    SatCLIP's released code); biases likewise.

    Args:
        widths: of the input, the hidden layers and the output.
        seed: of the weights.
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
