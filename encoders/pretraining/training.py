"""Training loop of the pretraining, from pairs to an exported encoder."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from satclip_bench.core.errors import BenchError
from satclip_bench.encoders.pretraining.augment import augment_images, jitter_coordinates
from satclip_bench.encoders.pretraining.checkpoints import NAME, Row, State, load_state, save_state
from satclip_bench.encoders.pretraining.config import PretrainConfig
from satclip_bench.encoders.pretraining.determinism import deterministic_torch, frozen_statistics
from satclip_bench.encoders.pretraining.distributed import Group, process_group
from satclip_bench.encoders.pretraining.export import Trained, write_encoder, write_history
from satclip_bench.encoders.pretraining.holdout import held_out_rows
from satclip_bench.encoders.pretraining.image_encoder import image_encoder, train_mode
from satclip_bench.encoders.pretraining.location_encoder import Basis, LocationNet
from satclip_bench.encoders.pretraining.loss import (
    contrastive_loss,
    loss_gradients,
    retrieval_accuracy,
)
from satclip_bench.encoders.pretraining.optimizer import (
    learning_rate,
    make_optimizer,
    set_learning_rate,
)
from satclip_bench.encoders.pretraining.prefetch import Rows, prefetch, split_rows
from satclip_bench.encoders.pretraining.sources import Pairs, read_pairs

MAX_CACHED_HARMONICS = 2**28
"""Largest number of values for which the harmonics of all points are kept in memory: 1 GiB."""

STATISTICS_IMAGES = 4096
"""Number of images from which means and standard deviations of the bands are computed."""

MAX_CHUNK, MAX_CHUNK_VALUES = 512, 2**27
"""Largest number of images, and of their values, that are processed at once without gradients."""

_ORDER, _AUGMENT, _DROPOUT, _JITTER, _SAMPLE = range(5)


@dataclass(frozen=True)
class Callbacks:
    """Progress callbacks; no-ops by default.

    Attributes:
        message: called with a message for the user.
        step: called after each step with the numbers of finished and of all steps of the epoch.
        epoch: called after each epoch with its row of metrics.
    """

    message: Callable[[str], None] = lambda _: None
    step: Callable[[int, int], None] = lambda _done, _total: None
    epoch: Callable[[Row], None] = lambda _: None


def pretrain(
    config: PretrainConfig,
    out: Path,
    *,
    resume: bool = False,
    device: str | None = None,
    pairs: Pairs | None = None,
    callbacks: Callbacks | None = None,
) -> Trained:
    """Train an image encoder and a location encoder contrastively, and export the latter.

    The weights depend only on the config and the data: every random number is derived from the
    seed, the epoch and the step, so that an interrupted and resumed run ends with the same bytes
    (on the same type of processor, with the same number of threads).

    Args:
        config: config of the pretraining.
        out: folder for checkpoint, metrics, curves and the encoder.
        resume: whether to resume from the checkpoint in `out`, if there is one.
        device: `auto` for a GPU if there is one, or the name of a torch device such as `cpu` or
            `cuda`; by default that of `$SATCLIP_BENCH_DEVICE`, or `auto`.
        pairs: training data, instead of those named in the config.
        callbacks: progress callbacks.

    Returns:
        The folder of the encoder and the metrics of all epochs.

    Raises:
        BenchError: the data are not valid, there are fewer points than a batch, the checkpoint has
            another config, the loss is not finite, or the folder cannot be written.
    """
    callbacks = callbacks or Callbacks()
    if (out / NAME).exists() and not resume:
        raise BenchError(
            f"{out} already contains a pretraining: continue it with --resume, or choose another "
            "--out"
        )
    with process_group(device) as processes, deterministic_torch(config.training, processes.device):
        if pairs is None:
            pairs = read_pairs(config.data, config.seed, callbacks.message)
        for note in pairs.notes:
            callbacks.message(note)
        run = _Trainer(config, pairs, processes)
        state = load_state(out, config, pairs.sha256) if resume else None
        history = run.restore(state) if state else []
        for epoch in range(len(history), config.training.epochs):
            row = run.train_epoch(epoch, callbacks)
            if processes.first:
                row |= run.evaluate()
                history.append(row)
                last = epoch + 1 == config.training.epochs
                if last or (epoch + 1) % config.training.keep_every == 0:
                    save_state(out, config, pairs.sha256, run.state(epoch + 1, history))
                    write_history(out, history)
                callbacks.epoch(row)
            processes.wait()
        trained = Trained(out, tuple(history))
        if processes.first:
            write_encoder(trained, config, pairs, run.places, run.images, run.log_scale)
    return trained


class _Trainer:
    """The networks, their optimiser, and the training and held-out rows."""

    def __init__(self, config: PretrainConfig, pairs: Pairs, processes: Group) -> None:
        self.config, self.pairs, self.group = config, pairs, processes
        self.device = processes.device
        training = config.training
        self.rows, self.held_out = held_out_rows(pairs.lonlat, config.held_out, config.seed)
        if len(self.rows) < training.batch_size:
            raise BenchError(
                f"{len(self.rows)} training points are fewer than a batch of "
                f"{training.batch_size}: give more points, or a smaller training.batch_size"
            )
        if training.batch_size % processes.size:
            raise BenchError(
                f"a batch of {training.batch_size} cannot be split evenly over "
                f"{processes.size} processes"
            )
        self.steps = len(self.rows) // training.batch_size
        dimension = config.location.dimension
        torch.manual_seed(config.seed)
        self.images = image_encoder(config.image, self._shape(), dimension).to(self.device)
        self.places = LocationNet(config.location, config.seed).to(self.device)
        start = -math.log(training.temperature)
        self.log_scale = nn.Parameter(torch.tensor(start, device=self.device))
        self.log_scale.requires_grad_(training.learn_temperature)
        self.optimizer = make_optimizer(
            [*self.images.named_parameters(), *self.places.named_parameters()],
            self.log_scale,
            training,
        )
        self.basis = Basis(config.location)
        fits = len(pairs) * config.location.degrees**2 <= MAX_CACHED_HARMONICS
        cacheable = config.augment.jitter_degrees == 0 and fits
        self._cached_basis = self.basis(pairs.lonlat) if cacheable else None
        self._mean, self._deviation = self._statistics()

    def _shape(self) -> tuple[int, ...]:
        shape, crop = self.pairs.images.shape, self.config.augment.crop
        return shape if crop is None else (shape[0], crop, crop)

    def _chunk_size(self) -> int:
        return max(1, min(MAX_CHUNK, MAX_CHUNK_VALUES // math.prod(self.pairs.images.shape)))

    def _statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation of each band over a sample of the training images."""
        shape = (1, -1, *[1] * (len(self.pairs.images.shape) - 1))
        bands = self.pairs.images.shape[0]
        mean, deviation = np.zeros(bands), np.ones(bands)
        if self.config.image.standardise:
            rng = np.random.default_rng([self.config.seed, _SAMPLE])
            rows = np.sort(rng.permutation(self.rows)[:STATISTICS_IMAGES])
            sums = np.zeros((3, bands))
            for chunk in split_rows(rows, self._chunk_size()):
                images = self.pairs.images.read(chunk) / self.pairs.divide_by
                axes = (0, *range(2, images.ndim))
                count = images.size / bands
                sums += [images.sum(axes), (images**2).sum(axes), np.full(bands, count)]
            mean = sums[0] / sums[2]
            deviation = np.sqrt(np.maximum(sums[1] / sums[2] - mean**2, 0))
            # Constant bands are not scaled.
            deviation[deviation < 1e-6 * np.maximum(np.abs(mean), 1)] = 1
        tensors = [torch.tensor(v, dtype=torch.float32) for v in (mean, deviation)]
        mean_of, deviation_of = (t.reshape(shape).to(self.device) for t in tensors)
        return mean_of, deviation_of

    def _seed(self, purpose: int, *numbers: int) -> int:
        entropy = [self.config.seed, purpose, *numbers]
        return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)

    def train_epoch(self, epoch: int, callbacks: Callbacks) -> Row:
        """Train one epoch over the shuffled rows, without the rest after the last whole batch."""
        began, config = time.perf_counter(), self.config.training
        rng = np.random.default_rng([self.config.seed, _ORDER, epoch])
        order = rng.permutation(self.rows)[: self.steps * config.batch_size]
        batches = order.reshape(self.steps, self.group.size, -1)[:, self.group.rank]
        chunks = [split_rows(batch, config.chunk) for batch in batches]
        train_mode(self.images)
        self.places.train()
        losses = []
        all_steps = config.epochs * self.steps
        with prefetch(self.pairs, [chunk for batch in chunks for chunk in batch]) as arrays:
            for step, batch in enumerate(chunks):
                total = epoch * self.steps + step
                set_learning_rate(self.optimizer, learning_rate(total, all_steps, config))
                losses.append(self._step(batch, arrays, total))
                callbacks.step(step + 1, self.steps)
        seconds = time.perf_counter() - began
        return {
            "epoch": epoch + 1,
            "loss": float(np.mean(losses)),
            "temperature": math.exp(-self.log_scale.item()),
            "learning_rate": learning_rate(total, all_steps, config),
            "seconds": round(seconds, 3),
            "images_per_second": round(self.steps * config.batch_size / seconds, 1),
        }

    def _step(self, chunks: Sequence[Rows], read: Iterator[NDArray[Any]], step: int) -> float:
        first = self.group.rank * len(chunks)
        cached = len(chunks) > 1
        arrays: list[NDArray[Any]] = []

        def embed(i: int) -> tuple[torch.Tensor, torch.Tensor]:
            return self._embed(chunks[i], arrays[i], (step, first + i))

        statistics = frozen_statistics(self.images) if cached else nullcontext()
        embeddings = []
        with torch.set_grad_enabled(not cached), statistics:
            for i in range(len(chunks)):
                # A chunk is embedded while the next ones are read.
                arrays.append(next(read))
                embeddings.append(embed(i))
        images, places = (
            self.group.gather(torch.cat([pair[k].detach() for pair in embeddings])) for k in (0, 1)
        )
        batch = loss_gradients(images, places, self.log_scale)
        if not math.isfinite(batch.loss):
            raise BenchError(
                f"the loss is {batch.loss} in step {step + 1}: lower training.learning_rate, or "
                "check the images' values"
            )
        self.optimizer.zero_grad(set_to_none=True)
        start = sum(map(len, chunks)) * self.group.rank
        for i, chunk in enumerate(chunks):
            pair = embed(i) if cached else embeddings[0]
            rows = slice(start, start + len(chunk))
            gradients = (batch.images[rows], batch.places[rows])
            torch.autograd.backward(
                pair, [g.to(t.dtype) for g, t in zip(gradients, pair, strict=True)]
            )
            start += len(chunk)
        self.group.sum_gradients([*self.images.parameters(), *self.places.parameters()])
        if self.log_scale.requires_grad:
            # Not summed: every process has computed the gradient of the whole batch.
            self.log_scale.grad = batch.log_scale.to(self.log_scale)
        self.optimizer.step()
        with torch.no_grad():
            lowest = self.config.training.lowest_temperature
            self.log_scale.clamp_(max=-math.log(lowest))
        return batch.loss

    def _embed(
        self, rows: Rows, array: NDArray[Any], step_and_chunk: tuple[int, int] | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings of images and locations.

        Args:
            rows: rows of the images.
            array: images of the rows.
            step_and_chunk: numbers of the step and the chunk, which seed the random numbers; None
                in evaluation.
        """
        generator = None
        if step_and_chunk is not None:
            generator = torch.Generator().manual_seed(self._seed(_AUGMENT, *step_and_chunk))
        augment = self.config.augment
        x = torch.from_numpy(array).to(self.device).float() / self.pairs.divide_by
        x = augment_images((x - self._mean) / self._deviation, augment, generator)
        if self._cached_basis is not None:
            basis = self._cached_basis[torch.from_numpy(rows)]
        else:
            lonlat = self.pairs.lonlat[rows]
            if step_and_chunk is not None:
                rng = np.random.default_rng([self.config.seed, _JITTER, *step_and_chunk])
                lonlat = jitter_coordinates(lonlat, augment, rng)
            basis = self.basis(lonlat)
        if step_and_chunk is not None:
            torch.manual_seed(self._seed(_DROPOUT, *step_and_chunk))
        half = self.config.training.precision == "bfloat16" and self.device.type == "cuda"
        with torch.autocast("cuda", torch.bfloat16) if half else nullcontext():
            images = self.images(x)
        return images, self.places(basis.to(self.device))

    @torch.no_grad()
    def evaluate(self) -> Row:
        """Loss and retrieval accuracy of the held-out images and locations."""
        self.images.eval()
        self.places.eval()
        chunks = split_rows(self.held_out, self.config.training.chunk or self._chunk_size())
        with prefetch(self.pairs, chunks) as arrays:
            embeddings = [self._embed(chunk, next(arrays), None) for chunk in chunks]
        images, places = (torch.cat([pair[k].float() for pair in embeddings]) for k in (0, 1))
        accuracy = retrieval_accuracy(images, places)
        return {
            "held_out": len(self.held_out),
            "held_out_loss": float(contrastive_loss(images, places, self.log_scale)),
            **{f"held_out_top{rank}": share for rank, share in accuracy.items()},
        }

    def state(self, epochs: int, history: list[Row]) -> State:
        """State from which the training can be resumed."""
        tensors = {
            "images": self.images.state_dict(),
            "places": self.places.state_dict(),
            "log_scale": self.log_scale.detach(),
            "optimizer": self.optimizer.state_dict(),
        }
        return State(epochs, tensors, history)

    def restore(self, state: State) -> list[Row]:
        """Restore a state; returns the metrics of the finished epochs."""
        self.images.load_state_dict(state.tensors["images"])
        self.places.load_state_dict(state.tensors["places"])
        with torch.no_grad():
            self.log_scale.copy_(state.tensors["log_scale"])
        self.optimizer.load_state_dict(state.tensors["optimizer"])
        return state.history
