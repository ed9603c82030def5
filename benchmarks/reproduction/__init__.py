"""Reproduction of published scores, each under its paper's own protocol."""

from __future__ import annotations

from satclip_bench.benchmarks.reproduction.papers import PAPERS, Paper, PublishedTable
from satclip_bench.benchmarks.reproduction.rows import Reproduction, reproduce
from satclip_bench.benchmarks.reproduction.verdicts import Verdict, verdict

__all__ = [
    "PAPERS",
    "Paper",
    "PublishedTable",
    "Reproduction",
    "Verdict",
    "reproduce",
    "verdict",
]
