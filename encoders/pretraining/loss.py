"""Symmetric contrastive loss of a batch that is split into chunks, on one machine or several.

The gradients of the loss with respect to the embeddings are computed first, from all embeddings,
and then propagated through the networks chunk by chunk. A batch can therefore be larger than the
memory (gradient caching, Gao et al. 2021, RepL4NLP) or than one GPU. Nothing is approximated: every
image is contrasted with all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class LossGradients:
    """Loss of a batch and its gradients with respect to the embeddings.

    Attributes:
        loss: mean loss over the batch and both directions.
        images: gradient with respect to the image embeddings, `(n, D)`.
        places: gradient with respect to the location embeddings, `(n, D)`.
        log_scale: gradient with respect to the logarithm of the inverse temperature.
    """

    loss: float
    images: torch.Tensor
    places: torch.Tensor
    log_scale: torch.Tensor


def contrastive_loss(
    images: torch.Tensor, places: torch.Tensor, log_scale: torch.Tensor
) -> torch.Tensor:
    """Symmetric contrastive loss of CLIP.

    It is the mean cross-entropy of retrieving each image's location among all locations of the
    batch, and each location's image among all images.

    Args:
        images: `(n, D)` image embeddings of any length.
        places: `(n, D)` location embeddings of any length; row i belongs to image i.
        log_scale: logarithm of the inverse temperature.

    >>> x = torch.eye(2)
    >>> round(float(contrastive_loss(x, x, torch.tensor(0.0))), 4)
    0.3133
    """
    logits = similarity(images, places) * log_scale.exp()
    target = torch.arange(len(images), device=images.device)
    forward, backward = (functional.cross_entropy(x, target) for x in (logits, logits.T))
    return (forward + backward) / 2


def similarity(images: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Cosine similarity of all pairs of rows, `(n, m)`, in float32."""
    return (
        functional.normalize(images.float(), dim=1) @ functional.normalize(places.float(), dim=1).T
    )


def loss_gradients(
    images: torch.Tensor, places: torch.Tensor, log_scale: torch.Tensor
) -> LossGradients:
    """Contrastive loss of a whole batch and its gradients with respect to its inputs.

    Args:
        images: `(n, D)` image embeddings.
        places: `(n, D)` location embeddings; row i belongs to image i.
        log_scale: logarithm of the inverse temperature.
    """
    leaves = [t.detach().float().requires_grad_() for t in (images, places, log_scale)]
    with torch.enable_grad():
        loss = contrastive_loss(*leaves)
    gradients = torch.autograd.grad(loss, leaves)
    return LossGradients(float(loss.detach()), *gradients)


@torch.no_grad()
def retrieval_accuracy(
    images: torch.Tensor, places: torch.Tensor, ranks: tuple[int, ...] = (1, 10)
) -> dict[int, float]:
    """Top-k accuracy of retrieving an image's location, for each k.

    Locations with the same similarity as the correct one are ranked before it, so that the accuracy
    is zero if all embeddings are the same.

    Args:
        images: `(n, D)` image embeddings.
        places: `(n, D)` location embeddings; row i belongs to image i.
        ranks: values of k.

    >>> retrieval_accuracy(torch.eye(3), torch.eye(3), ranks=(1,))
    {1: 1.0}
    """
    near = similarity(images, places)
    before = (near >= near.diagonal()[:, None]).sum(dim=1) - 1
    return {rank: float((before < rank).double().mean()) for rank in ranks}
