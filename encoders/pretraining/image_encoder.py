"""Image encoders: a small network for crops, and ResNets and a ViT for any number of bands.

ResNet18, ResNet50 and ViT-S/16 have the same tensor names as timm's models (torchvision's ResNets
have the same), so that a state dict of those packages, or of torchgeo's weights for 13 bands, can
be loaded. Neither package is needed: timm imports torchvision, and torchvision's wheels on PyPI do
not load next to a CPU build of torch.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from satclip_bench.core.errors import BenchError
from satclip_bench.encoders.pretraining.config import Image
from satclip_bench.encoders.weights.files import load_state_dict
from satclip_bench.encoders.weights.tensors import load_safetensors


def image_encoder(config: Image, shape: tuple[int, ...], dimension: int) -> nn.Module:
    """Make the network of a config, with random weights from torch's generator or from a file.

    Args:
        config: kind of network and its weights.
        shape: shape of an image, `(bands, rows, columns)`, or of an embedding, `(numbers,)`.
        dimension: dimension of the output.

    Raises:
        BenchError: the weights file cannot be read or does not fit.
    """
    network: nn.Module
    match config.kind:
        case "linear":
            network = nn.Linear(shape[0], dimension)
        case "mlp":
            network = nn.Sequential(
                nn.Linear(shape[0], dimension), nn.GELU(), nn.Linear(dimension, dimension)
            )
        case "cnn":
            network = SmallCNN(shape[0], config.widths, dimension)
        case "resnet18":
            network = ResNet(BasicBlock, (2, 2, 2, 2), shape[0], dimension)
        case "resnet50":
            network = ResNet(Bottleneck, (3, 4, 6, 3), shape[0], dimension)
        case "vit16":
            network = ViT(shape[0], shape[1:], dimension)
    if config.weights is not None:
        _load(network, config.weights.expanduser())
        if config.freeze_pretrained:
            _freeze(network, config.kind)
    return network


def _load(network: nn.Module, path: Path) -> None:
    """Copy the tensors of a file into a network, except for those of its last layer.

    Position embeddings of another grid are interpolated as in timm.
    """
    if not path.is_file():
        raise BenchError(f"there are no weights at {path} (image.weights of the config)")
    given = dict(load_safetensors(path) if path.suffix == ".safetensors" else load_state_dict(path))
    current = network.state_dict()
    last = ("fc.", "head.")
    if "pos_embed" in current and "pos_embed" in given:
        given["pos_embed"] = _interpolate_positions(given["pos_embed"], current["pos_embed"])
    needed = {k for k in current if not k.startswith(last)}
    missing = sorted(needed - given.keys())
    wrong = sorted(k for k in needed & given.keys() if current[k].shape != given[k].shape)
    if missing or wrong:
        name = (missing or wrong)[0]
        what = (
            "is missing"
            if missing
            else f"has shape {tuple(given[name].shape)}, not {tuple(current[name].shape)}"
        )
        raise BenchError(
            f"{path} does not fit this image encoder: {name} {what} "
            f"({len(missing)} tensors are missing, {len(wrong)} have another shape)"
        )
    network.load_state_dict({k: given[k] if k in needed else current[k] for k in current})


def _interpolate_positions(given: torch.Tensor, current: torch.Tensor) -> torch.Tensor:
    """Interpolate position embeddings `(1, 1 + side^2, width)` to another number of patches."""
    if given.shape == current.shape or given.ndim != 3 or given.shape[-1] != current.shape[-1]:
        return given
    old, new = (round((t.shape[1] - 1) ** 0.5) for t in (given, current))
    if old * old + 1 != given.shape[1] or new * new + 1 != current.shape[1]:
        return given
    grid = given[:, 1:].reshape(1, old, old, -1).permute(0, 3, 1, 2)
    grid = functional.interpolate(grid, (new, new), mode="bicubic", antialias=True)
    return torch.cat([given[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)


def _freeze(network: nn.Module, kind: str) -> None:
    network.requires_grad_(False)
    last = getattr(network, "head" if kind == "vit16" else "fc", None)
    if last is None:
        raise BenchError(
            f"image.freeze_pretrained works with resnet18, resnet50 and vit16, not with {kind}"
        )
    last.requires_grad_(True)


def train_mode(network: nn.Module) -> None:
    """Set training mode except for frozen layers, so that their batch statistics do not change."""
    network.train()
    for part in network.modules():
        parameters = list(part.parameters(recurse=False))
        if parameters and not any(p.requires_grad for p in parameters):
            part.eval()


class SmallCNN(nn.Module):
    """Convolutions of 3 x 3 that halve the sides, followed by the mean over all positions.

    It uses group normalisation instead of batch normalisation, so that an image's embedding does
    not depend on the other images in the batch, and gradients can be cached exactly.
    """

    def __init__(self, bands: int, widths: tuple[int, ...], dimension: int) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(before, width, 3, stride=2, padding=1),
                    nn.GroupNorm(8, width),
                    nn.ReLU(),
                )
                for before, width in pairwise((bands, *widths))
            )
        )
        self.fc = nn.Linear(widths[-1], dimension)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, bands, rows, columns)` to `(n, dimension)`."""
        out: torch.Tensor = self.fc(self.stages(x).mean(dim=(2, 3)))
        return out


