"""Tests of the tasks that the SatCLIP paper does not have: one source against another."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree
from scipy.stats import spearmanr

from satclip_bench.core.sphere import chord_to_km, equal_area_cells, unit_vectors
from satclip_bench.tasks import WIDE_TASKS, get_task, task_card
from satclip_bench.tasks.open_edition.tables import shipped_frame


def test_tasks_outside_the_paper_say_how_they_were_made_and_what_to_beware_of() -> None:
    for name in WIDE_TASKS:
        card = task_card(name)
        assert tuple(card.editions) == ("open",)
        assert card.editions["open"].processing
        assert card.caveats
        assert card.related


def joined(*names: str) -> pd.DataFrame:
    """Targets of tasks at the points that they share, one column per task."""
    frames = [shipped_frame(name).set_index(["lon", "lat"])["target"] for name in names]
    return pd.concat(frames, axis=1, join="inner", keys=names).reset_index()


def test_climate_zones_agree_with_the_precipitation_of_another_source() -> None:
    """The zones come from station data, the precipitation from a reanalysis."""
    table = joined("koppen_geiger", "precipitation")
    assert len(table) > 9_900
    zone = table["koppen_geiger"].to_numpy(dtype=np.str_)
    annual = np.expm1(table["precipitation"].to_numpy(dtype=np.float64))
    mm = {name: np.median(annual[zone == name]) for name in np.unique(zone).tolist()}
    assert mm["BWh"] < mm["BSh"] < mm["Aw"] < mm["Am"] < mm["Af"]
    assert mm["BWk"] < mm["BSk"] < mm["Dfb"] < mm["Cfa"]
    # A desert has at most half the precipitation of a steppe, for any temperature.
    assert mm["BWh"] < 150
    assert mm["Af"] > 2000


def test_climate_zones_and_land_cover_agree_on_ice() -> None:
    table = joined("koppen_geiger", "land_cover")
    ice = table["land_cover"].astype(str) == "Permanent snow and ice"
    frozen = table["koppen_geiger"].astype(str).isin(["EF", "ET"])
    assert frozen[ice].mean() > 0.9
    assert frozen[~ice].mean() < 0.1


def test_airports_are_as_high_as_the_land_around_them() -> None:
    """Two independent sources: a list of airports, and a grid made of terrain models."""
    airports, land = get_task("airport_elevation").load(), get_task("elevation").load()
    chord, nearest = cKDTree(unit_vectors(land.lonlat)).query(unit_vectors(airports.lonlat))
    near = chord_to_km(np.asarray(chord)) <= 5
    assert near.sum() > 50
    r = np.corrcoef(airports.target[near], land.target[np.asarray(nearest)[near]])[0, 1]
    assert r > 0.9


def test_at_most_one_airport_in_a_cell() -> None:
    cells = equal_area_cells(get_task("airport_elevation").load().lonlat, 0.5)
    assert len(np.unique(cells)) == len(cells)


def test_tasks_of_counties_share_their_counties() -> None:
    first = shipped_frame("median_income")
    for name in WIDE_TASKS:
        if name.startswith("county_"):
            assert shipped_frame(name)[["lon", "lat", "fips"]].equals(first[["lon", "lat", "fips"]])
    counties = joined("median_income", "county_unemployment", "county_gini")
    assert spearmanr(counties["median_income"], counties["county_unemployment"]).statistic < -0.2
    assert spearmanr(counties["median_income"], counties["county_gini"]).statistic < -0.5


def test_classes_of_urbanisation_are_in_the_order_of_population_density() -> None:
    """Two sources: a map of settlements, and a proxy from the inhabitants of named places."""
    urban, people = get_task("degree_of_urbanisation").load(), get_task("population_density").load()
    assert urban.classes is not None
    assert set(np.bincount(urban.target.astype(np.int64)).tolist()) == {1400}
    chord, nearest = cKDTree(unit_vectors(people.lonlat)).query(unit_vectors(urban.lonlat))
    near = chord_to_km(np.asarray(chord)) <= 25
    density = people.target[np.asarray(nearest)[near]]
    classes = np.array(urban.classes)[urban.target[near].astype(np.int64)]
    median = {name: np.median(density[classes == name]) for name in urban.classes}
    assert median["Very-low-density rural"] < median["Low-density rural"] < median["Urban centre"]
    assert median["Rural cluster"] < median["Suburban or peri-urban"]


def test_densities_of_zip_areas_and_counties_agree() -> None:
    zips, counties = get_task("zip_density").load(), get_task("county_density").load()
    chord, nearest = cKDTree(unit_vectors(counties.lonlat)).query(unit_vectors(zips.lonlat))
    near = chord_to_km(np.asarray(chord)) <= 10
    a, b = zips.target[near], counties.target[np.asarray(nearest)[near]]
    # Two censuses, twenty years apart, in the same unit: zip areas lie where people live.
    assert np.corrcoef(a, b)[0, 1] > 0.85
    assert 0 < np.mean(a - b) < 0.7
