"""What encoders add to one another: the skill of `a+b` beside that of the better of a and b."""

from __future__ import annotations

import pandas as pd

from satclip_bench.benchmarks.ranking.curves import seed_skill

COLUMNS = ["task", "split", "probe", "combination", "best_part", "seeds", "skill", "best_skill"]
COLUMNS += ["gain", "low_seed", "high_seed"]


def combinations(frame: pd.DataFrame) -> pd.DataFrame:
    """Skill of the combinations of a run beside that of the best of their parts.

    Skill is that over the mean or majority of the training set, pooled over the folds of a seed.
    The best part is the one with the highest mean over the seeds that the combination and all of
    its parts have, and is the same for all of them.

    Args:
        frame: tidy frame of a run.

    Returns:
        One row per combination, task, split and probe for which all parts ran, with the columns
        `COLUMNS`: `gain` is the combination's skill less that of its best part; `low_seed` and
        `high_seed` are the smallest and largest gain of a seed.
    """
    rows = [
        {"task": task, "split": split, "probe": probe, **gain}
        for (split, probe), of_split in frame.groupby(["split", "probe"])
        for task, of_task in seed_skill(of_split).groupby("task")
        for gain in _gains(of_task.set_index(["seed", "encoder"])["skill"].unstack())  # noqa: PD010
    ]
    found = pd.DataFrame(rows, columns=COLUMNS)
    return found.sort_values(COLUMNS[:4], ignore_index=True)


def _gains(skill: pd.DataFrame) -> list[dict[str, object]]:
    """Gains of all combinations, from the skill by seed and encoder."""
    gains: list[dict[str, object]] = []
    for name in map(str, skill.columns):
        parts = name.split("+")
        if len(parts) < 2 or not set(parts) <= set(skill.columns):
            continue
        common = skill[[name, *parts]].dropna()
        if common.empty:
            continue
        best = str(common[parts].mean().idxmax())
        gain = common[name] - common[best]
        gains.append(
            {
                "combination": name,
                "best_part": best,
                "seeds": len(common),
                "skill": common[name].mean(),
                "best_skill": common[best].mean(),
                "gain": gain.mean(),
                "low_seed": gain.min(),
                "high_seed": gain.max(),
            }
        )
    return gains