class BasicBlock(nn.Module):
    """Residual block of two convolutions and a shortcut (He et al. 2016, CVPR)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, inputs, rows, columns)` to `(n, expansion * width, rows / stride, ...)`."""
        y = functional.relu(self.bn1(self.conv1(x)))
        out: torch.Tensor = functional.relu(self.bn2(self.conv2(y)) + _around(self.downsample, x))
        return out


class Bottleneck(nn.Module):
    """Residual block of three convolutions, with the stride in the narrow middle one."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, inputs, rows, columns)` to `(n, expansion * width, rows / stride, ...)`."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        out: torch.Tensor = functional.relu(self.bn3(self.conv3(y)) + _around(self.downsample, x))
        return out


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module | None:
    if inputs == outputs and stride == 1:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def _around(shortcut: nn.Module | None, x: torch.Tensor) -> torch.Tensor:
    out: torch.Tensor = x if shortcut is None else shortcut(x)
    return out


class ResNet(nn.Module):
    """Residual network for any number of bands, with strides in the 3 x 3 convolutions."""

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        depths: tuple[int, ...],
        bands: int,
        dimension: int,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(bands, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for i, depth in enumerate(depths):
            width = 64 * 2**i
            blocks: list[nn.Module] = []
            for j in range(depth):
                blocks.append(block(inputs, width, 2 if i and not j else 1))
                inputs = width * block.expansion
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, dimension)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, bands, rows, columns)` to `(n, dimension)`."""
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for i in range(1, 5):
            x = self.get_submodule(f"layer{i}")(x)
        out: torch.Tensor = self.fc(x.mean(dim=(2, 3)))
        return out


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, tokens, width = x.shape
        qkv = self.qkv(x).reshape(n, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        y = functional.scaled_dot_product_attention(q, k, v)
        out: torch.Tensor = self.proj(y.transpose(1, 2).reshape(n, tokens, width))
        return out


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = _Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            OrderedDict(
                fc1=nn.Linear(width, 4 * width), act=nn.GELU(), fc2=nn.Linear(4 * width, width)
            )
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.norm1(x))
        out: torch.Tensor = x + self.mlp(self.norm2(x))
        return out


class ViT(nn.Module):
    """ViT-S/16 (Dosovitskiy et al. 2021; small as in Touvron et al. 2021): 12 blocks of 384."""

    def __init__(
        self,
        bands: int,
        size: tuple[int, ...],
        dimension: int,
        width: int = 384,
        depth: int = 12,
        heads: int = 6,
        patch: int = 16,
    ) -> None:
        super().__init__()
        if size[0] != size[1] or size[0] % patch:
            raise BenchError(
                f"vit16 needs square images whose side {patch} divides, not {size[0]} x {size[1]}"
            )
        patches = (size[0] // patch) ** 2
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.randn(1, patches + 1, width) * 0.02)
        self.patch_embed = nn.Sequential(
            OrderedDict(proj=nn.Conv2d(bands, width, patch, stride=patch))
        )
        self.blocks = nn.Sequential(*(_Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, dimension)
        nn.init.normal_(self.cls_token, std=1e-6)
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.trunc_normal_(part.weight, std=0.02)
                nn.init.zeros_(part.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, bands, side, side)` to `(n, dimension)`."""
        patches = self.patch_embed(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(x), -1, -1), patches], dim=1)
        tokens = self.norm(self.blocks(tokens + self.pos_embed))
        out: torch.Tensor = self.head(tokens[:, 0])
        return out
