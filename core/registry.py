"""Registries of named objects: lazy imports, entry points, families, wildcards, suggestions.

An entry is a `"module:attribute"` string that is imported when it is first needed, so that listing
names imports neither torch nor the packages of third parties.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from satclip_bench.core.errors import FAILURES, BenchError, UnknownNameError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

T = TypeVar("T")

MAX_KNOWN = 20
"""Maximum number of known names in a message."""


class Registry(Generic[T]):
    """Named objects that are imported when they are first loaded.

    Args:
        noun: what an entry is called in messages, such as "encoder".
        builtin: names of the built-in entries and their `"module:attribute"`.
        families: first parts of `family.variant` names and the `"module:attribute"` of a function
            that makes an object from the variant. Every variant that the function accepts can be
            loaded, whether it is listed or not.
        listed: names in the order in which they are listed, variants of families included;
            by default the built-in names. Names of other packages follow.
        group: entry-point group in which other packages register entries; None for none. An entry
            point that cannot be used is left out, or raises when it is loaded, and costs no other.
        name_problem: function that gives the reason why an entry point cannot have a name, or "".

    Examples:
        >>> registry = Registry("number", {"pi": "math:pi", "tau": "math:tau"})
        >>> registry.names()
        ('pi', 'tau')
        >>> round(registry.load("pi"), 2)
        3.14
        >>> registry.load("pie")
        Traceback (most recent call last):
        ...
        satclip_bench.core.errors.UnknownNameError: no number is called 'pie'. Did you mean 'pi'?
    """

    def __init__(
        self,
        noun: str,
        builtin: Mapping[str, str],
        *,
        families: Mapping[str, str] | None = None,
        listed: Sequence[str] | None = None,
        group: str | None = None,
        name_problem: Callable[[str], str] = lambda name: "",
    ) -> None:
        self.noun = noun
        self._builtin = dict(builtin)
        self._families = dict(families or {})
        self._listed = tuple(builtin if listed is None else listed)
        self._group = group
        self._name_problem = name_problem
        self._added: dict[str, T] = {}

    @cached_property
    def _targets(self) -> dict[str, str]:
        return self._resolved[0]

    @cached_property
    def _resolved(self) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
        """Targets by name, reasons why some cannot be loaded, and entry points left out."""
        targets, clashes, left_out = dict(self._builtin), {}, []
        if self._group is not None:
            points = installed_entry_points().select(group=self._group)
            for point in sorted(points, key=lambda p: (p.name, p.value)):
                known = targets.get(point.name, point.value)
                title = f"entry point {point.name!r} = {point.value} of group {self._group!r}"
                if problem := self._name_problem(point.name):
                    left_out.append(f"{title} is left out: its name cannot be used, as {problem}")
                elif self.is_builtin(point.name) and self._builtin.get(point.name) != point.value:
                    left_out.append(
                        f"{title} is left out: a built-in {self.noun} or family has this name"
                    )
                elif known != point.value:
                    clashes[point.name] = (
                        f"two {self.noun}s are called {point.name!r}: {known} and {point.value} "
                        f"(entry-point group {self._group!r}). Uninstall one of the two packages."
                    )
                else:
                    targets[point.name] = point.value
        return targets, clashes, tuple(left_out)

    def left_out(self) -> tuple[str, ...]:
        """Messages about entry points of other packages that cannot be used under their names."""
        return self._resolved[2]

    def is_builtin(self, name: str) -> bool:
        """Whether a name belongs to a built-in entry, a family or a variant of one."""
        return (
            name in self._builtin
            or name in self._listed
            or name in self._families
            or self.has_family(name)
        )

    def names(self) -> tuple[str, ...]:
        """All listed names: built-in ones, those of other packages, and added ones."""
        return tuple(dict.fromkeys((*self._listed, *self._targets, *self._added)))

    def add(self, name: str, entry: T) -> None:
        """Register an object in this process only, replacing one that was added under the name.

        Raises:
            BenchError: a built-in entry, a variant of a family or another package's entry has the
                name.
        """
        if name in self._targets or name in self._families or self._is_variant(name):
            raise BenchError(f"{self.noun} {name!r} exists already: choose another name")
        self._added[name] = entry

    def target(self, name: str) -> str:
        """The `"module:attribute"` of an entry that is neither a variant nor added.

        Raises:
            UnknownNameError: there is no such entry.
            BenchError: two packages register an entry under the name.
        """
        if name in self._families and name not in self._targets:
            raise UnknownNameError(
                f"{name!r} is a family of {self.noun}s; name one of its variants: "
                f"{self._forms(name)}"
            )
        if name not in self._targets:
            raise UnknownNameError(unknown_name(self.noun, name, self.names()))
        if clash := self._resolved[1].get(name):
            raise BenchError(clash)
        return self._targets[name]

    def load(self, name: str) -> T:
        """Import the entry called `name`.

        The entry of `family.variant` is the family's function with the variant as its first
        argument, still to be called.

        Raises:
            UnknownNameError: there is no such entry; the message suggests similar names.
            BenchError: the module cannot be imported, or does not have the attribute.
        """
        if name in self._added:
            return self._added[name]
        family, _, variant = name.partition(".")
        if name not in self._targets and self.has_family(name):
            make = import_object(self._families[family], f"{self.noun} family {family!r}")
            return cast(T, partial(cast(Callable[..., object], make), variant))
        return cast(T, import_object(self.target(name), f"{self.noun} {name!r}"))

    def has_family(self, name: str) -> bool:
        """Whether `name` is `family.variant` of a registered family. The variant may not exist."""
        family, dot, _ = name.partition(".")
        return bool(dot) and family in self._families

    def has_variants(self, name: str) -> bool:
        """Whether `name` is a registered family, or `family.variant` of one."""
        return name in self._families or self.has_family(name)

    def match(self, patterns: Iterable[str], also: Iterable[str] = ()) -> tuple[str, ...]:
        """Names that shell-style patterns select, as `match_names`, and unlisted variants.

        Args:
            patterns: names or wildcards (`satclip.*`), or comma-separated lists of them. Wildcards
                select among the listed names.
            also: names outside the registry that can be selected too.

        Raises:
            UnknownNameError: a pattern selects nothing; the message suggests similar names.
        """
        words = split_patterns(patterns)
        listed = (*self.names(), *also)
        for word in words:
            if is_wildcard(word):
                self._require_listed(word, listed)
            elif word in self._families and word not in listed:
                self.target(word)
        unlisted = [w for w in words if w not in listed and not is_wildcard(w) and self.makes(w)]
        return match_names(self.noun, words, (*listed, *unlisted))

    def _require_listed(self, pattern: str, listed: Sequence[str]) -> None:
        """Raise UnknownNameError for a wildcard that only unlisted variants of a family fit."""
        for family in self._families:
            of_family = pattern.partition(".")[0] == family or fnmatchcase(f"{family}.", pattern)
            if of_family and not any(fnmatchcase(name, pattern) for name in listed):
                raise UnknownNameError(
                    f"{pattern!r} selects no listed {self.noun}; wildcards do not find others. "
                    f"Name each variant of {family!r}: {self._forms(family)}"
                )

    def _forms(self, family: str) -> str:
        """What a family says of the variants that it has."""
        try:
            self.makes(f"{family}.NAME")
        except BenchError as error:
            unknown = re.escape(f"no {self.noun} is called '{family}.NAME'")
            return re.sub(f"^{unknown}[:.] ", "", str(error))
        except FAILURES:
            # Another package's family may raise anything for a variant that it does not have.
            pass
        return f"as in '{family}.NAME'"

    def _is_variant(self, name: str) -> bool:
        try:
            return self.makes(name)
        except UnknownNameError:
            return False

    def makes(self, name: str) -> bool:
        """Whether `name` is a variant of a family, listed or not.

        Raises:
            UnknownNameError: the family does not have this variant.
        """
        if not self.has_family(name):
            return False
        cast(Callable[[], object], self.load(name))()
        return True


@cache
def installed_entry_points() -> EntryPoints:
    """Entry points of all installed packages; their files are read once for all registries."""
    # A quarter of the time of `--help`, which needs no names of other packages.
    from importlib.metadata import entry_points

    # Python 3.11 returns another class, which has the same method `select`.
    return cast("EntryPoints", entry_points())


def import_object(target: str, description: str) -> object:
    """Import `"module:attribute"`.

    Args:
        target: module and attribute, such as `math:pi`.
        description: what is imported, for the message of the error.

    Raises:
        BenchError: the module cannot be imported, or does not have the attribute.

    Examples:
        >>> import_object("math:inf", "the largest number")
        inf
    """
    module_name, _, attribute = target.partition(":")
    try:
        imported: object = importlib.import_module(module_name)
        for part in attribute.split("."):
            imported = getattr(imported, part)
    except FAILURES as error:
        raise BenchError(
            f"{description} could not be imported from {target}: {type(error).__name__}: {error}"
        ) from error
    return imported


def split_patterns(patterns: Iterable[str]) -> list[str]:
    """The single names and wildcards of comma-separated lists.

    Examples:
        >>> split_patterns(["wrap, geoclip", "satclip.*"])
        ['wrap', 'geoclip', 'satclip.*']
    """
    words = (word.strip() for pattern in patterns for word in pattern.split(","))
    return [word for word in words if word]


def is_wildcard(pattern: str) -> bool:
    """Whether a pattern has a character with a special meaning for the shell."""
    return any(character in pattern for character in "*?[")


def match_names(noun: str, patterns: Iterable[str], names: Sequence[str]) -> tuple[str, ...]:
    """Names selected by shell-style patterns, in the order of the patterns, without repeats.

    Args:
        noun: what a name stands for, for the message of the error.
        patterns: names or wildcards (`satclip.*`), or comma-separated lists of them.
        names: names to choose from.

    Raises:
        UnknownNameError: a pattern selects nothing; the message suggests similar names.

    Examples:
        >>> match_names("task", ["b*,elevation"], ["elevation", "biomes", "countries"])
        ('biomes', 'elevation')
    """
    selected: dict[str, None] = {}
    for pattern in split_patterns(patterns):
        # An exact name comes first: the brackets of "fourier[8]" are not a character class.
        matches = [pattern] if pattern in names else [n for n in names if fnmatchcase(n, pattern)]
        if not matches:
            raise UnknownNameError(unknown_name(noun, pattern, names))
        selected.update(dict.fromkeys(matches))
    return tuple(selected)


def unknown_name(noun: str, name: str, names: Sequence[str]) -> str:
    """Message for an unknown name, with up to three similar names, or known ones if none is.

    Examples:
        >>> unknown_name("task", "biome", ["biomes", "elevation"])
        "no task is called 'biome'. Did you mean 'biomes'?"
    """
    more = len(names) - MAX_KNOWN
    folded = {n.casefold().replace("_", "-"): n for n in names}
    similar = difflib.get_close_matches(name.casefold().replace("_", "-"), list(folded), 3, 0.5)
    hint = (
        "Did you mean " + " or ".join(repr(folded[n]) for n in similar) + "?"
        if similar
        else "Known: " + ", ".join(names[:MAX_KNOWN]) + (f" and {more} more." if more > 0 else ".")
    )
    return f"no {noun} is called {name!r}. {hint}"
