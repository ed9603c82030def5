from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.core.registry import Registry, match_names
from satclip_bench.encoders import registry as encoders

NAMES = ("air_temperature", "elevation", "satclip.vit16-l40", "satclip.vit16-l10", "odd[1]")


@pytest.fixture
def registry() -> Registry[object]:
    return Registry("thing", {"pi": "math:pi", "gone": "math:tau_squared", "absent": "no_such:x"})


def test_entries_are_imported_when_asked_for(registry: Registry[object]) -> None:
    assert registry.names() == ("pi", "gone", "absent")
    assert registry.load("pi") == pytest.approx(3.14159, abs=1e-5)


@pytest.mark.parametrize("name", ["gone", "absent"])
def test_an_entry_that_does_not_import_says_so(registry: Registry[object], name: str) -> None:
    with pytest.raises(BenchError, match=f"thing '{name}' could not be imported"):
        registry.load(name)


def test_unknown_names_get_a_proposal() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'air_temperature'"):
        match_names("task", ["air-temprature"], NAMES)
    with pytest.raises(UnknownNameError, match="Known: air_temperature"):
        match_names("task", ["qqq"], NAMES)


def test_wildcards_select_in_order_without_repeats() -> None:
    assert match_names("encoder", ["satclip.*", "*l10", "elevation"], NAMES) == (
        "satclip.vit16-l40",
        "satclip.vit16-l10",
        "elevation",
    )
    assert match_names("encoder", ["elevation, air*"], NAMES) == ("elevation", "air_temperature")
    assert match_names("encoder", ["odd[1]"], NAMES) == ("odd[1]",)
    assert match_names("encoder", [], NAMES) == ()


def test_a_wildcard_that_selects_nothing_is_an_error() -> None:
    with pytest.raises(UnknownNameError):
        match_names("task", ["x*"], NAMES)


@given(st.permutations(NAMES))
def test_exact_names_select_themselves(order: list[str]) -> None:
    assert match_names("task", order, NAMES) == tuple(order)


def test_two_packages_may_not_take_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint, EntryPoints

    import satclip_bench.core.registry

    points = [EntryPoint("pi", "other:pi", "g"), EntryPoint("tau", "math:tau", "g")]
    monkeypatch.setattr(
        satclip_bench.core.registry, "installed_entry_points", lambda: EntryPoints(points)
    )
    clash: Registry[float] = Registry("thing", {"pi": "math:pi"}, group="g")
    # The built-in entry stays, and only the other package's entry is left out.
    assert clash.load("pi") == pytest.approx(3.14159, abs=1e-5)
    assert clash.load("tau") == pytest.approx(6.28319, abs=1e-5)
    (message,) = clash.left_out()
    assert "'pi' = other:pi of group 'g' is left out: a built-in thing" in message
    points.append(EntryPoint("tau", "other:tau", "g"))
    two: Registry[float] = Registry("thing", {"pi": "math:pi"}, group="g")
    assert two.names() == ("pi", "tau")
    with pytest.raises(BenchError, match="two things are called 'tau'"):
        two.load("tau")
    points[:] = [EntryPoint("int.7", "other:x", "g"), EntryPoint("int", "other:x", "g")]
    families: Registry[float] = Registry("thing", {}, families={"int": "builtins:int"}, group="g")
    assert families.names() == ()
    assert len(families.left_out()) == 2
    points[:] = [EntryPoint("pi", "math:pi", "g"), EntryPoint("tau", "math:tau", "g")]
    fine: Registry[float] = Registry("thing", {}, group="g")
    assert fine.names() == ("pi", "tau")
    assert fine.load("tau") == pytest.approx(6.28319, abs=1e-5)


@pytest.fixture
def families() -> Registry[Callable[[], object]]:
    return Registry(
        "number",
        {"pi": "math:pi"},
        families={"int": "builtins:int", "lost": "no_such:x"},
        listed=("int.7", "pi"),
    )


def test_variants_of_a_family_are_made_whether_listed_or_not(
    families: Registry[Callable[[], object]],
) -> None:
    assert families.names() == ("int.7", "pi")
    assert families.load("int.7")() == 7
    assert families.load("int.12")() == 12
    with pytest.raises(UnknownNameError, match=r"no number is called 'float\.3'"):
        families.load("float.3")
    with pytest.raises(BenchError, match="number family 'lost' could not be imported"):
        families.load("lost.1")


def test_wildcards_select_listed_variants_and_names_unlisted_ones(
    families: Registry[Callable[[], object]],
) -> None:
    assert families.match(["int.*"]) == ("int.7",)
    assert families.match(["int.12, pi", "also"], also=["also"]) == ("int.12", "pi", "also")
    with pytest.raises(ValueError, match="invalid literal"):
        families.match(["int.x"])
    with pytest.raises(UnknownNameError, match=r"no number is called 'float\.\*'"):
        families.match(["float.*"])


@pytest.mark.parametrize("pattern", ["slepian", "slepian.*", "slepian*", "slepian.l40*"])
def test_a_family_without_listed_variants_says_which_it_has(pattern: str) -> None:
    with pytest.raises(UnknownNameError, match=r"'slepian.* variant has the number of degrees"):
        encoders.match([pattern])


def test_a_family_that_says_nothing_of_its_variants(
    families: Registry[Callable[[], object]],
) -> None:
    with pytest.raises(UnknownNameError, match=r"'int' is a family of numbers.* as in 'int.NAME'"):
        families.load("int")


def test_many_known_names_are_not_all_listed() -> None:
    names = [f"a{number}" for number in range(50)]
    with pytest.raises(UnknownNameError, match=r"Known: a0, .*, a19 and 30 more\.$"):
        match_names("task", ["qqq"], names)
