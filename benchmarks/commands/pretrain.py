"""The command `pretrain`: train, export and register a location encoder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import atomic_write
from satclip_bench.core.program import program
from satclip_bench.encoders.pretraining import load_config, pretrain
from satclip_bench.encoders.pretraining.config import PretrainConfig
from satclip_bench.encoders.satclip_retrained import registered_dir

FOLDER = Path("results/pretrained")


def pretrain_encoder(
    config: str,
    changes: Sequence[str],
    out: Path | None,
    *,
    resume: bool = False,
    device: str | None = None,
    register: str | None = None,
    show: bool = False,
) -> int:
    """Train a location encoder and export it; register it if `register` is given.

    Args:
        config: name of a shipped config, or path of a file.
        changes: changes of the config, such as `training.epochs=3`.
        out: folder of the training; by default `results/pretrained/<name of the config>`.
        resume: whether to continue from the checkpoint in the folder.
        device: `auto` for a GPU if there is one, or the name of a torch device; by default that of
            `$SATCLIP_BENCH_DEVICE`, or `auto`.
        register: name of the encoder after `own.`; None not to register it.
        show: whether to print the config and stop.

    Returns:
        The exit code.

    Raises:
        BenchError: the config is invalid, the data are missing, or the folder cannot be used.
    """
    settings = load_config(config, changes)
    if show:
        Console().print_json(json.dumps(settings.model_dump(mode="json")))
        return 0
    if register is not None and not re.fullmatch(r"[a-z0-9][a-z0-9-]*", register):
        raise BenchError(
            f"--register {register!r}: a name consists of small letters, digits and hyphens"
        )
    folder = FOLDER / _folder_name(config, settings) if out is None else out
    is_main_process = os.environ.get("RANK", "0") == "0"
    weights = _train(settings, folder, resume=resume, device=device, quiet=not is_main_process)
    if not is_main_process:
        return 0
    console = Console()
    print_plain(f"the encoder is in {weights}", console)
    if register is None:
        console.print("to use it by name, add --register NAME --resume", highlight=False)
        return 0
    with atomic_write(registered_dir() / f"{register}.safetensors") as stream:
        stream.write(weights.read_bytes())
    print_plain(
        f"it is registered as own.{register}: {program()} run --encoders own.{register}", console
    )
    return 0


def _folder_name(config: str, settings: PretrainConfig) -> str:
    return config if re.fullmatch(r"[a-z0-9-]+", config) else settings.name


def _train(
    config: PretrainConfig, folder: Path, *, resume: bool, device: str | None, quiet: bool
) -> Path:
    """Train with a progress bar and one line per epoch. Returns the path of the weights."""
    from satclip_bench.encoders.pretraining.training import Callbacks

    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        bar = progress.add_task("reading images", total=None)

        def step(done: int, total: int) -> None:
            progress.update(bar, description="steps", completed=done, total=total)

        def epoch(row: dict[str, float]) -> None:
            console.print(
                f"epoch {row['epoch']}/{config.training.epochs}: loss {row['loss']:.3f}, held-out "
                f"loss {row['held_out_loss']:.3f}; place of a held-out image among "
                f"{row['held_out']:,.0f}: top-1 {row['held_out_top1']:.1%}, "
                f"top-10 {row['held_out_top10']:.1%}; {row['images_per_second']:,.0f} images/s",
                highlight=False,
                soft_wrap=True,
            )

        callbacks = Callbacks(lambda text: print_plain(text, console), step, epoch)
        return pretrain(config, folder, resume=resume, device=device, callbacks=callbacks).encoder
