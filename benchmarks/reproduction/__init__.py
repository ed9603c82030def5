"""Published scores measured again, each under its paper's own protocol."""

from __future__ import annotations

from benchmarks.reproduction.papers import PAPERS, Paper, PublishedTable
from benchmarks.reproduction.rows import Reproduction, reproduce
from benchmarks.reproduction.verdicts import Verdict, verdict

__all__ = [
    "PAPERS",
    "Paper",
    "PublishedTable",
    "Reproduction",
    "Verdict",
    "reproduce",
    "verdict",
]
