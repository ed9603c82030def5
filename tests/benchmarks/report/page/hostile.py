"""Results whose names try to break out of a page and of its folder."""

from __future__ import annotations

from satclip_bench.benchmarks.report.results import Results
from satclip_bench.tasks import Source, TaskCard, task_card
from tests.benchmarks.frames import METRICS, fail, frame

HOSTILE = "../<script>alert('x')</script>\" onload=\"alert(1)"


def hostile(*, shuffled: bool = False) -> Results:
    """Results with hostile names and titles of an encoder and a task; one cell failed.

    Args:
        shuffled: whether the rows of the frame are in another order.
    """
    table = fail(frame(), "geoclip", "elevation")
    table["reason"] = table["reason"].where(table["status"] == "done", HOSTILE)
    table["encoder"] = table["encoder"].replace({"wrap": HOSTILE, "direct": "CON"})
    table["encoder_title"] = table["encoder_title"].replace({"WRAP": HOSTILE})
    table["task"] = table["task"].replace({"biomes": HOSTILE})
    table.loc[table["fold"] == "Asia", "fold"] = HOSTILE
    if shuffled:
        table = table.sample(frac=1, random_state=0)
    cards = {name: task_card(name) for name in METRICS if name != "biomes"}
    titles = dict(zip(table["encoder"], table["encoder_title"], strict=True))
    return Results(table, cards | {HOSTILE: _card()}, titles)


def _card() -> TaskCard:
    """Card of a user table by which somebody tries the same."""
    card = task_card("biomes")
    source = Source(name=HOSTILE, url="javascript:alert(1)", licence=HOSTILE)
    edition = card.editions["open"].model_copy(update={"sources": (source,)})
    texts = dict.fromkeys(("name", "title", "description", "target", "unit", "citation"), HOSTILE)
    return card.model_copy(update=texts | {"editions": {"open": edition}})
