"""The command that the user called, for hints that can be copied into a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

SCRIPT = "run_benchmarks.py"
INSTALLED = "satclip-bench"


def program() -> str:
    """What a user types to start the command line: the script or module that was called, if any.

    >>> program() in ("python run_benchmarks.py", "python -m satclip_bench", "satclip-bench")
    True
    """
    called = Path(sys.argv[0]) if sys.argv else Path()
    if (called.parent.name, called.name) == ("satclip_bench", "__main__.py"):
        return "python -m satclip_bench"
    return f"python {SCRIPT}" if called.name == SCRIPT else INSTALLED
