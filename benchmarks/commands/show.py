"""The commands `list` and `info`: names and cards of tasks, encoders, splits, probes and suites."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from satclip_bench.benchmarks.baselines import baseline_card, list_baselines
from satclip_bench.benchmarks.commands.list_lines import GAP, aligned, fitted
from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.commands.show_files import draw_task, show_files, show_places
from satclip_bench.benchmarks.probes import list_probes, probe_card
from satclip_bench.benchmarks.runs.suites import list_suites, suite_card
from satclip_bench.benchmarks.splits import get_split, list_splits, split_card
from satclip_bench.benchmarks.splits import registry as split_registry
from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.core.registry import Registry, match_names, unknown_name
from satclip_bench.encoders import (
    EncoderCard,
    LocationEncoder,
    encoder_card,
    get_encoder,
    list_encoders,
)
from satclip_bench.encoders import registry as encoder_registry
from satclip_bench.encoders.weights.files import weights_path
from satclip_bench.tasks import (
    CATALOGUES,
    Edition,
    EditionCard,
    TaskCard,
    list_tasks,
    selectable_tasks,
    task_card,
)

UNCLEAR = " ?"
"""Mark of an edition whose licence is unclear."""

Cards = Mapping[str, BaseModel | BenchError]


def cards_of(what: str, patterns: Sequence[str] = ()) -> Cards:
    """Cards by name; a card that cannot be read is replaced by the error.

    Args:
        what: tasks, encoders, splits, probes or suites.
        patterns: names or wildcards to select; all if there are none, without the tables of
            catalogues.

    Raises:
        UnknownNameError: a pattern selects nothing.
    """
    registries: dict[str, tuple[Sequence[str], Callable[[str], BaseModel]]] = {
        "tasks": (selectable_tasks(patterns), task_card),
        "encoders": ((*list_encoders(), *list_baselines()), _encoder_or_baseline),
        "splits": (list_splits(), split_card),
        "probes": (list_probes(), probe_card),
        "suites": (list_suites(), suite_card),
    }
    names, card_of = registries[what]
    if not patterns:
        chosen: Sequence[str] = names
    elif what == "encoders":
        chosen = encoder_registry.match(patterns, also=list_baselines())
    elif what == "splits":
        chosen = split_registry.match(patterns)
    else:
        chosen = match_names(what[:-1], patterns, names)
    return {name: _card_or_error(card_of, name) for name in chosen}


def show_list(what: str, patterns: Sequence[str] = (), *, as_json: bool) -> int:
    """Print tasks, encoders, splits, probes or suites, one line each or their cards as JSON.

    Args:
        what: tasks, encoders, splits, probes or suites.
        patterns: names or wildcards to select; all if there are none.
        as_json: whether to print the cards as JSON.

    Raises:
        UnknownNameError: a pattern selects nothing.
    """
    cards = cards_of(what, patterns)
    if as_json:
        _print_json([_as_dict(name, card) for name, card in cards.items()])
        return 0
    console = Console(emoji=False)
    rows = [_row(what, n, c) for n, c in cards.items() if not isinstance(c, BenchError)]
    whole = not (console.is_terminal or "COLUMNS" in os.environ)
    if whole:
        # A file or another program gets whole lines, which can be searched.
        for text in aligned([_COLUMNS[what], *rows]):
            print_plain(text, console)
    else:
        head, *lines = fitted(_COLUMNS[what], rows, console.width)
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        for column in head:
            table.add_column(column, no_wrap=True, overflow="ignore")
        for line in lines:
            table.add_row(*map(escape, line))
        console.print(table)
        whole = [*map(tuple, lines)] == rows
    for name, card in cards.items():
        if isinstance(card, BenchError):
            console.print(f"{escape(name)}: [red]{escape(str(card))}[/red]", highlight=False)
    if not whole:
        print_plain(f"`info {what[:-1]} NAME` shows the whole card", console)
    if what == "tasks" and any(UNCLEAR in row[2] for row in rows):
        console.print("?: it is unclear whether the values may be passed on; `info` says why")
    if what == "tasks" and not patterns:
        for catalogue in CATALOGUES:
            print_plain(
                f"{catalogue}.*: {len(list_tasks(catalogue))} more, which do not ship; "
                f"`list tasks '{catalogue}.*'` shows them",
                console,
            )
    registries: Mapping[str, Registry[Any]]
    registries = {"encoders": encoder_registry, "splits": split_registry}
    for message in registries[what].left_out() if what in registries else ():
        console.print(f"[yellow]{escape(message)}[/yellow]", highlight=False)
    return 0


def show_card(
    name: str,
    *,
    as_json: bool,
    kind: str = "",
    edition: Edition | None = None,
    data_dir: Path | None = None,
    maps: Path | None = None,
) -> int:
    """Print the card of a task, encoder, split, probe or suite; of a task, its files and places.

    Args:
        name: name of the task, encoder, split, probe or suite.
        as_json: whether to print the card alone, as JSON.
        kind: task, encoder, split, probe or suite; empty for everything that has the name.
        edition: edition of the task to draw; None for its first.
        data_dir: folder with the downloaded tables; None for that of the cache.
        maps: folder for a map and a histogram of a task's target, or a map of an encoder's
            embedding; None to draw nothing.

    Raises:
        UnknownNameError: nothing has this name.
        BenchError: `maps` is given, and the thing cannot be drawn or its data is missing.
    """
    cards = _cards_called(name, kind)
    if as_json and len(cards) > 1:
        ways = " or ".join(f"`info {what[:-1]} {name} --json`" for what in cards)
        raise BenchError(f"{name!r} is the name of several things: choose one with {ways}")
    for what, card in cards.items():
        if isinstance(card, BenchError):
            raise card
        if as_json:
            _print_json(_as_dict(name, card))
        else:
            _print_card(what[:-1], name, card)
        if isinstance(card, TaskCard):
            editions: tuple[Edition, ...] = (*card.editions, "open")
            shown = edition or editions[0]
            if not as_json:
                show_files(card, data_dir)
                show_places(name, shown, data_dir)
            if maps is not None:
                draw_task(name, shown, data_dir, maps)
        elif maps is not None and (len(cards) == 1 or isinstance(card, EncoderCard)):
            _draw_encoder(name, card, maps)
    if cards:
        return 0
    _require_variant(name, kind)
    kinds = [what for what in _COLUMNS if kind in ("", what[:-1])]
    known = [n for what in kinds for n in cards_of(what)]
    if "tasks" in kinds:
        known += selectable_tasks([name])
    raise UnknownNameError(
        unknown_name(kind or "task, encoder, split, probe or suite", name, known)
    )


def _cards_called(name: str, kind: str) -> Cards:
    """Cards of everything that has a name, by what it is: tasks, encoders and so on."""
    cards: dict[str, BaseModel | BenchError] = {}
    for what in _COLUMNS:
        if kind not in ("", what[:-1]):
            continue
        card = cards_of(what).get(name)
        if card is None and what == "encoders" and ("." in name or "+" in name):
            card = _unlisted(lambda: get_encoder(name).card)
        if card is None and what == "splits" and "." in name:
            card = _unlisted(lambda: get_split(name).card)
        if card is None and what == "tasks" and "." in name:
            card = _unlisted(lambda: task_card(name))
        if card is not None:
            cards[what] = card
    return cards


def _require_variant(name: str, kind: str) -> None:
    """Raise UnknownNameError with the names that a family has, if `name` is of a family."""
    if kind in ("", "encoder") and ("+" in name or encoder_registry.has_variants(name)):
        get_encoder(name)
    if kind in ("", "split") and split_registry.has_variants(name):
        get_split(name)


_COLUMNS = {
    "tasks": ("task", "metric", "rows by edition", "unit"),
    "encoders": ("encoder", "dim.", "weights", "verified", "trained on"),
    "splits": ("split", "description"),
    "probes": ("probe", "description"),
    "suites": ("suite", "description"),
}


def _row(what: str, name: str, card: Any) -> tuple[str, ...]:
    if what == "tasks":
        editions = (_edition_row(edition, e) for edition, e in card.editions.items())
        return name, card.metric, ", ".join(editions) or "none: see info", card.unit
    if what == "encoders":
        if name in list_baselines():
            return name, "-", "-", "-", "baseline: needs no encoder"
        weights = "none" if card.weights is None else _where(card)
        verified = "yes" if card.verified else "no"
        return name, str(card.dimension), weights, verified, card.training_data or "-"
    return name, card.description


def _edition_row(edition: Edition, card: EditionCard) -> str:
    """Number of rows of an edition, and whether it is unclear that its values may be passed on."""
    rows = edition if card.rows is None else f"{edition} {card.rows:,}"
    unclear = any(source.licence_unclear for source in card.sources)
    return f"{rows}{UNCLEAR}" if unclear else rows


def _where(card: Any) -> str:
    return "present" if weights_path(card.weights).exists() else "missing"


def show_encoder(encoder: LocationEncoder, *, as_json: bool, maps: Path | None = None) -> int:
    """Print the card of an encoder that was made from a file.

    Args:
        encoder: the encoder.
        as_json: whether to print the card as JSON.
        maps: folder for a map of the embedding; None to draw nothing.
    """
    name = encoder.card.name
    if as_json:
        _print_json(_as_dict(name, encoder.card))
    else:
        _print_card("encoder", name, encoder.card)
    if maps is not None:
        _draw(encoder, maps)
    return 0


def _draw_encoder(name: str, card: BaseModel, folder: Path) -> None:
    if not isinstance(card, EncoderCard):
        raise BenchError(f"{name!r} cannot be drawn: --map works for tasks and encoders")
    _draw(get_encoder(name), folder)


def _draw(encoder: LocationEncoder, folder: Path) -> None:
    from satclip_bench.benchmarks.report.embedding_maps import draw_embedding

    path = draw_embedding(encoder, folder / f"{encoder.card.name}.embedding.png")
    print_plain(path, Console())


def _encoder_or_baseline(name: str) -> BaseModel:
    return baseline_card(name) if name in list_baselines() else encoder_card(name)


def _unlisted(card: Callable[[], BaseModel]) -> BaseModel | None:
    try:
        return card()
    except UnknownNameError:
        return None


def _card_or_error(card_of: Callable[[str], BaseModel], name: str) -> BaseModel | BenchError:
    try:
        return card_of(name)
    except BenchError as error:
        return error


def _as_dict(name: str, card: BaseModel | BenchError) -> dict[str, Any]:
    if isinstance(card, BenchError):
        return {"name": name, "error": str(card)}
    return {"name": name} | card.model_dump(mode="json")


def _print_json(content: object) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        # In JSON, a character that the terminal cannot show can be escaped instead of replaced.
        text = json.dumps(content, indent=2)
    # rich would wrap long strings.
    sys.stdout.write(f"{text}\n")


def _print_card(what: str, name: str, card: BaseModel) -> None:
    console = Console(emoji=False)
    console.print(f"[bold]{escape(name)}[/bold] ({what})")
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    content = card.model_dump(mode="json", exclude={"name"})
    for edition in content.get("editions", {}).values():
        # The files are listed below the card.
        edition.pop("variants", None)
    for label, text in _lines(content):
        table.add_row(escape(label), escape(text))
    console.print(table)


def _lines(content: Mapping[str, Any], indent: str = "") -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for key, value in content.items():
        label = indent + key.replace("_", " ")
        if value in ("", None, [], {}):
            continue
        if isinstance(value, dict):
            lines += [(label, ""), *_lines(value, indent + "  ")]
        elif isinstance(value, list) and isinstance(value[0], dict):
            for item in value:
                lines += [(label, ""), *_lines(item, indent + "  ")]
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append((label, text))
    return lines
