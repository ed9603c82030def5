"""Numbers of tables for papers as texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from satclip_bench.benchmarks.report.paper_tables.layout import Layout
from satclip_bench.benchmarks.report.wording import DASH, number


@dataclass(frozen=True)
class Numbers:
    """Format of a layout's numbers."""

    layout: Layout

    def percent(self, metric: str) -> bool:
        """Whether scores of a metric are printed in percent."""
        return self.layout.percent and metric in ("accuracy", "top1")

    def digits(self, metric: str) -> int:
        """Decimals of a metric; those of accuracies count in the unit that is printed."""
        digits = self.layout.digits
        return {"r2": digits.r2, "skill": digits.skill}.get(metric, digits.accuracy)

    def score(self, metric: str, value: float) -> str:
        """A score as text; a dash for NaN."""
        if self.percent(metric) and not np.isnan(value):
            # Adding zero turns the -0.0 of a score such as -1e-5 into 0.0.
            digits = self.digits(metric)
            return f"{round(100 * value, digits) + 0.0:.{digits}f}"
        return number(value, self.digits(metric))

    def interval(self, metric: str, low: float, high: float) -> str:
        """An interval as text, or nothing if it is not known."""
        if np.isnan(low) or np.isnan(high):
            return ""
        return f"[{self.score(metric, low)}, {self.score(metric, high)}]"

    def difference(self, metric: str, value: float) -> str:
        """A difference with its sign; a dash for NaN.

        >>> from satclip_bench.benchmarks.report.paper_tables.layout import style_layout
        >>> Numbers(style_layout("ablation")).difference("r2", 0.0123)
        '+.012'
        """
        text = self.score(metric, value)
        return text if text.startswith("-") or text == DASH else f"+{text}"

    def sign(self, metric: str) -> str:
        """Symbol of a metric in headings."""
        unit = " (%)" if self.percent(metric) else ""
        return {"r2": "R²", "accuracy": f"acc.{unit}", "top1": f"top-1{unit}"}.get(metric, metric)

    def metric(self, metric: str) -> str:
        """Name of a metric in sentences."""
        unit = " in per cent" if self.percent(metric) else ""
        names = {"r2": "R²", "accuracy": f"accuracy{unit}", "top1": f"top-1 accuracy{unit}"}
        return names.get(metric, "skill over the training mean or majority")
