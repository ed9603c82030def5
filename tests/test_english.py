"""The code, its messages and the documentation avoid wording that strangers stumble over.

Each pattern below is a habit that once made texts here hard to read, with what to write instead.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Habit:
    """A way of writing to avoid.

    Attributes:
        pattern: regular expression, matched in any case unless `case` is set.
        write: what to write instead, and why if that is not plain.
        bad: a text that the pattern catches.
        good: a text that it leaves alone.
        case: whether case matters.
    """

    pattern: str
    write: str
    bad: str
    good: str
    case: bool = False


NOUNS = "row|line|file|fold|tree|value|number|column|record|second|point|bar|figure"
UNITS = "record|cell|task|fold|class|run|metric|process|worker|region|core|epoch|photograph|line"

HABITS = (
    Habit(
        r"\b(training|validation|test) parts?\b",
        "training, validation or test set",
        "scaled on the training part",
        "scaled on the training set",
    ),
    Habit(
        r"\black(s|ing|ed)?\b",
        "is missing, has no, without",
        "a file that lacks rows",
        "a file without rows; black; slack",
    ),
    Habit(
        r"\bat hand\b",
        "available, downloaded",
        "if weights are at hand",
        "if weights are available; at handover",
    ),
    Habit(
        r"\b(can|could|to|may|cannot) be had\b",
        "can be downloaded, is available",
        "what can be had",
        "what has been had",
    ),
    Habit(
        r"\bof (one's own|(your|our|a user's|their|his) own(?! [a-z]))\b",
        "custom encoder, user table",
        "an encoder of your own",
        "your own encoder; the rounding of their own dtype",
    ),
    Habit(
        r"\b(is|are) told\b(?! apart)",
        "is called with, knows",
        "the split is told",
        "it has told; they are told apart",
    ),
    Habit(
        r"\bwhat is known of\b",
        "metadata of",
        "What is known of a task.",
        "what is known about it",
    ),
    Habit(r"\blest\b", "so that ... not", "lest it grows", "the latest largest test"),
    Habit(r"\banew\b", "again", "run anew", "a new run"),
    Habit(
        r"\b(most|least)_(?!common\b)[a-z]",
        "max_, min_",
        "most_rows",
        "most_common, almost_all",
    ),
    Habit(
        r"(?<!there\s)\bis no (?!(longer|more|less|\w+er than)\b)[a-z]",
        "is not a",
        "it is no name",
        "there is no name; it is no longer read; it is no larger than a cell",
    ),
    Habit(r"\bverbs?\b", "command", "the verb `run`", "verbose, a proverb"),
    Habit(r"\bmend(s|ed|ing)?\b", "fix", "the user can mend", "amended, recommend"),
    Habit(r"\bchosen_\b", "best_params_", "probe.chosen_", "chosen_split, chosen", case=True),
    Habit(
        r"\b(Outcome|Judged)\b(?! of)",
        "fold results, predictions",
        "class Judged:",
        "Outcome of a job. The outcome is judged",
        case=True,
    ),
    Habit(
        rf"\b({NOUNS})s? an? ({UNITS})\b",
        "one row per record, a line for each cell",
        "one row a record and metric",
        "one row per record; a row and a record",
    ),
    Habit(r"\bwhatever\b", "everything that, any", "whatever it is", "what ever happened"),
    Habit(r"\blikewise\b", "also, in the same way", "Likewise for y.", "like wise people"),
    Habit(
        r"\b(is|are|was) said\b",
        "is explained, is printed",
        "the reason is said",
        "she said so",
    ),
    Habit(
        r"\bcome(s)? by\b(?! default)",
        "get, download",
        "how to come by it",
        "records come; by default",
    ),
)

GAP = r"""(?:[ \t]+|[ \t]*["']?[ \t]*\n[ \t]*(?:#:?|>|\*|f?["'])?[ \t]*)"""
"""Stands for each space of a pattern: spaces, or a line break in prose, a comment or a string."""


def committed(*patterns: str) -> list[Path]:
    """Files under version control, or new and not ignored, outside tests/."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in names.splitlines() if not name.startswith("tests/")]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def catches(habit: Habit, text: str) -> list[int]:
    """Numbers of the lines, from 1, on which a match begins; a match may cross a line break."""
    flags = 0 if habit.case else re.IGNORECASE
    pattern = habit.pattern.replace(" ", GAP)
    return [text.count("\n", 0, m.start()) + 1 for m in re.finditer(pattern, text, flags)]


def is_right(name: str, line: str) -> bool:
    """Whether a line is right as it is: the changelog's tables translate names from old to new."""
    return name == "CHANGELOG.md" and line.lstrip().startswith("|")


@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.write)
def test_a_pattern_catches_its_bad_text_and_no_good_one(habit: Habit) -> None:
    assert catches(habit, habit.bad) == [1]
    assert catches(habit, habit.good) == []


def test_a_phrase_is_caught_across_a_line_break() -> None:
    (habit,) = (h for h in HABITS if "parts?" in h.pattern)
    assert catches(habit, "on\n    # the training\n    # part of it") == [2]
    assert catches(habit, '"on the training "\n    "part of it"') == [1]


@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.write)
def test_no_text_falls_into_the_habit(habit: Habit) -> None:
    hits = []
    for path in committed("*.py", "*.md", "*.toml", "*.yaml", "Makefile", ".ci/*"):
        text = path.read_text()
        name, lines = path.relative_to(ROOT).as_posix(), text.splitlines()
        hits += [
            f"{name}:{n}: {lines[n - 1].strip()}"
            for n in dict.fromkeys(catches(habit, text))
            if not is_right(name, lines[n - 1])
        ]
    assert not hits, f"write instead: {habit.write}\n" + "\n".join(hits)
