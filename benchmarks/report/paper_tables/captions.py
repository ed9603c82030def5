"""Captions of two sentences, and the notes below a table for a paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from satclip_bench.benchmarks.ranking.significance import ALPHA
from satclip_bench.benchmarks.ranking.ties import TIE_FLOOR
from satclip_bench.benchmarks.report.board import Board, gaps
from satclip_bench.benchmarks.report.notes import fit_notes, interval_kinds
from satclip_bench.benchmarks.report.paper_tables.panels import PanelScores
from satclip_bench.benchmarks.report.paper_tables.text import Numbers
from satclip_bench.benchmarks.report.wording import DAGGER, DOUBLE_DAGGER, listed, user_table

MARKS = (
    "Bold: the best of each task and all that tie with it; underlined: the best of the others and "
    "its ties."
)


def caption(phrase: str, measured: str, boards: Sequence[Board]) -> str:
    """Caption: what is shown, under which protocol, probe, splits and seeds; then the edition.

    Args:
        phrase: what the table shows, with which the caption begins.
        measured: what is measured, such as `R² and accuracy`.
        boards: boards that the table is made from.
    """
    probes = listed(dict.fromkeys(f"{board.probe}" for board in boards))
    splits: dict[str, list[Board]] = {}
    for board in boards:
        splits.setdefault(board.split, []).append(board)
    under = listed(f"{split} ({seeds(of_split)})" for split, of_split in splits.items())
    protocols = listed(
        sorted({str(name) for board in boards for name in board.ranking.rows["protocol"].unique()})
    )
    plural = "s" * (len(splits) > 1)
    probe = "baselines without a probe" if probes == "none" else f"probe {probes}"
    first = (
        f"{phrase.rstrip('.')}: {measured}, {probe}, split{plural} {under}, protocol {protocols}."
    )
    return f"{first} {edition_sentence(boards)}".strip()


def seeds(boards: Sequence[Board]) -> str:
    """Numbers of seeds of the tasks of boards: `one seed`, `10 seeds`, `5 to 10 seeds`."""
    counts: set[int] = set()
    for board in boards:
        done = board.ranking.rows[board.ranking.rows["status"] == "done"]
        counts |= set(done.groupby("task")["seed"].nunique())
    low, high = (min(counts), max(counts)) if counts else (0, 0)
    if high == 1:
        return "one seed"
    return f"{high} seeds" if low == high else f"{low} to {high} seeds"


def edition_sentence(boards: Sequence[Board]) -> str:
    """Sentence on which edition it is, and that it is not the paper's tables where that holds.

    User tables have no edition, and are named.
    """
    differing: dict[str, dict[str, None]] = {}
    same: dict[str, None] = {}
    editions: dict[str, None] = {}
    own: dict[str, None] = {}
    for board in boards:
        for card, edition in zip(board.tasks, board.editions, strict=True):
            if table := user_table(card):
                own[table] = None
                continue
            editions[edition] = None
            if not card.paper_rows:
                continue
            if any(n == edition and e.differs_from_paper for n, e in card.editions.items()):
                differing.setdefault(edition, {})[card.title] = None
            else:
                same[card.title] = None
    sentences = [f"User table{'s' * (len(own) > 1)} {listed(own)}."] if own else []
    if differing:
        but = f", except for {listed(same)}" if same else ""
        which = listed(sorted(differing)).capitalize()
        sentences.insert(0, f"{which} edition: its tables are not those of the papers{but}.")
    elif editions:
        sentences.insert(0, f"{listed(sorted(editions)).capitalize()} edition.")
    return " ".join(sentences)


def score_notes(
    panels: Sequence[PanelScores], numbers: Numbers, *, below: str, won: bool
) -> list[str]:
    """Notes below a table of scores.

    Args:
        panels: its panels.
        numbers: format of numbers.
        below: what stands below a score: `interval`, `spread` or `nothing`.
        won: whether wins are counted.
    """
    boards = [panel.board for panel in panels]
    notes = [MARKS, tie_note(boards)]
    if won:
        notes.append("Wins: tasks led alone, and in parentheses tasks led alone or tied.")
    if below == "interval":
        notes.append(interval_note(boards))
    elif below == "spread":
        notes.append("±: standard deviation over the seeds.")
    notes += [board.subtitle for board in boards]
    for panel in panels:
        if panel.panel.folds and not panel.board.shows_skill:
            notes.append("R² within a region compares with the mean of the region itself.")
    notes += published_notes(panels, spread=below != "nothing")
    return finished(notes, boards)


def tie_note(boards: Sequence[Board]) -> str:
    """Note on what a tie is, if ties were tested."""
    tested = any(len(board.ranking.undecided) < len(board.tasks) for board in boards)
    if not tested:
        return ""
    note = (
        f"Ties are differences within the noise (Tukey's and Kramer's test at {ALPHA:.0%} over all "
        "pairs of the encoders shown)"
    )
    if any((board.ranking.mean < TIE_FLOOR).any(axis=None) for board in boards):
        note += f", for which scores below {TIE_FLOOR:.0f} count as that"
    return f"{note}."


def interval_note(boards: Sequence[Board]) -> str:
    """Note on the intervals in brackets, if any are known."""
    known = [b for b in boards if any(s.low == s.low for row in b.rows for s in row.scores)]
    kinds = dict.fromkeys(interval_kinds(b.ranking.rows, b.tasks) for b in known)
    return f"In brackets: 95 % intervals: {'; '.join(kinds)}." if kinds else ""


def published_notes(panels: Sequence[PanelScores], *, spread: bool) -> list[str]:
    """Notes on where published scores are from.

    Args:
        panels: panels of the table.
        spread: whether their standard deviations are shown.
    """
    shown = [panel.published for panel in panels if len(panel.published)]
    if not shown:
        return []
    rows = pd.concat(shown)
    sources = listed(dict.fromkeys(panel.source for panel in panels if panel.source))
    evidence = "; ".join(dict.fromkeys(rows["evidence"]))
    remarks = "; ".join(dict.fromkeys(note for note in rows["note"] if note))
    return [
        f"Grey: published scores of {sources}, on the paper's own tables and by its own protocol "
        f"({'; '.join(filter(None, (evidence, remarks)))})."
        + (" ±: published standard deviation." if spread and rows["std"].notna().any() else "")
    ]


def finished(notes: Iterable[str], boards: Sequence[Board], *, single: bool = True) -> list[str]:
    """Notes with those of the boards on their cells, each once, and without empty ones.

    Args:
        notes: first notes.
        boards: boards that the table is made from.
        single: whether scores of single tasks are shown, with their marks and ties.
    """
    every = [*notes]
    if any(board.has_baselines for board in boards):
        every.append("Italics: baselines, which need no encoder.")
    several = len({board.split for board in boards}) > 1
    for board in boards:
        for note in cell_notes(board):
            on_marks = note.startswith((DAGGER, DOUBLE_DAGGER, "Ties were not tested"))
            if on_marks and not single:
                continue
            common = note.startswith((DAGGER, DOUBLE_DAGGER, "Held out"))
            every.append(note if common or not several else f"{board.split}: {note}")
        every += [f"{gaps(row)}." for row in board.rows if row.missing]
        every += [
            f"{c.title}: {board.caveats[c.name]}." for c in board.tasks if c.name in board.caveats
        ]
    return list(dict.fromkeys(filter(None, every)))


def cell_notes(board: Board) -> list[str]:
    """Notes of a board on its cells, without those on single fits, which take much room."""
    cards = {card.name: card for card in board.tasks}
    titles = {row.name: row.title for row in board.rows}
    on_fits = set(fit_notes(board.ranking.rows, cards, titles))
    return [note for note in board.notes if note and note not in on_fits]
