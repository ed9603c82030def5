"""Published scores measured again, under the paper's own protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from benchmarks.embed import embed
from benchmarks.protocols import Protocol, get_protocol
from benchmarks.published import published_scores
from core.errors import BenchError
from encoders import get_encoder
from tasks import TaskTable, get_task

Verdict = Literal["exact", "within the spread", "off", "not run"]


@dataclass(frozen=True)
class Paper:
    """A published table and what its names mean here.

    Attributes:
        name: on the command line.
        paper: as `published.csv` calls it.
        table: likewise.
        protocol: name of its protocol.
        encoders: its names of encoders to ours.
        notes: what a reader must know of an encoder's settings, by its published name.
    """

    name: str
    paper: str
    table: str
    protocol: str
    encoders: Mapping[str, str]
    notes: Mapping[str, str]


_UNDOCUMENTED = "frequencies and radii are not documented; the encoder's own defaults were taken"

PAPERS: Mapping[str, Paper] = {
    "range": Paper(
        name="range",
        paper="RANGE (CVPR 2025)",
        table="Table 2",
        protocol="range",
        encoders={
            "Direct": "direct",
            "Cartesian 3D": "cartesian3d",
            "Wrap": "wrap",
            "Theory": "space2vec.theory",
            "SphereC": "sphere2vec.c",
            "SphereC+": "sphere2vec.cplus",
            "SphereM": "sphere2vec.m",
            "SphereM+": "sphere2vec.mplus",
            "CSP-FMoW": "csp.fmow",
            "CSP-INat": "csp.inat",
            "SINR": "sinr.an-full-1000",
            "GeoCLIP": "geoclip",
            "SatCLIP": "satclip.vit16-l40-released",
            "RANGE": "range",
            "RANGE+": "range-plus",
        },
        notes=dict.fromkeys(("Theory", "SphereC", "SphereC+", "SphereM", "SphereM+"), _UNDOCUMENTED)
        | {"SINR": "which of the released networks was used is not documented"},
    )
}


@dataclass(frozen=True)
class Reproduction:
    """One published score beside what was measured."""

    paper: str
    table: str
    task: str
    encoder: str
    metric: str
    published: float
    measured: float | None
    digits: int
    verdict: Verdict
    note: str

    def as_row(self) -> dict[str, object]:
        """For the table: the difference too, and numbers as they are printed."""
        return {
            "paper": self.paper,
            "table": self.table,
            "task": self.task,
            "encoder": self.encoder,
            "metric": self.metric,
            "published": f"{self.published:.{self.digits}f}",
            "measured": "" if self.measured is None else f"{self.measured:.{self.digits + 3}f}",
            "difference": ""
            if self.measured is None
            else f"{self.measured - self.published:+.{self.digits + 3}f}",
            "verdict": self.verdict,
            "note": self.note,
        }


def reproduce(name: str, data_dir: Path | None = None) -> Iterator[Reproduction]:
    """Every cell of a published table, one after the other; those that cannot run say why.

    Args:
        name: a key of `PAPERS`.
        data_dir: folder with the papers' own tables that do not ship.
    """
    paper = PAPERS[name]
    protocol = get_protocol(paper.protocol)
    scores = published_scores()
    cells = scores[(scores["paper"] == paper.paper) & (scores["table"] == paper.table)]
    for _, cell in cells.iterrows():
        yield _cell(paper, protocol, cell, data_dir)


def _cell(paper: Paper, protocol: Protocol, cell: pd.Series, data_dir: Path | None) -> Reproduction:
    published, digits = float(cell["value"]), protocol.card.digits[cell["metric"]]
    measured: float | None = None
    note = paper.notes.get(cell["encoder"], "")
    try:
        table = paper_table(str(cell["task"]), data_dir)
        embedding = embed(get_encoder(paper.encoders[cell["encoder"]]), table)
        measured = protocol.score(embedding, table.target, table.card.kind)
        outcome = verdict(published, measured, digits, float(cell["std"]))
    except BenchError as error:
        outcome, note = "not run", str(error)
    return Reproduction(
        paper=paper.paper,
        table=paper.table,
        task=str(cell["task"]),
        encoder=str(cell["encoder"]),
        metric=str(cell["metric"]),
        published=published,
        measured=measured,
        digits=digits,
        verdict=outcome,
        note="" if outcome == "exact" else note,
    )


@cache
def paper_table(task: str, data_dir: Path | None) -> TaskTable:
    """A task's table as the papers have it: the shipped one only where that is the same.

    Raises:
        BenchError: the paper's own table is not at hand; says why.
    """
    found = get_task(task)
    if "open" in found.card.editions and not found.card.editions["open"].differs_from_paper:
        return found.load()
    if "paper" not in found.card.editions:
        raise BenchError(f"the papers' own table of {task} cannot be loaded yet")
    if data_dir is None:
        raise BenchError(f"the papers' own table of {task} does not ship: name its --data-dir")
    return get_task(task, "paper", data_dir).load()


def verdict(published: float, measured: float, digits: int, spread: float) -> Verdict:
    """Whether a measured score is the published one.

    Args:
        published: as printed.
        measured: with all its digits.
        digits: decimals that are printed.
        spread: published standard deviation, or NaN.
    """
    unit = 10.0**-digits
    # Printed digits are compared as whole numbers, and a tie in rounding is anyone's.
    if abs(measured - published) <= unit / 2 * (1 + 1e-9):
        return "exact"
    if np.isfinite(spread) and abs(measured - published) <= spread:
        return "within the spread"
    return "off"
