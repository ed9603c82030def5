"""Random augmentation of batches of images and coordinates."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_bench.encoders.pretraining.config import Augment

MIN_BLUR, MAX_BLUR = 0.1, 2.0
"""Range of the standard deviation of the Gaussian blur, in pixels."""


def augment_images(
    images: torch.Tensor, config: Augment, generator: torch.Generator | None
) -> torch.Tensor:
    """Augment a batch of images `(n, bands, rows, columns)`, each image independently.

    Args:
        images: images as floating-point numbers, on any device.
        config: augmentations to apply.
        generator: random generator on the CPU; None for evaluation, which only crops the centre.
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
        images = _blurred(images, draw(MIN_BLUR, MAX_BLUR))
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
    crops = images.permute(0, 2, 3, 1)[index, r[:, :, None], c[:, None, :]]
    return crops.permute(0, 3, 1, 2).contiguous()


def _blurred(images: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
    """Gaussian blur with three taps and reflection at the edges."""
    tap = torch.exp(-0.5 / deviation**2)
    side, middle = tap / (1 + 2 * tap), 1 / (1 + 2 * tap)
    for dim in (-1, -2):
        pad = (1, 1, 0, 0) if dim == -1 else (0, 0, 1, 1)
        wide = torch.nn.functional.pad(images, pad, mode="reflect")
        length = images.shape[dim]
        before, after = wide.narrow(dim, 0, length), wide.narrow(dim, 2, length)
        images = middle * images + side * (before + after)
    return images


def jitter_coordinates(
    lonlat: NDArray[np.float64], config: Augment, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Move coordinates `(n, 2)` randomly by up to `jitter_degrees`, staying on the sphere.

    With `jitter: symmetric`, points move in all directions and equally far on the ground
    everywhere. With `jitter: released`, a non-negative number of degrees is added to both
    coordinates, as in the paper's code.
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
    # A step across a pole continues on the opposite meridian.
    moved[over, 1] = np.sign(moved[over, 1]) * 180 - moved[over, 1]
    moved[over, 0] += 180
    moved[:, 0] = (moved[:, 0] + 180) % 360 - 180
    return moved
