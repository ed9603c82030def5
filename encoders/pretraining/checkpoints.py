"""The state of a pretraining on disk: whole or absent, and only for the same config and data."""

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
    """What a run that was interrupted goes on from.

    Attributes:
        epochs: that are done.
        tensors: of the networks and the optimiser, by part.
        history: a row of metrics for each epoch.
    """

    epochs: int
    tensors: dict[str, Any]
    history: list[Row]


def save_state(folder: Path, config: PretrainConfig, data_sha256: str, state: State) -> None:
    """Write the checkpoint; the one before stays until the new one is whole.

    Raises:
        BenchError: it cannot be written, such as for a full disk.
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
    """The state in a folder; none if there is no checkpoint.

    Raises:
        BenchError: it is damaged, or was made with another config or other data; says what.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != FORMAT:
            raise BenchError(f"{path} has format {content['format']}, not {FORMAT}: start anew")
        before = json.loads(content["config"])
        history = json.loads(content["history"])
        state = State(int(content["epochs"]), content["tensors"], history)
        data = content["data"]
    except BenchError:
        raise
    except Exception as error:
        # Whatever a damaged file makes of the reader.
        raise BenchError(
            f"{path} is no checkpoint of a pretraining, or damaged ({first_line(error)}). "
            "Delete it to start anew."
        ) from error
    changed = differences(before, json.loads(as_json(config)))
    if changed:
        raise BenchError(
            f"{path} was made with another config: {'; '.join(changed)}. "
            "Use the config it began with, or another --out."
        )
    if data != data_sha256:
        raise BenchError(
            f"{path} was made with other data: its sha256 was {data}, is {data_sha256}. "
            "Use the data it began with, or another --out."
        )
    return state
