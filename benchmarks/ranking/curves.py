"""Skill of encoders as a function of the number of labels, or of the size of blocks."""

from __future__ import annotations

import re

import pandas as pd

from satclip_bench.benchmarks.ranking.pooling import pooled_skill, skill_rows
from satclip_bench.benchmarks.runs.columns import CELL

FAMILIES = ("labels", "blocks")
"""Families of splits whose variant is a number: percent of the labels, side of a block in degrees.
"""
ALL_LABELS = ("labels", 100.0)
"""Family and number that the split `random` stands for. It does not stand for blocks of size 0,
whose training sets are much larger."""

CURVE = ["family", "task", "probe", "encoder"]
COLUMNS = [*CURVE, "x", "split", "seeds", "n_train", "skill", "low_seed", "high_seed"]
SEED_COLUMNS = [*CURVE, "x", "split", "seed", "n_train", "skill"]


def curves(frame: pd.DataFrame) -> pd.DataFrame:
    """Skill by family of splits and its number, one row per point of a curve.

    The split `random` is the end of the curve over labels. Skill is that over the mean or majority
    of the training set, pooled over the folds of a seed, and its mean over seeds. Seeds with a
    missing fold are left out.

    Args:
        frame: tidy frame of a run.

    Returns:
        A frame with the columns `COLUMNS`, sorted by curve and `x`, the number of the family.
        `n_train` is the mean size of the training sets, `low_seed` and `high_seed` are the smallest
        and largest skill of a seed. A family of which the run has no split has no rows.
    """
    found = seed_curves(frame)
    points = found.groupby([*CURVE, "x", "split"], as_index=False).agg(
        seeds=("seed", "nunique"),
        n_train=("n_train", "mean"),
        skill=("skill", "mean"),
        low_seed=("skill", "min"),
        high_seed=("skill", "max"),
    )
    return points[COLUMNS].sort_values([*CURVE, "x"], ignore_index=True)


def seed_curves(frame: pd.DataFrame) -> pd.DataFrame:
    """Skill of every seed by family of splits and its number, from which `curves` takes means.

    Args:
        frame: tidy frame of a run.

    Returns:
        A frame with the columns `SEED_COLUMNS`.
    """
    parts = []
    for family in FAMILIES:
        names = map(str, frame["split"].unique())
        numbers = {name: x for name in names if (x := _number(name, family)) is not None}
        # labels.100 is the split random by another name.
        if numbers and family == ALL_LABELS[0] and ALL_LABELS[1] not in numbers.values():
            numbers["random"] = ALL_LABELS[1]
        parts += [
            seed_skill(rows).assign(family=family, x=numbers[split], split=split, probe=str(probe))
            for (split, probe), rows in frame.groupby(["split", "probe"])
            if split in numbers
        ]
    return pd.concat(parts)[SEED_COLUMNS] if parts else pd.DataFrame(columns=SEED_COLUMNS)


def seed_skill(rows: pd.DataFrame) -> pd.DataFrame:
    """Skill pooled over the folds of each seed: columns encoder, task, seed, skill and n_train.

    Seeds with a missing or failed fold have no row. `n_train` is the mean size of a training set.

    Args:
        rows: rows of the tidy frame for one split and probe, all metrics.
    """
    cells = skill_rows(rows)
    loss, reference = (
        cells.set_index(["encoder", *CELL])[name].unstack(CELL)  # noqa: PD010
        for name in ("loss", "reference")
    )
    skill = pooled_skill(loss, reference).stack(CELL[:2], future_stack=True)  # noqa: PD013
    sizes = cells.groupby(["encoder", "task", "seed"])["n_train"].mean()
    return pd.DataFrame({"skill": skill}).dropna().join(sizes).reset_index()


def _number(split: str, family: str) -> float | None:
    found = re.fullmatch(rf"{family}\.(\d+(?:\.\d+)?)", split)
    return float(found[1]) if found else None
