"""Speed and agreement of the perceptron probe's batched training, on the CPU and on a GPU.

    python docs/studies/mlp_speed.py
    python docs/studies/mlp_speed.py biomes:geoclip median_income:satclip-bluemarble.l10

Without arguments, it compares ten networks that are trained as one batched model with a plain loop
of torch's autograd and fused AdamW over the same batches, per shape of the network: microseconds
per step and network, those of the matrix products alone, and how much the validation losses differ
after STEPS steps. With tasks and encoders, it fits the probe for fold 0 of the split `random` with
seed 0, and then ten networks with the chosen settings. If torch finds a GPU, both are repeated
there. The CPU has one thread; its seconds are those of the processor, and those of a GPU are those
of the clock. `run_benchmarks.py speed probes --probes mlp` times the candidates of the probe's
search.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from satclip_bench.benchmarks.probes import make_probe, mlp
from satclip_bench.benchmarks.probes.data import Dataset, InnerSets
from satclip_bench.benchmarks.probes.mlp_search import CANDIDATES, Candidate
from satclip_bench.benchmarks.probes.networks import Member, Networks, Rows, rows
from satclip_bench.benchmarks.probes.training import forward
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.benchmarks.speed.embedded import embed
from satclip_bench.benchmarks.speed.plain_perceptron import plain_loop, products, trained
from satclip_bench.core.device import use_device

CPU = torch.device("cpu")
SETTINGS = mlp.SETTINGS
MEMBERS = 10
STEPS = 100
SHAPES = tuple((depth, width) for width in (128, 256) for depth in (1, 2, 3))
INPUTS = (4, 256)


def devices() -> list[torch.device]:
    """The CPU, and a GPU if torch finds one."""
    return [CPU, torch.device("cuda")] if torch.cuda.is_available() else [CPU]


def seconds(call: Callable[[], Any], device: torch.device, repeats: int = 1) -> float:
    """Seconds of repeated calls: of the processor on a CPU, of the clock on a GPU."""
    clock = time.process_time
    if device.type != "cpu":
        torch.cuda.synchronize(device)
        clock = time.perf_counter
    start = clock()
    for _ in range(repeats):
        call()
    if device.type != "cpu":
        torch.cuda.synchronize(device)
    return clock() - start


def plain_loss(member: Member, validation: Rows) -> float:
    """Validation loss of a network that a plain loop trained for STEPS steps."""
    averages = trained(member, SETTINGS, None, STEPS)
    y = member.train.y
    out = forward(averages, validation.X)[:, 0].clamp(y.min(), y.max())
    return float((out - validation.y).square().sum(dtype=torch.float64))


def synthetic(inputs: int) -> tuple[Dataset, Dataset]:
    """A training set of 3,000 rows and a validation set of 1,000."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((4000, inputs)).astype(np.float32)
    y = np.sin(2 * X[:, 0]) + 0.3 * rng.standard_normal(len(X))
    return Dataset(X[:3000], y[:3000]), Dataset(X[3000:], y[3000:])


def print_shapes() -> None:
    """Print the table of shapes."""
    gpu = (
        " in tens on a GPU, us | CPU loop / GPU | losses differ on a GPU |" if devices()[1:] else ""
    )
    print(
        "| inputs | depth x width | products, us | loop, us | in tens, us | loop / in tens "
        f"| losses differ |{gpu}\n|---:|---|" + "---:|" * (5 + 3 * bool(gpu))
    )
    for inputs in INPUTS:
        sets = synthetic(inputs)
        for depth, width in SHAPES:
            candidate = Candidate(depth=depth, width=width, learning_rate=3e-3, weight_decay=0.1)
            floor = products(candidate, inputs, None, SETTINGS.batch_size)
            floor()
            alone = seconds(floor, CPU, STEPS)
            train, validation = (rows(np.asarray(part.X), part.y, CPU) for part in sets)
            loop = plain_loop(Member(train, candidate, 0), SETTINGS, None)
            next(loop)
            plain = seconds(partial(next, loop), CPU, STEPS)
            expected = [plain_loss(Member(train, candidate, s), validation) for s in range(MEMBERS)]
            cells = [f"{1e6 * alone / STEPS:.0f}", f"{1e6 * plain / STEPS:.0f}"]
            for device in devices():
                train, validation = (rows(np.asarray(part.X), part.y, device) for part in sets)
                stack = Networks(
                    [Member(train, candidate, seed) for seed in range(MEMBERS)], SETTINGS, None
                )
                stack.train(STEPS)
                losses = stack.losses([validation] * MEMBERS)
                gap = max(abs(a / b - 1) for a, b in zip(losses, expected, strict=True))
                tens = seconds(partial(stack.train, STEPS), device) / MEMBERS
                cells += [f"{1e6 * tens / STEPS:.0f}", f"{plain / tens:.1f}", f"{gap:.0e}"]
            print(f"| {inputs} | {depth} x {width} | {' | '.join(cells)} |", flush=True)


class Fitted(NamedTuple):
    """A fit of the probe on one device."""

    probe: Any
    seconds: float
    seconds_of_ten: float
    score: float
    predictions: Any


def fit(task: str, encoder: str, device: torch.device) -> Fitted:
    """Fit the probe, and then ten networks with the chosen settings for the chosen steps."""
    data = embed(task, encoder)
    probe: Any = make_probe("mlp", data.task_type, 0)
    with use_device(device.type):
        duration = seconds(lambda: probe.fit(*data.train, data.validation), device)
    outputs = data.classes or None
    sets = InnerSets(Dataset(*data.train), Dataset(*data.validation))
    train = mlp.network_fold(sets, outputs, device).train
    chosen = CANDIDATES[probe.fit_info_["candidate"]]

    def ten() -> None:
        members = [Member(train, chosen, seed) for seed in range(MEMBERS)]
        Networks(members, SETTINGS, outputs).train(probe.best_params_["steps"])

    return Fitted(
        probe,
        duration,
        seconds(ten, device),
        probe.score(*data.test),
        probe.predict_proba(data.test.X) if outputs else probe.predict(data.test.X),
    )


def print_fits(cells: list[tuple[str, str]]) -> None:
    """Print the table of tasks and encoders."""
    print(
        f"| task | encoder | device | fit, s | {MEMBERS} more networks, s | candidate | steps "
        "| score | predictions differ from the CPU's by |\n|---|---|---|" + "---:|" * 6
    )
    for task, encoder in cells:
        first: Any = None
        for device in devices():
            fitted = fit(task, encoder, device)
            first = first or fitted
            apart = np.sqrt(np.square(fitted.predictions - first.predictions).mean())
            apart /= first.predictions.std()
            info = fitted.probe.fit_info_
            print(
                f"| {task} | {encoder} | {device.type} | {fitted.seconds:.1f} "
                f"| {fitted.seconds_of_ten:.1f} | {info['candidate']} | {info['steps']} "
                f"| {fitted.score:.4f} | {apart:.1e} std |",
                flush=True,
            )


def main() -> None:
    """Print the table of shapes, or that of the tasks and encoders of the command line."""
    if torch.cuda.is_available():
        # Starting CUDA takes seconds that belong to no fit.
        torch.zeros(1, device="cuda")
    with thread_limit(1):
        if sys.argv[1:]:
            pairs = (cell.partition(":") for cell in sys.argv[1:])
            print_fits([(task, encoder) for task, _, encoder in pairs])
        else:
            print_shapes()


if __name__ == "__main__":
    main()
