"""Figures of a run: scores, the gap between splits, and where the points lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.ranking import BASELINE_PROBE, rank
from benchmarks.report.maps import draw_map
from benchmarks.report.model import (
    SPLIT_TITLES,
    Leaderboard,
    Row,
    boards,
    leaderboard,
    listed,
)
from benchmarks.report.style import GREY, HELD_OUT, LIGHT, RANDOM, SHADE, figure, footer, save
from core.errors import BenchError
from tasks import TaskCard, TaskTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOOR = -0.5
"""Scores below are drawn here as an arrow with their value: R2 has no lower end."""

COLOURS = {"random": RANDOM, "held-out-region": HELD_OUT}
AXIS_TITLES = {"r2": "R²", "accuracy": "accuracy", "top1": "top-1 accuracy"}
OFFSET = 0.18
"""Half the distance, in rows, between the marks of the two splits."""


def write_figures(
    frame: pd.DataFrame,
    cards: Mapping[str, TaskCard],
    titles: Mapping[str, str],
    tables: Mapping[str, TaskTable],
    out: Path,
) -> tuple[Path, ...]:
    """Draw `scores.<probe>.png`, `gap.<probe>.png` and `maps/<task>.png`.

    Args:
        frame: a run's tidy frame.
        cards: of the tasks in it.
        titles: of encoders and baselines; a name without one stands for itself.
        tables: of the tasks whose map is to be drawn.
        out: folder of the figures.

    Raises:
        BenchError: the frame is empty, or a file cannot be written.
    """
    pairs = boards(frame)
    paths = []
    for probe in dict.fromkeys(probe for _, probe in pairs):
        splits = [split for split, p in pairs if p == probe and split in COLOURS]
        by_split = {s: leaderboard(frame, cards, titles, s, probe) for s in splits}
        if by_split:
            paths.append(_scores(by_split, probe, out / f"scores.{probe}.png"))
        ranks = _common_ranks(frame, by_split, probe)
        if ranks is not None and len(ranks):
            paths.append(_gap(ranks, by_split, probe, out / f"gap.{probe}.png"))
    paths += [draw_map(table, out / "maps" / f"{name}.png") for name, table in tables.items()]
    return tuple(paths)


def _scores(by_split: Mapping[str, Leaderboard], probe: str, path: Path) -> Path:
    rows = {row.name: row for board in by_split.values() for row in reversed(board.rows)}
    order = list(dict.fromkeys(r.name for board in by_split.values() for r in board.rows))
    names = sorted(order, key=lambda name: rows[name].baseline)[::-1]
    tasks = _tasks(by_split)
    columns = min(4, len(tasks))
    lines = -(-len(tasks) // columns)
    width, height = max(5.6, 2.25 * columns + 1.8), (0.25 * len(names) + 0.75) * lines + 0.9
    with figure(width, height) as made:
        axes = made.subplots(lines, columns, sharey=True, squeeze=False)
        for ax in axes.flat[len(tasks) :]:
            ax.set_visible(False)
        for ax, card in zip(axes.flat, tasks, strict=False):
            _panel(ax, card, [rows[name] for name in names])
            for place, (split, board) in enumerate(by_split.items()):
                offset = 0.0 if len(by_split) == 1 else OFFSET * (1 - 2 * place)
                _dots(ax, board, card.name, names, split, offset)
        handles = [
            axes.flat[0].plot([], [], "o", ms=4.5, color=COLOURS[s], label=SPLIT_TITLES[s])[0]
            for s in by_split
        ]
        made.legend(handles=handles, loc="outside upper right", ncols=2, frameon=False)
        made.suptitle(
            f"Scores with the {probe} probe", x=0.01, ha="left", fontsize=11, fontweight="bold"
        )
        footer(made, _scores_note(by_split, any(card.metric == "r2" for card in tasks)))
        return save(made, path)


def _tasks(by_split: Mapping[str, Leaderboard]) -> tuple[TaskCard, ...]:
    found = {card.name: card for board in by_split.values() for card in board.tasks}
    return tuple(found.values())


def _editions(by_split: Mapping[str, Leaderboard]) -> str:
    # Splits of one run share their editions; the one with more tasks says more.
    return max(by_split.values(), key=lambda board: len(board.tasks)).edition_note


def _panel(ax: Axes, card: TaskCard, rows: Sequence[Row]) -> None:
    """Frame, row labels, and shades behind the baselines."""
    ax.set_title(card.title)
    ax.set_xlim(FLOOR - 0.14 if card.metric == "r2" else -0.04, 1.04)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.axvline(0, color="#BBBBBB", lw=0.8, zorder=0)
    for y, row in enumerate(rows):
        ax.axhline(y, color=LIGHT, lw=0.5, zorder=0)
        if row.baseline:
            ax.axhspan(y - 0.5, y + 0.5, color=SHADE, zorder=-1, lw=0)
    ax.set_yticks(range(len(rows)), [_label(row.title) for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(AXIS_TITLES[card.metric], fontsize=8)


def _label(title: str) -> str:
    short = title if len(title) <= 36 else title[:35] + "…"
    # Titles are the user's: a pair of dollar signs in one would be set as mathematics.
    return short.replace("$", r"\$")


def _dots(
    ax: Axes, board: Leaderboard, task: str, names: Sequence[str], split: str, offset: float
) -> None:
    column = next((i for i, card in enumerate(board.tasks) if card.name == task), None)
    if column is None:
        return
    colour = COLOURS[split]
    low = ax.get_xlim()[0]
    scores = {row.name: row.scores[column] for row in board.rows}
    for y, name in enumerate(names):
        if name not in scores:
            continue
        place, score = y + offset, scores[name]
        if board.folds > 1:
            folds = board.ranking.by_fold.xs(task, axis=1, level="task").loc[name].to_numpy()
            shown = folds[folds >= max(FLOOR, low)]
            ax.scatter(shown, np.full(len(shown), place), s=7, lw=0, color=colour, alpha=0.35)
        if np.isnan(score.mean):
            continue
        if score.mean < FLOOR:
            ax.plot(FLOOR - 0.07, place, marker="<", ms=4, color=colour)
            ax.text(
                FLOOR - 0.02,
                place,
                compact(score.mean),
                color=colour,
                fontsize=6.5,
                va="center_baseline",
                bbox={"facecolor": "white", "alpha": 0.8, "lw": 0, "pad": 0.4},
            )
            continue
        if not np.isnan(score.std):
            ends = np.clip([score.mean - score.std, score.mean + score.std], FLOOR, None)
            ax.plot(ends, [place, place], color=colour, lw=1.6, solid_capstyle="butt")
        ax.plot(score.mean, place, "o", ms=4.5, color=colour, mec="white", mew=0.5)


def compact(value: float) -> str:
    """A number in at most seven characters, with a minus sign: -0.63, -30.2, -615, -1.3e5."""
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    text = f"{value:.{digits}f}"
    if abs(value) >= 10_000:
        mantissa, exponent = f"{value:.1e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "\N{MINUS SIGN}")


def _scores_note(by_split: Mapping[str, Leaderboard], arrows: bool) -> str:
    parts = []
    for split, board in by_split.items():
        seeds = f"{board.seeds} seed" + "s" * (board.seeds != 1)
        part = f"{SPLIT_TITLES[split]}: {seeds}"
        if board.seeds > 1:
            part += ", bar: standard deviation over them"
        if board.folds > 1:
            part += ", small dots: single regions"
        parts.append(part)
    floor = f" Arrows: means below {FLOOR}, with their value." if arrows else ""
    return (
        f"Mean over folds and seeds ({'; '.join(parts)}).{floor} Shaded: baselines without an "
        f"encoder. {_editions(by_split)}"
    ).strip()


def _common_ranks(
    frame: pd.DataFrame, by_split: Mapping[str, Leaderboard], probe: str
) -> pd.DataFrame | None:
    """Mean ranks by encoder and split, over the tasks and encoders that both splits have whole."""
    if len(by_split) < 2:
        return None
    first, *others = by_split.values()
    metrics = {
        card.name: card.metric
        for card in first.tasks
        if all(card.name in {c.name for c in other.tasks} for other in others)
    }
    chosen = frame[frame["task"].isin(list(metrics)) & frame["probe"].isin([probe, BASELINE_PROBE])]
    try:
        whole = [set(rank(chosen, metrics, split, probe).rank.index) for split in by_split]
        both = chosen[chosen["encoder"].isin(set.intersection(*whole))]
        return pd.DataFrame({s: rank(both, metrics, s, probe).rank for s in by_split})
    except BenchError:
        # No common task, or nobody has both splits whole: nothing to compare.
        return None


def _gap(ranks: pd.DataFrame, by_split: Mapping[str, Leaderboard], probe: str, path: Path) -> Path:
    """Mean rank under either split, joined: who interpolates well and extrapolates badly."""
    titles = {row.name: row.title for board in by_split.values() for row in board.rows}
    first = by_split["random"]
    with figure(6.6, 0.33 * len(ranks) + 1.7) as made:
        ax = made.subplots()
        for name, left, right in ranks[["random", "held-out-region"]].itertuples():
            baseline = str(name).startswith("baseline.")
            colour = GREY if baseline else HELD_OUT if right > left else RANDOM
            style = "--" if baseline else "-"
            ax.plot([0, 1], [left, right], style, marker="o", ms=4, lw=1.4, color=colour)
        # The room for labels: as many ranks as there are rows, so that each is a row apart.
        least = 0.9 * (ranks.to_numpy().max() - ranks.to_numpy().min() + 1) / len(ranks)
        for x, split, side in ((0.0, "random", -1), (1.0, "held-out-region", 1)):
            ordered = ranks[split].sort_values(kind="stable")
            places = spread_apart(ordered.tolist(), min(least, 0.6))
            for y, (name, mean_rank) in zip(places, ordered.items(), strict=True):
                title = _label(titles[str(name)])
                label = f"{title}  {mean_rank:.1f}" if side < 0 else f"{mean_rank:.1f}  {title}"
                ax.plot([x + 0.02 * side, x + 0.07 * side], [mean_rank, y], color=LIGHT, lw=0.8)
                align = "right" if side < 0 else "left"
                ax.text(x + 0.08 * side, y, label, ha=align, va="center", fontsize=8)
        ax.set_xlim(-1.15, 2.15)
        ax.invert_yaxis()
        ax.set_xticks([0, 1], ["random", "held-out region"])
        ax.set_yticks([])
        for spine in ("left", "bottom"):
            ax.spines[spine].set_visible(False)
        ax.tick_params(axis="x", length=0, labelsize=9, labelcolor="black")
        ax.set_title(f"Mean rank under either split, {probe} probe (1 is best)")
        other = {card.name for card in by_split["held-out-region"].tasks}
        shared = [card for card in first.tasks if card.name in other]
        seeds = listed([f"{b.seeds} ({SPLIT_TITLES[s]})" for s, b in by_split.items()])
        footer(
            made,
            "Solid: encoders, vermilion where they rank worse when a region is held out, blue "
            f"where not; dashed: baselines. Ranked among the {len(ranks)} that have both splits "
            f"whole, over {listed([card.title for card in shared])}. Seeds: {seeds}. "
            f"{first.edition_note_of(card.name for card in shared)}",
        )
        return save(made, path)


def spread_apart(places: Sequence[float], least: float) -> list[float]:
    """Ascending places moved as little as needed for neighbours to be `least` apart.

    Pools neighbours that are too near into evenly spaced blocks about their common centre.
    """
    blocks: list[tuple[float, int]] = []
    for place in places:
        centre, size = place, 1
        while blocks and centre - blocks[-1][0] < least * (size + blocks[-1][1]) / 2:
            other, count = blocks.pop()
            centre = (centre * size + other * count) / (size + count)
            size += count
        blocks.append((centre, size))
    return [centre + least * (i - (size - 1) / 2) for centre, size in blocks for i in range(size)]
