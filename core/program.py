"""The command that the user called, for hints that can be copied into a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

SCRIPT = "run_benchmarks.py"
INSTALLED = "satclip-bench"


def program() -> str:
    """What a user types to start the command line: the script if it was called, else the command.

    >>> program() in ("python run_benchmarks.py", "satclip-bench")
    True
    """
    called = Path(sys.argv[0]).name if sys.argv else ""
    return f"python {SCRIPT}" if called == SCRIPT else INSTALLED
