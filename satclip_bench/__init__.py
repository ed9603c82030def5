"""Benchmark and evaluation suite for location encoders.

Longitude and latitude go in, an embedding comes out; the suite measures how well embeddings
predict things on Earth.

>>> import satclip_bench as sb
>>> frame = sb.evaluate("wrap", tasks=["median_income"], progress=False)
>>> sb.leaderboard(frame)["encoder"].tolist()
['wrap']

Everything else in the package is internal. Names are imported when they are first used, so that
`import satclip_bench` is quick and imports neither torch nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from satclip_bench.benchmarks.commands.api import evaluate, leaderboard
    from satclip_bench.benchmarks.splits import as_cross_validator, get_split
    from satclip_bench.encoders import (
        Encoder,
        EncoderCard,
        check_encoder,
        get_encoder,
        list_encoders,
    )
    from satclip_bench.tasks import check_task, get_task, list_tasks

__version__ = "0.1.0"

_MODULES = {
    "Encoder": "satclip_bench.encoders",
    "EncoderCard": "satclip_bench.encoders",
    "as_cross_validator": "satclip_bench.benchmarks.splits",
    "check_encoder": "satclip_bench.encoders",
    "check_task": "satclip_bench.tasks",
    "evaluate": "satclip_bench.benchmarks.commands.api",
    "get_encoder": "satclip_bench.encoders",
    "get_split": "satclip_bench.benchmarks.splits",
    "get_task": "satclip_bench.tasks",
    "leaderboard": "satclip_bench.benchmarks.commands.api",
    "list_encoders": "satclip_bench.encoders",
    "list_tasks": "satclip_bench.tasks",
}
"""Exported names, and the modules that define them."""

__all__ = [
    "Encoder",
    "EncoderCard",
    "__version__",
    "as_cross_validator",
    "check_encoder",
    "check_task",
    "evaluate",
    "get_encoder",
    "get_split",
    "get_task",
    "leaderboard",
    "list_encoders",
    "list_tasks",
]


if not TYPE_CHECKING:
    # Hidden from type checkers, so that they report names that do not exist.
    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value: object = getattr(importlib.import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
