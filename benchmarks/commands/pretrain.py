"""The verb `pretrain`: a config in, an encoder of one's own out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

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
    """Train, export, and register where that is asked for. Returns the exit code.

    Args:
        config: name of a shipped config, or a file.
        changes: such as `training.epochs=3`.
        out: folder of the run; by default under results/pretrained, called as the config.
        resume: go on from its checkpoint.
        device: of torch; by default a GPU where there is one.
        register: the encoder's name after `own.`.
        show: print the config, and do nothing.

    Raises:
        BenchError: a config, data or folder that does not do; says which.
    """
    chosen = load_config(config, changes)
    if show:
        Console().print_json(json.dumps(chosen.model_dump(mode="json")))
        return 0
    if register is not None and not re.fullmatch(r"[a-z0-9][a-z0-9-]*", register):
        raise BenchError(f"{register!r} is no name to register: small letters, digits and hyphens")
    folder = FOLDER / _folder_name(config, chosen) if out is None else out
    first = os.environ.get("RANK", "0") == "0"
    trained = _train(chosen, folder, resume=resume, device=device, quiet=not first)
    if not first:
        return 0
    said = Console()
    said.print(f"the encoder is in {trained}", highlight=False, soft_wrap=True)
    if register is None:
        said.print("give it a name with --register NAME --resume", highlight=False)
        return 0
    with atomic_write(registered_dir() / f"{register}.safetensors") as stream:
        stream.write(trained.read_bytes())
    said.print(
        f"it answers to own.{register}: {program()} run --encoders own.{register}",
        highlight=False,
        soft_wrap=True,
    )
    return 0


def _folder_name(config: str, chosen: PretrainConfig) -> str:
    return config if re.fullmatch(r"[a-z0-9-]+", config) else chosen.name


def _train(
    config: PretrainConfig, folder: Path, *, resume: bool, device: str | None, quiet: bool
) -> Path:
    """Train with a bar for the steps and a line for each epoch; returns the encoder's file."""
    from satclip_bench.encoders.pretraining.training import Watch

    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        bar = progress.add_task("reading images", total=None)

        def step(done: int, total: int) -> None:
            progress.update(bar, description="steps", completed=done, total=total)

        def epoch(row: dict[str, float]) -> None:
            console.print(
                f"epoch {row['epoch']}/{config.training.epochs}: loss {row['loss']:.3f}, held out "
                f"{row['held_out_loss']:.3f}; own place nearest {row['held_out_top1']:.1%}, among "
                f"10 of {row['held_out']:,.0f} {row['held_out_top10']:.1%}; "
                f"{row['images_per_second']:,.0f} images/s",
                highlight=False,
                soft_wrap=True,
            )

        watch = Watch(lambda text: console.print(text, highlight=False), step, epoch)
        return pretrain(config, folder, resume=resume, device=device, watch=watch).encoder
