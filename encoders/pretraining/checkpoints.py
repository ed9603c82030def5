"""Checkpoints of an interrupted pretraining, which can be resumed with the same config and data."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import atomic_write
from satclip_bench.encoders.pretraining.config import PretrainConfig, as_json, differences
from satclip_bench.encoders.weights.files import first_line

FORMAT = 1
NAME = "checkpoint.pt"

Row = dict[str, float]


@dataclass(frozen=True)
class State:
    """State of a pretraining from which it can be resumed.

    Attributes:
        epochs: number of finished epochs.
        tensors: states of the networks and the optimiser, by name.
        history: one row of metrics per epoch.
    """

    epochs: int
    tensors: dict[str, Any]
    history: list[Row]


def save_state(folder: Path, config: PretrainConfig, data_sha256: str, state: State) -> None:
    """Write a checkpoint. The previous one is only replaced when the new one is complete.

    Raises:
        BenchError: the file cannot be written, for example because the disk is full.
    """
    buffer = io.BytesIO()
    content = {
        "format": FORMAT,
        "config": as_json(config),
        "data": data_sha256,
        "epochs": state.epochs,
        "history": json.dumps(state.history),
        "tensors": state.tensors,
    }
    torch.save(content, buffer)
    with atomic_write(folder / NAME) as stream:
        stream.write(buffer.getbuffer())


def load_state(folder: Path, config: PretrainConfig, data_sha256: str) -> State | None:
    """Read the checkpoint in a folder; returns None if there is none.

    Raises:
        BenchError: the checkpoint is damaged, or was made with another config or other data; the
            message names the difference.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] > FORMAT:
            raise BenchError(
                f"{path} was written by a newer version of satclip-bench (format "
                f"{content['format']}, of which this one reads {FORMAT}): update satclip-bench"
            )
        if content["format"] != FORMAT:
            raise BenchError(
                f"{path} has format {content['format']}, not {FORMAT}. Delete it to start again."
            )
        before = json.loads(content["config"])
        history = json.loads(content["history"])
        state = State(int(content["epochs"]), content["tensors"], history)
        data = content["data"]
    except BenchError:
        raise
    except Exception as error:
        # A damaged file can raise any exception.
        raise BenchError(
            f"{path} is damaged, or is not a checkpoint of a pretraining ({first_line(error)}). "
            "Delete it to start again."
        ) from error
    changed = differences(before, json.loads(as_json(config)))
    if changed:
        raise BenchError(
            f"{path} was made with another config: {'; '.join(changed)}. "
            "Use the config of the checkpoint, or choose another --out."
        )
    if data != data_sha256:
        raise BenchError(
            f"{path} was made with other data: its sha256 was {data}, now it is {data_sha256}. "
            "Use the data of the checkpoint, or choose another --out."
        )
    return state
