"""Tasks that wildcards select for a run: only those that the command `run` can evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from satclip_bench.core.errors import BenchError
from satclip_bench.core.program import program
from satclip_bench.core.registry import match_names, split_patterns
from satclip_bench.tasks import CATALOGUES, Edition, get_task, selectable_tasks, task_card
from satclip_bench.tasks.user_tables.task import MissingTableTask

OTHER_COMMANDS: Mapping[str, str] = {"inaturalist": "species"}
"""Commands that evaluate a task which `run` cannot, by task."""


def match_tasks(patterns: Sequence[str], edition: Edition) -> tuple[str, ...]:
    """Names of tasks that patterns select; a wildcard leaves out tasks that cannot be run.

    Args:
        patterns: names or wildcards, or comma-separated lists of them.
        edition: edition of the run.

    Raises:
        BenchError: a pattern selects nothing, or nothing that can be run.

    Example:
        >>> match_tasks(["i*", "biomes"], "open")
        ('biomes',)
    """
    selected = match_names("task", patterns, selectable_tasks(patterns))
    left_out = skipped_tasks(patterns, edition)
    if selected and len(left_out) == len(selected):
        raise BenchError(" ".join(dict.fromkeys(left_out.values())))
    return tuple(name for name in selected if name not in left_out)


def skipped_tasks(patterns: Sequence[str], edition: Edition) -> dict[str, str]:
    """Reasons why tasks that a wildcard selects are not run, by task.

    Args:
        patterns: names or wildcards, or comma-separated lists of them.
        edition: edition of the run.

    Example:
        >>> list(skipped_tasks(["*"], "open"))
        ['inaturalist']
        >>> skipped_tasks(["inaturalist"], "open")
        {}
    """
    named = set(split_patterns(patterns))
    selected = match_names("task", patterns, selectable_tasks(patterns))
    reasons = {name: _why_not(name, edition) for name in selected if name not in named}
    return {name: reason for name, reason in reasons.items() if reason}


def _why_not(name: str, edition: Edition) -> str:
    if name in OTHER_COMMANDS:
        return (
            f"`run` cannot evaluate {name}, so the wildcard leaves it out. "
            f"`{program()} {OTHER_COMMANDS[name]}` evaluates it."
        )
    if edition not in task_card(name).editions:
        family = name.partition(".")[0]
        if family in CATALOGUES:
            return (
                f"tables of {family} have no {edition} edition, so the wildcard leaves them out: "
                "run them by themselves, with --edition paper."
            )
        return f"{name} has no {edition} edition, so the wildcard leaves it out."
    task = get_task(name, edition)
    if isinstance(task, MissingTableTask):
        return f"the table {task.file.path} of {name} is gone, so the wildcard leaves it out."
    return ""


def edition_of(patterns: Sequence[str], default: Edition) -> Edition:
    """Edition of a run for which none is chosen: paper if it selects tables of catalogues alone.

    Args:
        patterns: names or wildcards of tasks, or comma-separated lists of them.
        default: edition of the suite.

    Example:
        >>> edition_of(["coordbench.dm-*"], "open"), edition_of(["biomes"], "open")
        ('paper', 'open')
    """
    words = split_patterns(patterns)
    of_catalogues = [word.partition(".")[0] in CATALOGUES for word in words]
    return "paper" if words and all(of_catalogues) else default
