"""One generic registry: lazy entries, entry points of other packages, wildcards, "did you mean".

An entry is a `"module:attribute"` string; nothing is imported until it is asked for, so listing
names costs no import of torch or of anybody's package.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from importlib.metadata import entry_points
from typing import Generic, TypeVar, cast

from satclip_bench.core.errors import BenchError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to lazily imported objects of one kind.

    Args:
        kind: what an entry is, in the words an error message should use ("encoder").
        builtin: name to `"module:attribute"`, in the order in which names are listed.
        group: entry-point group through which other packages add entries; None for none.
    """

    def __init__(self, kind: str, builtin: Mapping[str, str], group: str | None = None) -> None:
        self.kind = kind
        self._builtin = dict(builtin)
        self._group = group
        self._added: dict[str, T] = {}

    @cached_property
    def _targets(self) -> dict[str, str]:
        targets = dict(self._builtin)
        if self._group is not None:
            for point in sorted(entry_points(group=self._group), key=lambda p: (p.name, p.value)):
                known = targets.setdefault(point.name, point.value)
                if known != point.value:
                    raise BenchError(
                        f"two {self.kind}s are called {point.name!r}: {known} and {point.value} "
                        f"(entry-point group {self._group!r}). Uninstall the package of one."
                    )
        return targets

    def names(self) -> tuple[str, ...]:
        """All names, the built-in ones first."""
        return (*self._targets, *self._added)

    def add(self, name: str, entry: T) -> None:
        """Make an object known under a name, in this process only; the same name replaces it.

        Raises:
            BenchError: the name is that of a built-in entry or of another package's.
        """
        if name in self._targets:
            raise BenchError(f"{self.kind} {name!r} exists already: choose another name")
        self._added[name] = entry

    def target(self, name: str) -> str:
        """The `"module:attribute"` behind a name that was not added. Raises UnknownNameError."""
        if name not in self._targets:
            raise UnknownNameError(unknown_name(self.kind, name, self.names()))
        return self._targets[name]

    def load(self, name: str) -> T:
        """Import the entry called `name`.

        Raises:
            UnknownNameError: no such entry.
            BenchError: the entry's module does not import, or lacks the attribute.
        """
        if name in self._added:
            return self._added[name]
        return cast(T, import_object(self.target(name), f"{self.kind} {name!r}"))

    def match(self, patterns: Iterable[str]) -> tuple[str, ...]:
        """Names that the shell-style `patterns` select: see `match_names`."""
        return match_names(self.kind, patterns, self.names())


def import_object(target: str, what: str) -> object:
    """Import `"module:attribute"`; `what` names the thing in the BenchError raised on failure."""
    module_name, _, attribute = target.partition(":")
    try:
        found: object = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise BenchError(
            f"{what} could not be imported from {target}: {type(error).__name__}: {error}"
        ) from error
    return found


def match_names(kind: str, patterns: Iterable[str], names: Sequence[str]) -> tuple[str, ...]:
    """Names selected by shell-style patterns, in the order of the patterns, without repeats.

    Args:
        kind: what a name names, for the message.
        patterns: names or wildcards (`satclip.*`), each perhaps a comma-separated list of them.
        names: everything there is to choose from.

    Raises:
        UnknownNameError: a pattern selects nothing; the message proposes near names.
    """
    chosen: dict[str, None] = {}
    for pattern in (part.strip() for group in patterns for part in group.split(",")):
        if not pattern:
            continue
        # A name is itself first: "fourier[8]" is no character class.
        hits = [pattern] if pattern in names else [n for n in names if fnmatchcase(n, pattern)]
        if not hits:
            raise UnknownNameError(unknown_name(kind, pattern, names))
        chosen.update(dict.fromkeys(hits))
    return tuple(chosen)


def unknown_name(kind: str, name: str, names: Sequence[str]) -> str:
    """The sentence that says a name is unknown and which ones are near it."""
    folded = {n.casefold().replace("_", "-"): n for n in names}
    near = difflib.get_close_matches(name.casefold().replace("_", "-"), list(folded), 3, 0.5)
    hint = (
        "Did you mean " + " or ".join(repr(folded[n]) for n in near) + "?"
        if near
        else "Known: " + ", ".join(names) + "."
    )
    return f"no {kind} is called {name!r}. {hint}"
