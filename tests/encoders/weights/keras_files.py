"""Files of Keras weights as Keras 2 writes them, written with h5py alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

LAYERS = {"tag": {"tag": 2000}, "visual": {"object": 1000, "scene": 365}}
WIDTHS = (400, 512, 1024, 2048)

Layer = tuple[str, list[NDArray[np.float32]]]


def reckoned(rows: int, columns: int, seed: int) -> NDArray[np.float32]:
    """Numbers that look random and are the same everywhere: no generator has a part in them."""
    i, j = np.arange(rows)[:, None] + 17 * seed + 1, np.arange(columns)[None, :] + 1
    rest = (i * 7919 + j * 104729 + i * i % 1009 * j * 31 + j * j * i) % 2003
    numbers: NDArray[np.float32] = ((rest / 2003 - 0.5) * 8 / np.sqrt(rows)).astype(np.float32)
    return numbers


def gps2vec_layers(variant: str, seed: int) -> list[Layer]:
    """Arrays of the shapes of `model_tag.json` and `model_visual.json`."""
    sizes = [(f"layer{n}", WIDTHS[n - 1], WIDTHS[n]) for n in (1, 2, 3)]
    sizes += [(name, WIDTHS[-1], width) for name, width in LAYERS[variant].items()]
    return [
        (name, [reckoned(rows, columns, seed + n), reckoned(1, columns, seed + 9 + n)[0] / 8])
        for n, (name, rows, columns) in enumerate(sizes)
    ]


def write_weights(path: Path, layers: Sequence[Layer], *, whole_model: bool = False) -> Path:
    """What `model.save_weights(path)` leaves, or `model.save(path)`."""
    with h5py.File(path, "w") as file:
        group: Any = file.create_group("model_weights") if whole_model else file
        if whole_model:
            file.attrs["model_config"] = '{"class_name": "Lambda", "config": "never read"}'
        empty: list[Layer] = [("input_1", []), ("flatten_1", [])]
        group.attrs["layer_names"] = np.array([name.encode() for name, _ in (*empty, *layers)])
        group.attrs["backend"] = b"tensorflow"
        group.attrs["keras_version"] = b"2.2.5"
        for name, arrays in (*empty, *layers):
            part = group.create_group(name)
            names = [
                f"{name}/{what}:0" for what, _ in zip(("kernel", "bias"), arrays, strict=False)
            ]
            part.attrs["weight_names"] = np.array([n.encode() for n in names])
            for inner, array in zip(names, arrays, strict=False):
                part.create_dataset(inner, data=array)
    return path
