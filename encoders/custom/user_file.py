"""Executes the Python file of a custom encoder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from satclip_bench.core.errors import FAILURES, BenchError
from satclip_bench.core.files import sha256_bytes

_folders: set[Path] = set()
"""Folders of the files that were executed in this process."""


def execute_file(path: Path, origin: str) -> ModuleType:
    """Execute a Python file and return it as a module. It can import the modules beside it.

    Files in different folders may have modules of the same name beside them: each file gets its
    own.

    Args:
        path: existing file.
        origin: where the file was named, for error messages.

    Raises:
        BenchError: the file raises an exception or exits.
    """
    name = f"user_encoder_{sha256_bytes(str(path.resolve()).encode())[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BenchError(f"{path} cannot be imported ({origin})")
    module = importlib.util.module_from_spec(spec)
    # Registered, so that a class of it can be traced back to its file.
    sys.modules[name] = module
    folder = path.resolve().parent
    _forget_namesakes(folder)
    # Kept for imports inside of functions: after all installed modules, which it cannot hide
    # there, and before the folders of earlier files.
    if folder not in _folders:
        earlier = [i for i, entry in enumerate(sys.path) if Path(entry) in _folders]
        sys.path.insert(min(earlier, default=len(sys.path)), str(folder))
        _folders.add(folder)
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    except FAILURES as error:
        del sys.modules[name]
        raise BenchError(
            f"{path} could not be executed: {type(error).__name__}: {error} ({origin})"
        ) from error
    finally:
        sys.path.remove(str(folder))
    return module


def _forget_namesakes(folder: Path) -> None:
    """Forget modules beside other files that have the name of a module in this folder."""
    project = __name__.partition(".")[0]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        top = name.partition(".")[0]
        namesake = (folder / f"{top}.py").exists() or (folder / top).is_dir()
        if (
            file
            and namesake
            and top != project
            and any(
                Path(file).is_relative_to(other)
                and Path(file).relative_to(other).parts[0] in (top, f"{top}.py")
                for other in _folders - {folder}
            )
        ):
            del sys.modules[name]
