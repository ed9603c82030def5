"""Tables of other benchmarks as tasks by name. Facts about them are in JSON files; none ships."""

from __future__ import annotations

CATALOGUES = ("coordbench", "usavars")
"""Names of the catalogues, each the first part of the names of its tasks."""
