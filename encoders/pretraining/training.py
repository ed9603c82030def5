"""The pretraining itself: pairs in, an encoder in a folder out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from satclip_bench.core.errors import BenchError
from satclip_bench.encoders.pretraining.augment import augmented, jittered
from satclip_bench.encoders.pretraining.checkpoints import NAME, Row, State, load_state, save_state
from satclip_bench.encoders.pretraining.config import PretrainConfig
from satclip_bench.encoders.pretraining.determinism import repeatable, still_statistics
from satclip_bench.encoders.pretraining.distributed import Group, group
from satclip_bench.encoders.pretraining.export import Trained, write_encoder, write_history
from satclip_bench.encoders.pretraining.holdout import held_out_rows
from satclip_bench.encoders.pretraining.image_encoder import image_encoder, train_mode
from satclip_bench.encoders.pretraining.location_encoder import Basis, LocationNet
from satclip_bench.encoders.pretraining.loss import contrastive_loss, pull, retrieval
from satclip_bench.encoders.pretraining.optimizer import optimizer, rate, set_rate
from satclip_bench.encoders.pretraining.prefetch import Rows, in_parts, read_ahead
from satclip_bench.encoders.pretraining.sources import Pairs, read_pairs

MOST_KEPT = 2**28
"""Numbers of the harmonics of all points that are kept: 1 GiB."""

SAMPLED = 4096
"""Images that means and deviations of the bands are taken from."""

PART, PART_NUMBERS = 512, 2**27
"""Most images, and most numbers of images, looked at together where nothing is learned."""

_ORDER, _AUGMENT, _DROPOUT, _JITTER, _SAMPLE = range(5)


@dataclass(frozen=True)
class Watch:
    """Is told how it goes on; does nothing by itself."""

    said: Callable[[str], None] = lambda _: None
    step: Callable[[int, int], None] = lambda _done, _total: None
    epoch: Callable[[Row], None] = lambda _: None


def pretrain(
    config: PretrainConfig,
    out: Path,
    *,
    resume: bool = False,
    device: str | None = None,
    pairs: Pairs | None = None,
    watch: Watch | None = None,
) -> Trained:
    """Train an image and a location encoder to find each other, and export the second.

    The weights depend on the config and the data alone: every random number comes from the seed,
    the epoch and the step, so that a run that is interrupted and resumed ends at the same bytes
    (on the same kind of processor, with as many threads).

    Args:
        config: everything that the weights depend on.
        out: folder for checkpoint, metrics, curves and the encoder.
        resume: go on from the checkpoint in `out`, if there is one.
        device: such as `cpu` or `cuda`; by default a GPU where there is one.
        pairs: what to train on, in place of reading what the config names.
        watch: is told how it goes on.

    Returns:
        Where the encoder is, and how well images and places found each other.

    Raises:
        BenchError: bad data, fewer points than a batch, a checkpoint of another config, a loss
            that is not finite, or a folder that cannot be written.
    """
    watch = watch or Watch()
    if (out / NAME).exists() and not resume:
        raise BenchError(
            f"{out} holds a pretraining already: go on with --resume, or choose another --out"
        )
    with group(device) as processes, repeatable(config.training, processes.device):
        if pairs is None:
            pairs = read_pairs(config.data, config.seed, watch.said)
        for note in pairs.notes:
            watch.said(note)
        run = _Run(config, pairs, processes)
        state = load_state(out, config, pairs.sha256) if resume else None
        history = run.restore(state) if state else []
        for epoch in range(len(history), config.training.epochs):
            row = run.train_epoch(epoch, watch)
            if processes.first:
                row |= run.evaluate()
                history.append(row)
                last = epoch + 1 == config.training.epochs
                if last or (epoch + 1) % config.training.keep_every == 0:
                    save_state(out, config, pairs.sha256, run.state(epoch + 1, history))
                    write_history(out, history)
                watch.epoch(row)
            processes.wait()
        trained = Trained(out, tuple(history))
        if processes.first:
            write_encoder(trained, config, pairs, run.places, run.images, run.log_scale)
    return trained


class _Run:
    """The networks, their optimiser and the rows they learn from."""

    def __init__(self, config: PretrainConfig, pairs: Pairs, processes: Group) -> None:
        self.config, self.pairs, self.group = config, pairs, processes
        self.device = processes.device
        training = config.training
        self.rows, self.held = held_out_rows(pairs.lonlat, config.held_out, config.seed)
        if len(self.rows) < training.batch_size:
            raise BenchError(
                f"{len(self.rows)} points to learn from are fewer than a batch of "
                f"{training.batch_size}: give more points, or a smaller training.batch_size"
            )
        if training.batch_size % processes.size:
            raise BenchError(
                f"a batch of {training.batch_size} cannot be shared by {processes.size} processes"
            )
        self.steps = len(self.rows) // training.batch_size
        dimension = config.location.dimension
        torch.manual_seed(config.seed)
        self.images = image_encoder(config.image, self._shape(), dimension).to(self.device)
        self.places = LocationNet(config.location, config.seed).to(self.device)
        start = -math.log(training.temperature)
        self.log_scale = nn.Parameter(torch.tensor(start, device=self.device))
        self.log_scale.requires_grad_(training.learn_temperature)
        self.optimizer = optimizer(
            [*self.images.named_parameters(), *self.places.named_parameters()],
            self.log_scale,
            training,
        )
        self.basis = Basis(config.location)
        kept = len(pairs) * config.location.degrees**2 <= MOST_KEPT
        still = config.augment.jitter_degrees == 0 and kept
        self._kept = self.basis(pairs.lonlat) if still else None
        self._mean, self._deviation = self._statistics()

    def _shape(self) -> tuple[int, ...]:
        shape, crop = self.pairs.images.shape, self.config.augment.crop
        return shape if crop is None else (shape[0], crop, crop)

    def _part(self) -> int:
        return max(1, min(PART, PART_NUMBERS // math.prod(self.pairs.images.shape)))

    def _statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and deviation of each band over images that are learned from."""
        shape = (1, -1, *[1] * (len(self.pairs.images.shape) - 1))
        bands = self.pairs.images.shape[0]
        mean, deviation = np.zeros(bands), np.ones(bands)
        if self.config.image.standardise:
            rng = np.random.default_rng([self.config.seed, _SAMPLE])
            rows = np.sort(rng.permutation(self.rows)[:SAMPLED])
            sums = np.zeros((3, bands))
            for some in in_parts(rows, self._part()):
                part = self.pairs.images.read(some) / self.pairs.divide_by
                axes = (0, *range(2, part.ndim))
                count = part.size / bands
                sums += [part.sum(axes), (part**2).sum(axes), np.full(bands, count)]
            mean = sums[0] / sums[2]
            deviation = np.sqrt(np.maximum(sums[1] / sums[2] - mean**2, 0))
            # A band that never changes stays what it is.
            deviation[deviation < 1e-6 * np.maximum(np.abs(mean), 1)] = 1
        tensors = [torch.tensor(v, dtype=torch.float32) for v in (mean, deviation)]
        mean_of, deviation_of = (t.reshape(shape).to(self.device) for t in tensors)
        return mean_of, deviation_of

    def _seed(self, purpose: int, *numbers: int) -> int:
        entropy = [self.config.seed, purpose, *numbers]
        return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)

    def train_epoch(self, epoch: int, watch: Watch) -> Row:
        """One pass over the rows; what is left after the last whole batch waits for the next."""
        began, config = time.perf_counter(), self.config.training
        rng = np.random.default_rng([self.config.seed, _ORDER, epoch])
        order = rng.permutation(self.rows)[: self.steps * config.batch_size]
        batches = order.reshape(self.steps, self.group.size, -1)[:, self.group.rank]
        parts = [in_parts(batch, config.chunk) for batch in batches]
        train_mode(self.images)
        self.places.train()
        losses = []
        with read_ahead(self.pairs, [part for batch in parts for part in batch]) as arrays:
            for step, batch in enumerate(parts):
                total = epoch * self.steps + step
                set_rate(self.optimizer, rate(total, config.epochs * self.steps, config))
                losses.append(self._step(batch, [next(arrays) for _ in batch], total))
                watch.step(step + 1, self.steps)
        seconds = time.perf_counter() - began
        return {
            "epoch": epoch + 1,
            "loss": float(np.mean(losses)),
            "temperature": math.exp(-self.log_scale.item()),
            "learning_rate": rate(total, config.epochs * self.steps, config),
            "seconds": round(seconds, 3),
            "images_per_second": round(self.steps * config.batch_size / seconds, 1),
        }

    def _step(self, parts: Sequence[Rows], arrays: Sequence[NDArray[Any]], step: int) -> float:
        first = self.group.rank * len(parts)
        cached = len(parts) > 1

        def embed(i: int) -> tuple[torch.Tensor, torch.Tensor]:
            return self._embed(parts[i], arrays[i], (step, first + i))

        if cached:
            with torch.no_grad(), still_statistics(self.images):
                found = [embed(i) for i in range(len(parts))]
        else:
            found = [embed(0)]
        images, places = (
            self.group.gather(torch.cat([pair[k].detach() for pair in found])) for k in (0, 1)
        )
        pulled = pull(images, places, self.log_scale)
        if not math.isfinite(pulled.loss):
            raise BenchError(
                f"the loss is {pulled.loss} in step {step + 1}: lower training.learning_rate, or "
                "look at the images' values"
            )
        self.optimizer.zero_grad(set_to_none=True)
        at = sum(map(len, parts)) * self.group.rank
        for i, part in enumerate(parts):
            pair = embed(i) if cached else found[0]
            to = slice(at, at + len(part))
            gradients = (pulled.to_images[to], pulled.to_places[to])
            torch.autograd.backward(
                pair, [g.to(t.dtype) for g, t in zip(gradients, pair, strict=True)]
            )
            at += len(part)
        self.group.add_up([*self.images.parameters(), *self.places.parameters()])
        if self.log_scale.requires_grad:
            # Every process has found the gradient of the whole batch.
            self.log_scale.grad = pulled.to_scale.to(self.log_scale)
        self.optimizer.step()
        with torch.no_grad():
            lowest = self.config.training.lowest_temperature
            self.log_scale.clamp_(max=-math.log(lowest))
        return pulled.loss

    def _embed(
        self, rows: Rows, array: NDArray[Any], at: tuple[int, int] | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings of images and places; `at` is the step and part, none in evaluation."""
        generator = None if at is None else torch.Generator().manual_seed(self._seed(_AUGMENT, *at))
        augment = self.config.augment
        x = torch.from_numpy(array).to(self.device).float() / self.pairs.divide_by
        x = augmented((x - self._mean) / self._deviation, augment, generator)
        if self._kept is not None:
            basis = self._kept[torch.from_numpy(rows)]
        else:
            lonlat = self.pairs.lonlat[rows]
            if at is not None:
                rng = np.random.default_rng([self.config.seed, _JITTER, *at])
                lonlat = jittered(lonlat, augment, rng)
            basis = self.basis(lonlat)
        if at is not None:
            torch.manual_seed(self._seed(_DROPOUT, *at))
        half = self.config.training.precision == "bfloat16" and self.device.type == "cuda"
        with torch.autocast("cuda", torch.bfloat16) if half else nullcontext():
            images = self.images(x)
        return images, self.places(basis.to(self.device))

    @torch.no_grad()
    def evaluate(self) -> Row:
        """How well held-out images and places find each other."""
        self.images.eval()
        self.places.eval()
        parts = in_parts(self.held, self.config.training.chunk or self._part())
        with read_ahead(self.pairs, parts) as arrays:
            found = [self._embed(part, next(arrays), None) for part in parts]
        images, places = (torch.cat([pair[k].float() for pair in found]) for k in (0, 1))
        hits = retrieval(images, places)
        return {
            "held_out": len(self.held),
            "held_out_loss": float(contrastive_loss(images, places, self.log_scale)),
            **{f"held_out_top{rank}": share for rank, share in hits.items()},
        }

    def state(self, epochs: int, history: list[Row]) -> State:
        """Everything that is needed to go on."""
        tensors = {
            "images": self.images.state_dict(),
            "places": self.places.state_dict(),
            "log_scale": self.log_scale.detach(),
            "optimizer": self.optimizer.state_dict(),
        }
        return State(epochs, tensors, history)

    def restore(self, state: State) -> list[Row]:
        """Take up a state; returns the rows of the epochs that are done."""
        self.images.load_state_dict(state.tensors["images"])
        self.places.load_state_dict(state.tensors["places"])
        with torch.no_grad():
            self.log_scale.copy_(state.tensors["log_scale"])
        self.optimizer.load_state_dict(state.tensors["optimizer"])
        return state.history
