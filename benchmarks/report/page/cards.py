"""Cards of encoders and tasks as pairs of a label and a text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from satclip_bench.benchmarks.baselines import BaselineCard, baseline_card
from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import EncoderCard, encoder_card
from satclip_bench.tasks import TaskCard

Facts = tuple[tuple[str, str], ...]
"""Labels and texts; none of them is empty."""


def card_of(name: str) -> EncoderCard | BaselineCard | None:
    """Card of an encoder or baseline; None if it is not registered, as custom encoders are not."""
    try:
        return baseline_card(name) if is_baseline(name) else encoder_card(name)
    except BenchError:
        return None


def encoder_facts(card: EncoderCard | BaselineCard | None, titles: Mapping[str, str]) -> Facts:
    """Metadata of an encoder or baseline.

    Args:
        card: its card, if there is one.
        titles: titles of tasks by name.
    """
    if card is None:
        return ()
    if isinstance(card, BaselineCard):
        return _known(
            [
                ("Settings", _settings(card.settings)),
                ("Searched", _settings(card.search)),
                ("Citation", card.citation),
                ("Version", str(card.version)),
            ]
        )
    weights = card.weights
    return _known(
        [
            ("Dimensions", f"{card.dimension:,}"),
            ("Trained on", card.training_data or "nothing: it has no trained weights"),
            ("Licence", card.licence),
            ("Weights", f"{weights.file}, licence {weights.licence}" if weights else ""),
            ("SHA-256 of the weights", (weights.sha256 or "") if weights else ""),
            ("Run with its real weights", "yes" if card.verified else "not yet"),
            ("Trained on the data of", _named(card.contaminates, titles)),
            ("Recipe chosen with labels of", _named(card.recipe_tasks, titles)),
            ("Settings", _settings(card.parameters)),
            ("Citation", card.citation),
            ("Version", str(card.version)),
        ]
    )


def task_facts(card: TaskCard, edition: str) -> Facts:
    """Metadata of a task in one of its editions.

    Args:
        card: card of the task.
        edition: name of the edition.
    """
    details = next((e for name, e in card.editions.items() if name == edition), None)
    facts = [
        ("Target", card.target + (f", in {card.unit}" if card.unit != "class" else "")),
        ("Type", card.task_type),
        ("Extent", card.extent),
        ("Regions", f"by {card.region}"),
        ("Edition", edition),
    ]
    if details is not None:
        facts += [
            ("Points", f"{details.rows:,}"),
            ("Classes", f"{details.classes:,}" if details.classes else ""),
            ("How it was made", details.processing),
            ("Differs from the paper's table", details.differs_from_paper),
            ("SHA-256 of the table", details.sha256 or ""),
        ]
    facts += [("Caveats", card.caveats), ("Related tasks", card.related)]
    return _known([*facts, ("Citation", card.citation)])


def _known(facts: Iterable[tuple[str, str]]) -> Facts:
    return tuple((label, text) for label, text in facts if text)


def _named(tasks: Iterable[str], titles: Mapping[str, str]) -> str:
    return ", ".join(titles.get(task, task) for task in tasks)


def _settings(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {_value(value)}" for name, value in settings.items())


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
