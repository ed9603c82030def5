"""What is done to a batch of images and coordinates anew each time."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_bench.encoders.pretraining.config import Augment

BLUR_LEAST, BLUR_MOST = 0.1, 2.0


def augmented(
    images: torch.Tensor, config: Augment, generator: torch.Generator | None
) -> torch.Tensor:
    """A batch `(n, bands, rows, columns)`, changed image by image.

    Args:
        images: float, on any device.
        config: what is done.
        generator: of the changes, on the CPU; none: only what evaluation needs, the middle crop.
    """
    if images.ndim != 4:
        return images
    if config.crop is not None and config.crop < images.shape[-1]:
        images = _cropped(images, config.crop, generator)
    if generator is None:
        return images
    n, device = len(images), images.device

    def draw(low: float = 0, high: float = 1) -> torch.Tensor:
        uniform = torch.rand(n, generator=generator) * (high - low) + low
        return uniform.to(device, images.dtype)[:, None, None, None]

    if config.flips:
        images = torch.where(draw() < 0.5, images.flip(-1), images)
        images = torch.where(draw() < 0.5, images.flip(-2), images)
    if config.turns:
        images = torch.where(draw() < 0.5, images.transpose(-1, -2), images)
    if config.blur:
        images = _blurred(images, draw(BLUR_LEAST, BLUR_MOST))
    if config.contrast:
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        images = (images - mean) * (1 + draw(-config.contrast, config.contrast)) + mean
    if config.brightness:
        images = images + draw(-config.brightness, config.brightness)
    return images


def _cropped(images: torch.Tensor, side: int, generator: torch.Generator | None) -> torch.Tensor:
    n, _, rows, columns = images.shape
    room = torch.tensor([rows - side, columns - side])
    first = (
        (room // 2).expand(n, 2)
        if generator is None
        else (torch.rand(n, 2, generator=generator) * (room + 1)).long()
    )
    within = torch.arange(side)
    r, c = (first[:, i, None] + within for i in range(2))
    index = torch.arange(n)[:, None, None]
    found = images.permute(0, 2, 3, 1)[index, r[:, :, None], c[:, None, :]]
    return found.permute(0, 3, 1, 2).contiguous()


def _blurred(images: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
    """Gaussian blur with three taps, reflecting at the edges."""
    tap = torch.exp(-0.5 / deviation**2)
    side, middle = tap / (1 + 2 * tap), 1 / (1 + 2 * tap)
    for dim in (-1, -2):
        pad = (1, 1, 0, 0) if dim == -1 else (0, 0, 1, 1)
        wide = torch.nn.functional.pad(images, pad, mode="reflect")
        length = images.shape[dim]
        before, after = wide.narrow(dim, 0, length), wide.narrow(dim, 2, length)
        images = middle * images + side * (before + after)
    return images


def jittered(
    lonlat: NDArray[np.float64], config: Augment, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Coordinates moved by up to `jitter_degrees`, back on the sphere.

    Symmetric: as far on the ground everywhere, either way. Released: degrees are added to both
    coordinates, none taken away, as the paper's code does.
    """
    reach = config.jitter_degrees
    if not reach:
        return lonlat
    if config.jitter == "released":
        moved = lonlat + rng.uniform(0, reach, lonlat.shape)
    else:
        step = rng.uniform(-reach, reach, lonlat.shape)
        step[:, 0] /= np.maximum(np.cos(np.radians(lonlat[:, 1])), np.radians(reach))
        moved = lonlat + step
    over = np.abs(moved[:, 1]) > 90
    # A step over a pole comes down on the other side.
    moved[over, 1] = np.sign(moved[over, 1]) * 180 - moved[over, 1]
    moved[over, 0] += 180
    moved[:, 0] = (moved[:, 0] + 180) % 360 - 180
    return moved
