"""Feed-forward network of the CSP, Space2Vec and Sphere2Vec code, from a checkpoint's tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from satclip_bench.core.errors import EncoderError

if TYPE_CHECKING:
    import torch

LEAK = 0.2
"""Slope of the leaky ReLU below zero in that code."""

ACTIVATIONS = ("leakyrelu", "relu", "sigmoid", "tanh", "gelu")


@dataclass(frozen=True)
class Layer:
    """A linear layer with an optional normalisation and skip connection.

    Attributes:
        weight: `(out, in)`.
        bias: `(out,)`.
        norm: scale and shift of the layer normalisation, `(out,)` each; None without one.
        skip: whether the input is added before the normalisation.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    norm: tuple[torch.Tensor, torch.Tensor] | None
    skip: bool

    def to(self, device: torch.device) -> Layer:
        """The same layer on another device."""
        norm = None if self.norm is None else (self.norm[0].to(device), self.norm[1].to(device))
        return Layer(self.weight.to(device), self.bias.to(device), norm, self.skip)


@dataclass(frozen=True)
class FeedForward:
    """Feed-forward network with an activation after every layer, also the last, as released.

    Attributes:
        layers: layers in order.
        activation: name of the activation, one of `ACTIVATIONS`.
    """

    layers: tuple[Layer, ...]
    activation: str

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the network without dropout: `(n, in)` to `(n, out)`."""
        from torch.nn.functional import layer_norm, linear

        for layer in self.layers:
            y = self._activate(linear(x, layer.weight, layer.bias))
            if layer.skip:
                y = y + x
            if layer.norm is not None:
                y = layer_norm(y, layer.bias.shape, *layer.norm)
            x = y
        return x

    def to(self, device: torch.device) -> FeedForward:
        """The same network on another device."""
        return replace(self, layers=tuple(layer.to(device) for layer in self.layers))

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
    """Make the network from the tensors `<prefix>layers.<i>.linear.weight` and so on.

    Args:
        tensors: tensors of a checkpoint, by name.
        prefix: prefix of the names of the network's tensors.
        inputs: number of columns of the first layer's input.
        outputs: number of columns of the last layer's output.
        settings: settings of the checkpoint: `spa_f_act`, `use_layn` and `skip_connection`.
        where: name of the checkpoint in messages.

    Raises:
        EncoderError: tensors are missing, unknown or of wrong shapes, or the activation is unknown.
    """
    activation = settings.get("spa_f_act")
    if activation not in ACTIVATIONS:
        raise EncoderError(
            f"{where} has spa_f_act={activation!r}; supported are {', '.join(ACTIVATIONS)}"
        )
    network = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    weights = (re.fullmatch(r"layers\.(\d+)\.linear\.weight", name) for name in network)
    last = max((int(match[1]) for match in weights if match), default=0)
    expected = {f"layers.{i}.linear.{part}" for i in range(last + 1) for part in ("weight", "bias")}
    if settings.get("use_layn"):
        expected |= {f"layers.{i}.layernorm.{p}" for i in range(last) for p in ("weight", "bias")}
    if network.keys() != expected:
        missing, unknown = sorted(expected - network.keys()), sorted(network.keys() - expected)
        raise EncoderError(
            f"{where}: under {prefix!r}, tensors {missing} are missing and {unknown} are unknown"
        )
    layers = []
    columns = inputs
    for i in range(last + 1):
        weight, bias = network[f"layers.{i}.linear.weight"], network[f"layers.{i}.linear.bias"]
        norm = None
        if f"layers.{i}.layernorm.weight" in network:
            norm = network[f"layers.{i}.layernorm.weight"], network[f"layers.{i}.layernorm.bias"]
        rows = outputs if i == last else len(weight)
        vectors = [bias, *(norm or ())]
        if weight.shape != (rows, columns) or any(v.shape != (rows,) for v in vectors):
            shapes = [tuple(t.shape) for t in (weight, *vectors)]
            raise EncoderError(
                f"{where}: {prefix}layers.{i} has shapes {shapes}; "
                f"it should take {columns} columns and give {rows}"
            )
        # As released: the last layer has no skip connection, others only if their widths are equal.
        skip = bool(settings.get("skip_connection")) and rows == columns and i < last
        layers.append(Layer(weight, bias, norm, skip))
        columns = rows
    return FeedForward(tuple(layers), str(activation))
