"""Context managers that make a training reproducible and restore torch's settings afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from satclip_bench.encoders.pretraining.config import Training


@contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Make batch normalisation use the batch without updating its running statistics."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    before = [m.momentum for m in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum


@contextmanager
def deterministic_torch(config: Training, device: torch.device) -> Iterator[None]:
    """Use deterministic algorithms and the config's number of threads inside the context."""
    threads = torch.get_num_threads()
    before = torch.are_deterministic_algorithms_enabled()
    warn = torch.is_deterministic_algorithms_warn_only_enabled()
    # torch types it as a module without attributes.
    deterministic: Any = torch.utils.deterministic
    filled = deterministic.fill_uninitialized_memory
    if device.type == "cuda":
        # cuBLAS is only deterministic with a workspace of fixed size.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=device.type == "cuda")
    deterministic.fill_uninitialized_memory = False
    if config.threads:
        torch.set_num_threads(config.threads)
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        torch.set_num_threads(threads)
        deterministic.fill_uninitialized_memory = filled
        torch.use_deterministic_algorithms(before, warn_only=warn)
