"""The feed-forward network of the CSP, Space2Vec and Sphere2Vec code, from a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satclip_bench.core.errors import EncoderError

if TYPE_CHECKING:
    import torch

LEAK = 0.2
"""Slope of that code's leaky ReLU below zero."""

ACTIVATIONS = ("leakyrelu", "relu", "sigmoid", "tanh", "gelu")


@dataclass(frozen=True)
class Layer:
    """A linear map, its activation, and what the checkpoint has of the rest.

    Attributes:
        weight: `(out, in)`.
        bias: `(out,)`.
        norm: scale and shift of a layer normalisation, `(out,)` both; None without one.
        skip: whether the input is added before the normalisation.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    norm: tuple[torch.Tensor, torch.Tensor] | None
    skip: bool


@dataclass(frozen=True)
class FeedForward:
    """Layers, each with the activation, the last one too, as that code has it.

    Attributes:
        layers: in order.
        activation: one of `ACTIVATIONS`.
    """

    layers: tuple[Layer, ...]
    activation: str

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, in)` to `(n, out)`; dropout is off."""
        from torch.nn.functional import layer_norm, linear

        for layer in self.layers:
            y = self._activate(linear(x, layer.weight, layer.bias))
            if layer.skip:
                y = y + x
            if layer.norm is not None:
                y = layer_norm(y, layer.bias.shape, *layer.norm)
            x = y
        return x

    def _activate(self, x: torch.Tensor) -> torch.Tensor:
        import torch
        from torch.nn import functional

        if self.activation == "leakyrelu":
            return functional.leaky_relu(x, LEAK)
        if self.activation == "gelu":
            return functional.gelu(x)
        plain = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
        return plain[self.activation](x)


def feed_forward(
    tensors: Mapping[str, torch.Tensor],
    prefix: str,
    inputs: int,
    outputs: int,
    settings: Mapping[str, object],
    where: str,
) -> FeedForward:
    """The network out of `<prefix>layers.<i>.linear.weight` and so on.

    Args:
        tensors: of a checkpoint, by name.
        prefix: what the names of the network's tensors begin with.
        inputs: columns that the first layer must take.
        outputs: columns that the last layer must give.
        settings: the checkpoint's `spa_f_act`, `use_layn` and `skip_connection`.
        where: names the checkpoint in messages.

    Raises:
        EncoderError: tensors are missing, unknown, or do not fit; an unknown activation.
    """
    activation = settings.get("spa_f_act")
    if activation not in ACTIVATIONS:
        raise EncoderError(
            f"{where} has spa_f_act={activation!r}; {', '.join(ACTIVATIONS)} are known"
        )
    own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    found = {int(m[1]) for k in own if (m := re.fullmatch(r"layers\.(\d+)\.linear\.weight", k))}
    last = max(found, default=0)
    wanted = {f"layers.{i}.linear.{part}" for i in range(last + 1) for part in ("weight", "bias")}
    if settings.get("use_layn"):
        wanted |= {f"layers.{i}.layernorm.{p}" for i in range(last) for p in ("weight", "bias")}
    if own.keys() != wanted:
        lacking, unknown = sorted(wanted - own.keys()), sorted(own.keys() - wanted)
        raise EncoderError(f"{where}: under {prefix!r} it lacks {lacking}, has unknown {unknown}")
    layers = []
    columns = inputs
    for i in range(last + 1):
        weight, bias = own[f"layers.{i}.linear.weight"], own[f"layers.{i}.linear.bias"]
        norm = None
        if f"layers.{i}.layernorm.weight" in own:
            norm = own[f"layers.{i}.layernorm.weight"], own[f"layers.{i}.layernorm.bias"]
        rows = outputs if i == last else len(weight)
        vectors = [bias, *(norm or ())]
        if weight.shape != (rows, columns) or any(v.shape != (rows,) for v in vectors):
            shapes = [tuple(t.shape) for t in (weight, *vectors)]
            raise EncoderError(
                f"{where}: {prefix}layers.{i} has shapes {shapes}; "
                f"it should take {columns} columns and give {rows}"
            )
        # As released: the last layer has no skip, and the others only where widths allow it.
        skip = bool(settings.get("skip_connection")) and rows == columns and i < last
        layers.append(Layer(weight, bias, norm, skip))
        columns = rows
    return FeedForward(tuple(layers), str(activation))
