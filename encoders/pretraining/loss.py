"""The symmetric contrastive loss over a batch that lies in parts, on one machine or several.

The gradient of the loss to each embedding is found first, from all embeddings, and carried back
through the networks part by part: so a batch may be larger than memory (gradient caching, Gao et
al. 2021, RepL4NLP) or than one GPU. Nothing is approximated: every image is told from all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Pull:
    """The loss of a batch, and where it wants each embedding to go.

    Attributes:
        loss: mean over the batch and both directions.
        to_images: gradient to each image's embedding, `(n, D)`.
        to_places: to each place's.
        to_scale: to the logarithm of the inverse temperature.
    """

    loss: float
    to_images: torch.Tensor
    to_places: torch.Tensor
    to_scale: torch.Tensor


def contrastive_loss(
    images: torch.Tensor, places: torch.Tensor, log_scale: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy of finding each image's place among all, and each place's image (CLIP).

    Args:
        images: `(n, D)`, of any length.
        places: `(n, D)`; row i belongs to image i.
        log_scale: logarithm of the inverse temperature.
    """
    logits = similarity(images, places) * log_scale.exp()
    own = torch.arange(len(images), device=images.device)
    return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2


def similarity(images: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Cosines, `(n, m)`, in float32."""
    return (
        functional.normalize(images.float(), dim=1) @ functional.normalize(places.float(), dim=1).T
    )


def pull(images: torch.Tensor, places: torch.Tensor, log_scale: torch.Tensor) -> Pull:
    """The loss of a whole batch and its gradients to the embeddings, `(n, D)` both."""
    leaves = [t.detach().float().requires_grad_() for t in (images, places, log_scale)]
    with torch.enable_grad():
        loss = contrastive_loss(*leaves)
    to_images, to_places, to_scale = torch.autograd.grad(loss, leaves)
    return Pull(float(loss.detach()), to_images, to_places, to_scale)


@torch.no_grad()
def retrieval(
    images: torch.Tensor, places: torch.Tensor, ranks: tuple[int, ...] = (1, 10)
) -> dict[int, float]:
    """Share of images whose own place is among the nearest, by how many are looked at.

    Places as near as the own one count before it, so that embeddings that are all the same find
    nothing.
    """
    near = similarity(images, places)
    before = (near >= near.diagonal()[:, None]).sum(dim=1) - 1
    return {rank: float((before < rank).double().mean()) for rank in ranks}
