"""Pages of tasks, encoders, splits, probes and suites, written from their cards."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from reference_pages.markdown import code_block, prose, table
from satclip_bench.benchmarks.probes.base import ProbeCard
from satclip_bench.benchmarks.runs.suites import Block
from satclip_bench.benchmarks.splits import SplitCard
from satclip_bench.core.download.cards import HubOrigin, PackageOrigin, UrlOrigin
from satclip_bench.encoders import EncoderCard
from satclip_bench.tasks import Source, TaskCard
from satclip_bench.tasks.base import CrossCheck, Variant

_SHOWN_ABOVE = frozenset({"name", "title", "description"})
"""Fields that stand above the table of the card."""

_CODE_FIELDS = {"sha256", "file", "reader", "variants"}
"""Fields whose values are names of files or of code."""

_TASK_FIELDS = {"contaminates", "recipe_tasks", "tasks", "encoders", "splits", "probes"}
"""Fields whose values are names of tasks, encoders, splits or probes."""


def card_page(what: str, name: str, card: BaseModel, shown: str = "") -> str:
    """Page of one thing that has a card.

    Args:
        what: task, encoder, baseline, split, probe or suite.
        name: name that the command line and `satclip_bench` know it by.
        card: its card.
        shown: Markdown that stands before the card, such as pictures or scores.

    Returns:
        MyST Markdown: title, description, how to use it, and every field of the card.
    """
    fields = dict(card)
    title = str(fields.get("title") or name)
    parts = [f"# {prose(title)}", f"{what.capitalize()} `{name}`"]
    if description := str(fields.get("description", "")):
        parts.append(prose(description))
    if use := _use(name, card):
        parts.append(use)
    if shown:
        parts.append(shown)
    parts += ["## Card", *_fields(card, 3, skipped=_SHOWN_ABOVE)]
    return "\n\n".join(parts) + "\n"


def index_page(title: str, introduction: str, cards: Mapping[str, BaseModel]) -> str:
    """Page with a table of cards, each linked to its own page beside it."""
    rows = []
    for name, card in cards.items():
        fields = dict(card)
        text = str(fields.get("description") or fields.get("title") or "")
        rows.append([f"[`{name}`]({name}.md)", prose(text)])
    return f"# {title}\n\n{introduction}\n\n{table(['Name', 'Description'], rows)}\n"


def _use(name: str, card: BaseModel) -> str:
    """How to use the thing, as code."""
    if isinstance(card, EncoderCard):
        load = (
            "import satclip_bench as sb\n\n"
            f'encoder = sb.get_encoder("{name}")\n'
            "encoder.encode([[8.55, 47.37]])  # longitude first\n"
            f"# (1, {card.dimension}) float32"
        )
        if card.weights is None or card.weights.folder is not None:
            return code_block(load, "python")
        download = code_block(f"python run_benchmarks.py download {name}", "sh")
        return f"{download}\n\n{code_block(load, 'python')}"
    if isinstance(card, TaskCard):
        if "open" not in card.editions:
            return ""
        load = (
            "import satclip_bench as sb\n\n"
            f'table = sb.get_task("{name}").load()  # table.lonlat, table.target\n'
            f'frame = sb.evaluate("geoclip", tasks="{name}")'
        )
        return code_block(load, "python")
    if isinstance(card, SplitCard):
        return code_block(f"python run_benchmarks.py run --splits {name}", "sh")
    if isinstance(card, ProbeCard):
        return code_block(f"python run_benchmarks.py run --probes {name}", "sh")
    return ""


def _fields(card: BaseModel, level: int, skipped: frozenset[str] = frozenset()) -> list[str]:
    """Every field with a value: plain ones as a table, cards inside the card as sections."""
    rows: list[list[str]] = []
    sections: list[str] = []
    for key, value in card:
        if key in skipped or type(card).model_fields[key].exclude or value in ("", None, (), {}):
            continue
        label = key.replace("_", " ").capitalize()
        if isinstance(value, BaseModel):
            sections += [f"{'#' * level} {label}", *_fields(value, level + 1)]
        elif isinstance(value, tuple) and isinstance(value[0], BaseModel):
            items = "\n".join(f"- {_item(item)}" for item in value)
            sections += [f"{'#' * level} {label}", items]
        elif isinstance(value, Mapping) and isinstance(next(iter(value.values())), BaseModel):
            for name, item in value.items():
                title = f"{'#' * level} {name.capitalize()} {label.lower().removesuffix('s')}"
                sections += [title, *_fields(item, level + 1)]
        else:
            rows.append([label, _value(key, value)])
    return [*([table(["Field", "Value"], rows)] if rows else []), *sections]


def _value(key: str, value: object) -> str:
    """Value of a plain field, as Markdown."""
    if isinstance(value, Mapping):
        return "<br>".join(f"`{name}`: {_value('', item)}" for name, item in value.items())
    if isinstance(value, tuple | list):
        code = key in _TASK_FIELDS
        return ", ".join(f"`{item}`" if code else _value("", item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and key != "version":
        return f"{value:,}"
    if key in _CODE_FIELDS:
        return f"`{value}`"
    return prose(str(value))


def _item(card: BaseModel) -> str:
    """A card in a list of cards, as one item of a Markdown list."""
    match card:
        case UrlOrigin() | HubOrigin() | PackageOrigin():
            return prose(card.address)
        case Source():
            package = f"in the package `{card.distribution}`" if card.distribution else ""
            parts = [f"**{prose(card.name)}**", prose(card.attribution), prose(card.url), package]
            return "; ".join([*filter(None, parts), f"licence: {prose(card.licence)}"])
        case Variant():
            rows = "" if card.rows is None else f" ({card.rows:,} rows)"
            differs = f"; {prose(card.differs)}" if card.differs else ""
            files = ", ".join(f"`{file.file}`" for file in card.files)
            return f"**{prose(card.name)}**{rows}: {files}{differs}"
        case CrossCheck():
            note = f"; {prose(card.note)}" if card.note else ""
            return (
                f"{prose(card.against)}: Pearson's r {card.pearson_r:g} at {card.points:,} points "
                f"within {card.within_km:g} km{note}"
            )
        case Block():
            axes = {"tasks": card.tasks, "encoders": card.encoders, "splits": card.splits}
            axes |= {"probes": card.probes, "seeds": tuple(map(str, card.seeds))}
            return "; ".join(
                f"**{axis}** " + ", ".join(f"`{name}`" for name in names)
                for axis, names in axes.items()
            )
    fields = ((key, value) for key, value in card if value not in ("", None, (), {}))
    return "; ".join(f"{key.replace('_', ' ')}: {_value(key, value)}" for key, value in fields)
