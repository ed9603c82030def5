"""Mean ranks under several splits side by side, and which of the changes are more than noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.shifts import RankChanges, rank_changes
from satclip_bench.benchmarks.ranking.significance import ALPHA
from satclip_bench.benchmarks.report.board import boards
from satclip_bench.benchmarks.report.latex import escape_latex
from satclip_bench.benchmarks.report.markdown import escape_markdown, table_lines
from satclip_bench.benchmarks.report.notes import caveats_of, edition_note
from satclip_bench.benchmarks.report.wording import listed, number
from satclip_bench.tasks import TaskCard


@dataclass(frozen=True)
class ChangesTable:
    """Rank changes of a probe, ready to be set."""

    probe: str
    changes: RankChanges
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]

    @property
    def headings(self) -> tuple[str, ...]:
        """Of the columns."""
        first, *others = map(str, self.changes.ranks.columns)
        return ("Encoder", first, *(part for s in others for part in (s, "change")))


def tables_of_changes(
    frame: pd.DataFrame,
    cards: Mapping[str, TaskCard],
    titles: Mapping[str, str],
    replicates: pd.DataFrame | None = None,
) -> dict[str, ChangesTable]:
    """For every probe that has several splits, the table of its rank changes.

    Args:
        frame: a run's tidy frame.
        cards: of the tasks in it.
        titles: of encoders and baselines; a name without one stands for itself.
        replicates: scores by replicate; see `satclip_bench.benchmarks.runs.replicates`.
    """
    pairs = boards(frame)
    metrics = {name: card.metric for name, card in cards.items()}
    found = {}
    for probe in dict.fromkeys(probe for _, probe in pairs):
        splits = [split for split, of in pairs if of == probe]
        changes = rank_changes(frame, metrics, splits, probe, replicates) if splits[1:] else None
        if changes is not None:
            edition = str(frame["edition"].iloc[0])
            found[probe] = _table(probe, changes, cards, titles, edition, caveats_of(frame))
    return found


def _table(
    probe: str,
    changes: RankChanges,
    cards: Mapping[str, TaskCard],
    titles: Mapping[str, str],
    edition: str,
    caveats: Mapping[str, str],
) -> ChangesTable:
    rows = tuple(
        (str(name), (titles.get(str(name), str(name)), *_texts(changes, str(name))))
        for name in changes.ranks.index
    )
    return ChangesTable(probe, changes, rows, tuple(_notes(changes, cards, edition, caveats)))


def _texts(changes: RankChanges, name: str) -> list[str]:
    texts = []
    for split in changes.ranks.columns:
        ends = (changes.low[split].loc[name], changes.high[split].loc[name])
        texts.append(f"{changes.ranks[split].loc[name]:.1f}{_brackets(*ends)}")
        if split in changes.change:
            p = float(changes.p[split].loc[name])
            mark = "" if np.isnan(p) or p >= ALPHA else " *"
            texts.append(
                f"{changes.change[split].loc[name]:+.1f}{mark}".replace("-", "\N{MINUS SIGN}")
            )
    return texts


def _brackets(low: float, high: float) -> str:
    return "" if np.isnan(low) else f" [{low:.1f}, {high:.1f}]"


def _notes(
    changes: RankChanges, cards: Mapping[str, TaskCard], edition: str, caveats: Mapping[str, str]
) -> list[str]:
    first = changes.ranks.columns[0]
    shared = [cards[task] for task in changes.tasks]
    notes = [
        f"Mean rank (1 is best) among the {len(changes.ranks)} that have every split whole, over "
        f"{listed([card.title for card in shared])}. Change: rank less that under {first}; above 0 "
        "is worse."
    ]
    if changes.p.notna().any(axis=None):
        moved = int((changes.p.to_numpy() < ALPHA).sum())
        notes.append(
            "In brackets: 95 % intervals by a bootstrap of spatial blocks that all splits share. "
            f"*: more than noise of the points (p below {ALPHA:.2f}, Holm over all changes): "
            f"{moved} of {changes.p.size}."
        )
    taus = []
    for split in changes.tau.index:
        low, high = changes.tau_low[split], changes.tau_high[split]
        ends = "" if np.isnan(low) else f" [{number(low, 2)}, {number(high, 2)}]"
        taus.append(f"{split} {number(float(changes.tau[split]), 2)}{ends}")
    notes.append(f"Kendall's tau with the order under {first}: {listed(taus)}.")
    return [*notes, edition_note(edition, shared, caveats)]


def changes_markdown(table: ChangesTable) -> str:
    """The table as a Markdown document."""
    body = [
        [f"*{text}*" if is_baseline(name) and not i else text for i, text in pairs]
        for name, texts in table.rows
        for pairs in [list(enumerate(map(escape_markdown, texts)))]
    ]
    lines = [
        f"# Ranks from split to split, probe `{table.probe}`",
        "",
        *table_lines([escape_markdown(h) for h in table.headings], body),
        "",
        escape_markdown(" ".join(filter(None, table.notes))),
    ]
    return "\n".join(lines) + "\n"


def changes_latex(table: ChangesTable) -> str:
    """The table as a LaTeX `table*`."""
    caption = f"Ranks from split to split, probe {table.probe}. {' '.join(table.notes)}".strip()
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table*}",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\begin{{tabular}}{{@{{}}l{'r' * (len(table.headings) - 1)}@{{}}}}",
        r"\toprule",
        " & ".join(map(escape_latex, table.headings)) + r" \\",
        r"\midrule",
        *(_latex_row(name, texts) for name, texts in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{escape_latex(caption)}}}",
        rf"\label{{tab:rank-changes-{table.probe}}}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(name: str, texts: tuple[str, ...]) -> str:
    title, *rest = map(escape_latex, texts)
    first = rf"\textit{{{title}}}" if is_baseline(name) else title
    return " & ".join([first, *(t.replace("\N{MINUS SIGN}", "$-$") for t in rest)]) + r" \\"
