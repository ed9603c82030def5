"""Configs of pretrainings: YAML or JSON files that are read, validated and compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from satclip_bench.core.card import Card, problems
from satclip_bench.core.errors import BenchError
from satclip_bench.core.registry import unknown_name

CONFIGS = Path(__file__).parent / "configs"

BLUE_MARBLE_ROWS = 2700

Bad = Literal["error", "skip"]
"""Treatment of images that are constant or have values that are not finite."""


class BlueMarble(Card):
    """Crops of NASA's Blue Marble around points drawn uniformly over land."""

    source: Literal["bluemarble"] = "bluemarble"
    points: int = Field(60_000, ge=2)
    pixels: int = Field(32, ge=4, le=256, description="side of a crop in pixels")
    scales: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field(
        (1,),
        min_length=1,
        description="pixels per side that are averaged into one; each scale adds its bands",
    )
    bands: tuple[Literal["red", "green", "blue", "texture"], ...] = Field(
        ("red", "green", "blue"),
        min_length=1,
        description="texture: standard deviation of luminance in a cell",
    )
    stretch: bool = Field(
        True, description="whether crops have the same width on the ground everywhere"
    )
    antarctica: bool = Field(
        False, description="whether points south of 60 degrees south are drawn"
    )

    @field_validator("scales")
    @classmethod
    def _divide(cls, scales: tuple[int, ...]) -> tuple[int, ...]:
        if wrong := [s for s in scales if BLUE_MARBLE_ROWS % s]:
            raise ValueError(f"{wrong} do not divide the image's {BLUE_MARBLE_ROWS} rows")
        return scales


class S2(Card):
    """S2-100K in its published form: index.csv beside images/ or tar shards."""

    source: Literal["s2-100k"] = "s2-100k"
    folder: Path
    bands: Literal[12, 13] = Field(13, description="13 adds a band of zeros for B10")
    pixels: int = Field(256, ge=16)
    smallest_bytes: int = Field(
        10_000, ge=0, description="smaller files have no data and are left out"
    )
    scan: bool = Field(True, description="whether to check every image before training")
    bad: Bad = "error"
    workers: int = Field(8, ge=1, description="number of threads that read images")


class GeoTiffs(Card):
    """A folder of GeoTIFFs, which are cut into tiles."""

    source: Literal["geotiffs"] = "geotiffs"
    folder: Path
    pixels: int = Field(64, ge=4, description="side of a tile in pixels")
    bands: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None, description="numbers of the bands, from 1; null for all"
    )
    divide_by: float = Field(1.0, gt=0)
    bad: Bad = "error"


class Table(Card):
    """A table of existing image embeddings with their coordinates."""

    source: Literal["embeddings"] = "embeddings"
    file: Path
    lon: str = "lon"
    lat: str = "lat"


Data = Annotated[BlueMarble | S2 | GeoTiffs | Table, Field(discriminator="source")]


class HeldOut(Card):
    """Points that are held out of training."""

    fraction: float = Field(0.05, gt=0, le=0.5)
    most: int = Field(
        2048,
        ge=2,
        description="largest number of held-out points that are evaluated, chosen by the seed",
    )
    kind: Literal["random", "blocks"] = "random"
    degrees: float = Field(10.0, gt=0, le=90, description="side of a block in degrees")


class Image(Card):
    """Settings of the image encoder."""

    kind: Literal["cnn", "resnet18", "resnet50", "vit16", "linear", "mlp"] = "cnn"
    widths: tuple[Annotated[int, Field(ge=8, multiple_of=8)], ...] = Field(
        (32, 64, 128), min_length=1, description="channels of the stages of the network cnn"
    )
    weights: Path | None = Field(
        None, description="state dict with the tensor names of timm or torchvision"
    )
    freeze_pretrained: bool = Field(
        True, description="if weights are given, whether only the last layer is trained"
    )
    standardise: bool = Field(
        True, description="whether bands are scaled to mean 0 and standard deviation 1"
    )


class Location(Card):
    """Settings of the location encoder: spherical harmonics, then a SIREN."""

    degrees: int = Field(10, ge=1, le=200)
    width: int = Field(512, ge=1)
    layers: int = Field(2, ge=1, le=16, description="number of hidden layers")
    dimension: int = Field(256, ge=1)
    first_frequency: float = Field(30.0, gt=0, description="w0 of the first layer")
    dropout: float = Field(0.5, ge=0, lt=1, description="dropout before each hidden layer's sine")
    damping: float = Field(
        0.0, ge=0, description="harmonics of degree l are multiplied by (1 + l)^-damping"
    )
    normalise: Literal["none", "unit"] = Field(
        "none", description="unit: embeddings are scaled to length 1"
    )
    head: int = Field(
        0,
        ge=0,
        description="width of a projection head that is discarded after training; 0 for none",
    )


