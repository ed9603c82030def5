"""Order of the encoders of a task in what is made from their predictions: as on its board."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from satclip_bench.benchmarks.diagnostics.reading import TaskPredictions
from satclip_bench.benchmarks.ranking.pooling import has_skill
from satclip_bench.benchmarks.report.results import Results


def best_first(read: TaskPredictions, results: Results, split: str, probe: str) -> tuple[str, ...]:
    """Encoders and baselines with predictions of a task, that of the highest score first.

    Scores are those of the board of the split, such as skill pooled over folds. Those that it does
    not have, of encoders with missing cells, come after them, by the mean score of their folds.

    Args:
        read: predictions of the task.
        results: results of the run, with or without intervals.
        split: name of the split.
        probe: name of the probe.
    """
    of_board: dict[str, float] = {}
    for _, part in results.parts:
        if (split, probe) in part.boards and read.table.card.name in part.cards:
            if not has_skill(part.frame, split):
                part = replace(part, score="task")
            board = part.board(split, probe)
            names = [card.name for card in board.tasks]
            if read.table.card.name in names:
                column = names.index(read.table.card.name)
                of_board = {row.name: row.scores[column].mean for row in board.rows}

    def key(name: str) -> tuple[float, float]:
        scores = np.array([of_board.get(name, np.nan), read.scores[name]])
        first, second = -np.nan_to_num(scores, nan=-np.inf)
        return float(first), float(second)

    return tuple(sorted(read.predictions, key=key))
