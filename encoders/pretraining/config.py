"""What a pretraining depends on, as data: a file in YAML or JSON, read, checked and compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from satclip_bench.core.card import Card
from satclip_bench.core.errors import BenchError
from satclip_bench.core.registry import unknown_name

CONFIGS = Path(__file__).parent / "configs"

BLUE_MARBLE_ROWS = 2700

Bad = Literal["error", "skip"]
"""What becomes of an image that is constant or not finite."""


class BlueMarble(Card):
    """Crops of NASA's Blue Marble around points drawn uniformly over land."""

    source: Literal["bluemarble"] = "bluemarble"
    points: int = Field(60_000, ge=2)
    pixels: int = Field(32, ge=4, le=256, description="side of a crop")
    scales: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field(
        (1,), min_length=1, description="pixels averaged into one; each scale adds its bands"
    )
    bands: tuple[Literal["red", "green", "blue", "texture"], ...] = Field(
        ("red", "green", "blue"), min_length=1, description="texture: spread of luminance in a cell"
    )
    stretch: bool = Field(True, description="crops as wide on the ground everywhere")
    antarctica: bool = Field(False, description="whether points lie south of 60 degrees south")

    @field_validator("scales")
    @classmethod
    def _divide(cls, scales: tuple[int, ...]) -> tuple[int, ...]:
        if wrong := [s for s in scales if BLUE_MARBLE_ROWS % s]:
            raise ValueError(f"{wrong} do not divide the image's {BLUE_MARBLE_ROWS} rows")
        return scales


class S2(Card):
    """S2-100K as it is published: index.csv beside images/ or tar shards."""

    source: Literal["s2-100k"] = "s2-100k"
    folder: Path
    bands: Literal[12, 13] = Field(13, description="13: with a band of zeros for B10")
    pixels: int = Field(256, ge=16)
    smallest_bytes: int = Field(10_000, ge=0, description="smaller files hold no data; left out")
    scan: bool = Field(True, description="look at every image before training")
    bad: Bad = "error"
    workers: int = Field(8, ge=1, description="threads that read images")


class GeoTiffs(Card):
    """A folder of GeoTIFFs, cut into tiles."""

    source: Literal["geotiffs"] = "geotiffs"
    folder: Path
    pixels: int = Field(64, ge=4, description="side of a tile")
    bands: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None, description="numbers from 1; none: all"
    )
    divide_by: float = Field(1.0, gt=0)
    bad: Bad = "error"


class Table(Card):
    """Image embeddings that are there already, with their coordinates."""

    source: Literal["embeddings"] = "embeddings"
    file: Path
    lon: str = "lon"
    lat: str = "lat"


Data = Annotated[BlueMarble | S2 | GeoTiffs | Table, Field(discriminator="source")]


class HeldOut(Card):
    """Points that training never sees."""

    fraction: float = Field(0.05, gt=0, le=0.5)
    most: int = Field(2048, ge=2, description="of them are looked at, chosen by the seed")
    kind: Literal["random", "blocks"] = "random"
    degrees: float = Field(10.0, gt=0, le=90, description="side of a block")


class Image(Card):
    """The image encoder."""

    kind: Literal["cnn", "resnet18", "resnet50", "vit16", "linear", "mlp"] = "cnn"
    widths: tuple[Annotated[int, Field(ge=8, multiple_of=8)], ...] = Field(
        (32, 64, 128), min_length=1, description="channels of the small network's stages"
    )
    weights: Path | None = Field(None, description="a state dict in timm's or torchvision's names")
    freeze_pretrained: bool = Field(
        True, description="where weights are given, only the last layer learns"
    )
    standardise: bool = Field(True, description="bands to mean 0 and deviation 1 over the training")


