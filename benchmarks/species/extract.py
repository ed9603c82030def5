r"""Image features of local photographs by a timm backbone, in the form that `species` reads.

    python -m satclip_bench.benchmarks.species.extract --annotations train2018.json --images DIR \
        --backbone resnet50.a1_in1k --out train.parquet

timm and torchvision are not dependencies of this package: `pip install timm`. After an
interruption, the same command continues: finished parts are kept beside the output until it is
complete.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.device import DEVICES, device_name, use_device
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import (
    atomic_write,
    refuse_overwriting,
    sha256_bytes,
    sha256_file,
    sweep_parts,
)
from satclip_bench.encoders.weights.files import load_state_dict
from satclip_bench.encoders.weights.tensors import load_safetensors
from satclip_bench.tasks.inaturalist.competition import image_files

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

Backbone = Callable[[Sequence["Image"]], NDArray[np.floating[Any]]]
"""Turns RGB images into features `(n, D)`."""

PART = 4096
"""Number of photographs per part: no more than these are lost by an interruption."""

BATCH = 64
"""Number of images that the backbone gets at a time."""

METADATA_KEY = b"satclip_bench"


def timm_backbone(name: str, checkpoint: Path | None, device: str) -> Backbone:
    """A timm model without its classifier, with the preprocessing that it was trained with.

    Args:
        name: name of the model in timm.
        checkpoint: file of its weights, with or without a classifier; None to let timm download
            them.
        device: name of the torch device, which exists.

    Raises:
        BenchError: timm is not installed, does not have the model, or cannot load the weights.
    """
    try:
        import timm
        from timm.data import create_transform, resolve_model_data_config
    except ImportError as error:
        raise BenchError(f"timm cannot be imported ({error}): pip install timm") from error
    import torch

    try:
        model = timm.create_model(name, pretrained=checkpoint is None, num_classes=0)
        if checkpoint is not None:
            last = model.pretrained_cfg["classifier"]
            last = (last,) if isinstance(last, str) else tuple(last)
            tensors = _state_dict(checkpoint).items()
            # The weights may include a classifier, of any number of classes, which is not used.
            model.load_state_dict({k: v for k, v in tensors if not k.startswith(last)})
    except (RuntimeError, OSError, ValueError) as error:
        raise BenchError(f"timm cannot make {name!r}: {error}") from error
    model = model.eval().to(device)
    transform = create_transform(**resolve_model_data_config(model), is_training=False)

    def features(images: Sequence[Image]) -> NDArray[np.floating[Any]]:
        with torch.inference_mode():
            batch = torch.stack([transform(image) for image in images]).to(device)
            values: NDArray[np.floating[Any]] = model(batch).float().cpu().numpy()
            return values

    return features


def _state_dict(path: Path) -> dict[str, torch.Tensor]:
    return dict(load_safetensors(path) if path.suffix == ".safetensors" else load_state_dict(path))


def _content(checkpoint: Path | None) -> str:
    return "timm's" if checkpoint is None else f"sha256 {sha256_file(checkpoint)}"


def extract(
    files: Sequence[tuple[int, str]],
    folder: Path,
    backbone: Backbone,
    about: dict[str, str],
    out: Path,
    on_images: Callable[[int], None] = lambda count: None,
) -> None:
    """Write a Parquet file with the columns image_id and features, lists of float16.

    Args:
        files: id of each photograph, and its file below `folder`.
        folder: folder of the images.
        backbone: model that makes the features.
        about: description of the features, kept in the file; parts of other features are refused.
        out: path of the file; `<out>.parts/` holds finished parts until it is complete.
        on_images: called with the number of photographs that were just finished.

    Raises:
        BenchError: an image is missing or damaged, a feature does not fit float16, or the folder
            of parts holds other features.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    listed = sha256_bytes(json.dumps(files).encode())
    description = json.dumps(about | {"photographs": listed}, sort_keys=True).encode()
    parts = out.with_name(f"{out.name}.parts")
    paths = []
    for number, start in enumerate(range(0, len(files), PART)):
        path = parts / f"{number:05d}.parquet"
        paths.append(path)
        chosen = files[start : start + PART]
        if path.is_file():
            if (pq.read_schema(path).metadata or {}).get(METADATA_KEY) != description:
                raise BenchError(
                    f"{parts} holds parts of other features or photographs: delete that folder, or "
                    "choose another file with --out"
                )
            on_images(len(chosen))
            continue
        values = []
        for first in range(0, len(chosen), BATCH):
            batch = [_opened(folder / name) for _, name in chosen[first : first + BATCH]]
            values.append(_halves(backbone(batch), chosen[first][1]))
            on_images(len(batch))
        flat = np.concatenate(values)
        lists = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])
        ids = np.array([i for i, _ in chosen], dtype=np.int64)
        table = pa.table({"image_id": ids, "features": lists})
        table = table.replace_schema_metadata({METADATA_KEY: description})
        with atomic_write(path) as stream:
            pq.write_table(table, stream)
    if not paths:
        raise BenchError("there are no photographs")
    with atomic_write(out) as stream, pq.ParquetWriter(stream, pq.read_schema(paths[0])) as writer:
        for path in paths:
            writer.write_table(pq.read_table(path))
    sweep_parts(parts)
    for path in paths:
        path.unlink()
    # Other files in the folder are not ours.
    with suppress(OSError):
        parts.rmdir()


def _opened(path: Path) -> Image:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    # What Pillow raises for a damaged file depends on its format.
    except (OSError, SyntaxError, ValueError) as error:
        raise BenchError(f"the image {path} cannot be read: {error}") from error


def _halves(values: NDArray[np.floating[Any]], name: str) -> NDArray[np.float16]:
    with np.errstate(over="ignore"):
        halves = values.astype(np.float16)
    if not np.isfinite(halves).all():
        raise BenchError(f"features of {name} or one of the next {BATCH} do not fit float16")
    return halves


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m satclip_bench.benchmarks.species.extract",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--annotations", type=Path, required=True, metavar="JSON")
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="their folder")
    parser.add_argument("--backbone", default="resnet50.a1_in1k", metavar="NAME")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="default: timm downloads")
    parser.add_argument(
        "--device",
        metavar="NAME",
        help=f"{DEVICES} (default: $SATCLIP_BENCH_DEVICE, or auto)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.parquet")
    options = parser.parse_args(arguments)
    from rich.console import Console
    from rich.progress import Progress

    read = {"--annotations": [options.annotations], "--checkpoint": [options.checkpoint]}
    try:
        refuse_overwriting([options.out], read)
        files = image_files(options.annotations)
        with use_device(options.device):
            backbone = timm_backbone(options.backbone, options.checkpoint, device_name())
        about = {"backbone": options.backbone, "checkpoint": _content(options.checkpoint)}
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("photographs", total=len(files))
            extract(
                files,
                options.images,
                backbone,
                about,
                options.out,
                lambda count: progress.advance(bar, count),
            )
    except BenchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; finished parts are kept, and the same command continues\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
