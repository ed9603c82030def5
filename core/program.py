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
    called = _called()
    if _is_module(called):
        return "python -m satclip_bench"
    return f"python {SCRIPT}" if called.name == SCRIPT else INSTALLED


def is_own_script() -> bool:
    """Whether this process runs a script of a user, and not the command line or a notebook."""
    called = _called()
    is_command = _is_module(called) or called.stem in (Path(SCRIPT).stem, INSTALLED)
    return not is_command and hasattr(sys.modules["__main__"], "__file__")


def _called() -> Path:
    return Path(sys.argv[0]) if sys.argv else Path()


def _is_module(called: Path) -> bool:
    return (called.parent.name, called.name) == ("satclip_bench", "__main__.py")