class Location(Card):
    """The location encoder: spherical harmonics, then a SIREN."""

    degrees: int = Field(10, ge=1, le=200)
    width: int = Field(512, ge=1)
    layers: int = Field(2, ge=1, le=16, description="hidden layers")
    dimension: int = Field(256, ge=1)
    first_frequency: float = Field(30.0, gt=0, description="w0 of the first layer")
    dropout: float = Field(0.5, ge=0, lt=1, description="before each hidden layer's sine")
    damping: float = Field(
        0.0, ge=0, description="harmonics of degree l are multiplied by (1 + l)^-damping"
    )
    normalise: Literal["none", "unit"] = Field("none", description="of the embedding given out")
    head: int = Field(0, ge=0, description="width of a projection head that is thrown away after")


class Augment(Card):
    """What is done to images and coordinates anew in every epoch."""

    flips: bool = True
    turns: bool = Field(False, description="quarter turns")
    blur: bool = Field(False, description="Gaussian, 3 pixels, deviation 0.1 to 2")
    crop: int | None = Field(None, ge=4, description="random crops of this side")
    brightness: float = Field(0.0, ge=0, lt=1)
    contrast: float = Field(0.0, ge=0, lt=1)
    jitter_degrees: float = Field(0.0, ge=0, le=5)
    jitter: Literal["symmetric", "released"] = Field(
        "symmetric", description="released: to the north-east only, as in the paper's code"
    )


class Training(Card):
    """The loss and how it is made small."""

    epochs: int = Field(6, ge=1)
    batch_size: int = Field(512, ge=2, description="of all processes together")
    chunk: int | None = Field(
        None, ge=1, description="images in memory at a time and process; gradients are cached"
    )
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(0.05, ge=0, lt=1, description="part of all steps")
    schedule: Literal["cosine", "constant"] = "cosine"
    temperature: float = Field(0.07, gt=0)
    learn_temperature: bool = True
    lowest_temperature: float = Field(0.01, gt=0)
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="of the image encoder, on a GPU"
    )
    threads: int | None = Field(None, ge=1, description="of the processor; none: torch's choice")
    keep_every: int = Field(1, ge=1, description="epochs between checkpoints")


class PretrainConfig(Card):
    """Everything that the weights depend on."""

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
                f"image.kind {self.image.kind!r} does not go with data.source "
                f"{self.data.source!r}: linear and mlp are for embeddings, the others for images"
            )
        if self.augment.crop is not None and (
            isinstance(self.data, Table) or self.augment.crop > self.data.pixels
        ):
            raise ValueError("augment.crop is no larger than data.pixels")
        return self


def shipped_configs() -> tuple[str, ...]:
    """The names of the configs that come with the package."""
    return tuple(sorted(path.stem for path in CONFIGS.glob("*.yaml")))


def load_config(name: str | Path, changes: Sequence[str] = ()) -> PretrainConfig:
    """The config of a name or file, with some values changed.

    Relative paths in a file are relative to where the command is run.

    Args:
        name: of `shipped_configs`, or a YAML or JSON file.
        changes: such as `training.epochs=3`; the value is read as YAML.

    Raises:
        BenchError: no such config, or not one; says which value and why.
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
    """A config out of plain data; raises BenchError that says which value is wrong."""
    try:
        return PretrainConfig.model_validate(content)
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'config'}: {e['msg']}" for e in error.errors()
        )
        raise BenchError(f"{where} is no config of a pretraining: {told}") from error


def _apply(content: object, change: str) -> None:
    import yaml

    dotted, equals, text = change.partition("=")
    *parents, last = dotted.strip().split(".")
    node = content
    for key in parents:
        if isinstance(node, dict):
            node = node.setdefault(key, {})
    if not equals or not last or not isinstance(node, dict):
        raise BenchError(f"{change!r} changes nothing: write such as training.epochs=3")
    node[last] = yaml.safe_load(text)


def as_json(config: PretrainConfig) -> str:
    """The whole config as JSON, one line, keys sorted."""
    return json.dumps(config.model_dump(mode="json"), sort_keys=True)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What differs between two configs, such as `training.epochs was 3, is 6`."""
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