class Augment(Card):
    """Random augmentation of images and coordinates in every epoch."""

    flips: bool = True
    turns: bool = Field(
        False,
        description="half of the images are transposed; with flips, all quarter turns result",
    )
    blur: bool = Field(False, description="Gaussian blur, 3 pixels, standard deviation 0.1 to 2")
    crop: int | None = Field(None, ge=4, description="side of random crops")
    brightness: float = Field(0.0, ge=0, lt=1)
    contrast: float = Field(0.0, ge=0, lt=1)
    jitter_degrees: float = Field(0.0, ge=0, le=5)
    jitter: Literal["symmetric", "released"] = Field(
        "symmetric", description="released: only to the north-east, as in the paper's code"
    )


class Training(Card):
    """Settings of the loss and the optimisation."""

    epochs: int = Field(6, ge=1)
    batch_size: int = Field(512, ge=2, description="batch size of all processes together")
    chunk: int | None = Field(
        None,
        ge=1,
        description="number of images per process in memory at a time; gradients are cached",
    )
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(
        0.05, ge=0, lt=1, description="share of all steps in which the learning rate rises"
    )
    schedule: Literal["cosine", "constant"] = "cosine"
    temperature: float = Field(0.07, gt=0)
    learn_temperature: bool = True
    lowest_temperature: float = Field(0.01, gt=0)
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="precision of the image encoder on a GPU"
    )
    threads: int | None = Field(
        None, ge=1, description="number of CPU threads; null for torch's default"
    )
    keep_every: int = Field(1, ge=1, description="number of epochs between checkpoints")


class PretrainConfig(Card):
    """Config of a pretraining: everything that the weights depend on."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    seed: int = Field(0, ge=0, lt=2**32)
    data: Data
    held_out: HeldOut = HeldOut()
    image: Image = Image()
    location: Location = Location()
    augment: Augment = Augment()
    training: Training = Training()

    @model_validator(mode="after")
    def _fits(self) -> PretrainConfig:
        table = self.data.source == "embeddings"
        if table != (self.image.kind in ("linear", "mlp")):
            raise ValueError(
                f"image.kind {self.image.kind!r} cannot be used with data.source "
                f"{self.data.source!r}: linear and mlp are for embeddings, the others for images"
            )
        if self.augment.crop is not None and (
            isinstance(self.data, Table) or self.augment.crop > self.data.pixels
        ):
            raise ValueError("augment.crop must be no larger than data.pixels")
        return self


def shipped_configs() -> tuple[str, ...]:
    """Names of the configs that ship with the package.

    >>> shipped_configs()
    ('paper', 'small', 'small-l40')
    """
    return tuple(sorted(path.stem for path in CONFIGS.glob("*.yaml")))


def load_config(name: str | Path, changes: Sequence[str] = ()) -> PretrainConfig:
    """Read a config by name or from a file, with some values changed.

    Relative paths in a file are relative to the current directory.

    Args:
        name: one of `shipped_configs()`, or the path of a YAML or JSON file.
        changes: changed values, such as `training.epochs=3`; the value is read as YAML.

    Raises:
        BenchError: the config does not exist or is not valid; the message names the value.

    >>> load_config("small", ["training.epochs=3"]).training.epochs
    3
    """
    import yaml

    path = Path(name).expanduser()
    if str(name) in shipped_configs():
        path = CONFIGS / f"{name}.yaml"
    elif path.suffix.lower() not in (".yaml", ".yml", ".json"):
        raise BenchError(unknown_name("config", str(name), shipped_configs()))
    try:
        # YAML reads JSON too.
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for change in changes:
            _apply(content, change)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BenchError(f"the config {path} cannot be read: {error}") from error
    return parse_config(content, str(path))


def parse_config(content: object, where: str) -> PretrainConfig:
    """Validate a config; raises BenchError that names the values that are wrong."""
    try:
        return PretrainConfig.model_validate(content)
    except ValidationError as error:
        raise BenchError(f"{where} is not a config of a pretraining: {problems(error)}") from error


def _apply(content: object, change: str) -> None:
    import yaml

    dotted, equals, text = change.partition("=")
    *parents, last = dotted.strip().split(".")
    node = content
    for key in parents:
        if isinstance(node, dict):
            node = node.setdefault(key, {})
    if not equals or not last or not isinstance(node, dict):
        raise BenchError(f"{change!r} changes nothing: write for example training.epochs=3")
    node[last] = yaml.safe_load(text)


def as_json(config: PretrainConfig) -> str:
    """The whole config as one line of JSON with sorted keys."""
    return json.dumps(config.model_dump(mode="json"), sort_keys=True)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Differences between two configs.

    >>> differences({"training": {"epochs": 3}}, {"training": {"epochs": 6}})
    ('training.epochs was 3, is 6',)
    """
    old, new = dict(_flat(before)), dict(_flat(now))
    return tuple(
        f"{key} was {_shown(old, key)}, is {_shown(new, key)}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key) or (key in old) != (key in new)
    )


def _flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key]) if key in values else "absent"
