"""Layouts of tables for papers: which rows, columns, digits and names, as a small YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from satclip_bench.core.card import Card, problems
from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.core.registry import unknown_name

STYLES = Path(__file__).parent / "styles"
"""Folder of the layouts that ship, one per style."""

ScoreName = Literal["task", "skill"]

Names = tuple[str, ...]


class Group(Card):
    """Encoders that stand together, by names or wildcards."""

    title: str = ""
    encoders: Names = Field(min_length=1)
    reference: str = Field("", description="encoder that differences of the group are taken to")


class Published(Card):
    """A published table whose scores stand beside the measured ones."""

    paper: str = Field(description="name of a paper, as `reproduce --paper` takes it")
    table: str


class Panel(Card):
    """Part of a table: one split, all of its folds or some."""

    split: str
    title: str = ""
    score: ScoreName = Field("task", description="the metric of each task, or pooled skill")
    folds: Names = Field((), description="names of folds; none for all together")
    published: Names = Field((), description="names of splits in the published table")


class _Table(Card):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="its label is `tab:NAME`")
    caption: str = Field(min_length=1, description="what it shows, with which the caption begins")
    probe: str = Field("", description="name of the probe; empty for linear, or else the first")


class ScoresTable(_Table):
    """Scores, tasks x encoders."""

    kind: Literal["scores"]
    rows: Literal["tasks", "encoders"] = "encoders"
    panels: tuple[Panel, ...] = Field(min_length=1)
    published: Published | None = None
    wins: bool = Field(False, description="whether to count the tasks that each encoder leads")
    below: Literal["interval", "spread", "nothing"] = "interval"
    columns: int | None = Field(None, ge=1, description="overrides that of the layout")


class DifferencesTable(_Table):
    """Scores with the difference to the reference of each group, encoders x tasks."""

    kind: Literal["differences"]
    panels: tuple[Panel, ...] = Field(min_length=1)


class OverviewTable(_Table):
    """Mean rank and mean skill, encoders x splits."""

    kind: Literal["overview"]
    splits: Names = Field((), description="names of splits; none for all of the run")


Table = Annotated[ScoresTable | DifferencesTable | OverviewTable, Field(discriminator="kind")]


class Digits(Card):
    """Decimals of each metric."""

    r2: int = Field(3, ge=0, le=6)
    accuracy: int = Field(3, ge=0, le=6)
    skill: int = Field(3, ge=0, le=6)


class Layout(Card):
    """Layout of the tables of one style."""

    tables: tuple[Table, ...] = Field(min_length=1)
    groups: tuple[Group, ...] = Field(min_length=1)
    tasks: Names = Field((), description="names of tasks in their order; none for all of the run")
    digits: Digits = Digits()
    percent: bool = Field(False, description="whether accuracies are printed in percent")
    columns: int = Field(10, ge=1, description="maximum number of columns of scores side by side")
    names: Mapping[str, str] = Field({}, description="short names of encoders and tasks")

    @field_validator("tasks")
    @classmethod
    def _once(cls, tasks: Names) -> Names:
        if twice := sorted({name for name in tasks if tasks.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} are listed twice")
        return tasks

    @model_validator(mode="after")
    def _labels(self) -> Layout:
        names = [table.name for table in self.tables]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two tables are called {', '.join(twice)}")
        return self

    def with_probe(self, probe: str) -> Layout:
        """The same layout with another probe in every table."""
        tables = tuple(table.model_copy(update={"probe": probe}) for table in self.tables)
        return self.model_copy(update={"tables": tables})


def list_styles() -> tuple[str, ...]:
    """Names of the styles that ship."""
    return tuple(sorted(path.stem for path in STYLES.glob("*.yaml")))


def read_layout(path: Path) -> Layout:
    """Read a layout.

    Args:
        path: YAML file.

    Raises:
        BenchError: the file cannot be read or is not a layout; the message names the keys.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise BenchError(f"the layout {path} cannot be read: {reason}") from error
    if not isinstance(content, Mapping):
        raise BenchError(
            f"{path} is not a layout: it should have the keys {', '.join(Layout.model_fields)}"
        )
    try:
        return Layout.model_validate(content)
    except ValidationError as error:
        near = "".join(f" {hint}" for hint in _hints(error))
        raise BenchError(f"{path} is not a layout: {problems(error)}.{near}") from error


def style_layout(name: str) -> Layout:
    """Layout of a style that ships.

    Raises:
        UnknownNameError: there is no such style.
    """
    if name not in list_styles():
        raise UnknownNameError(unknown_name("style", name, list_styles()))
    return read_layout(STYLES / f"{name}.yaml")


_MODELS: Mapping[str, type[Card]] = {
    "panels": Panel,
    "groups": Group,
    "published": Published,
    "digits": Digits,
    "scores": ScoresTable,
    "differences": DifferencesTable,
    "overview": OverviewTable,
}


def _hints(error: ValidationError) -> list[str]:
    """Sentences on which known keys unknown ones are close to."""
    hints = []
    for problem in error.errors():
        if problem["type"] != "extra_forbidden":
            continue
        *path, key = map(str, problem["loc"])
        owner = next((_MODELS[part] for part in reversed(path) if part in _MODELS), Layout)
        hints.append(unknown_name("key", key, tuple(owner.model_fields)))
    return hints
