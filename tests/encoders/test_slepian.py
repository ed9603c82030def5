"""Slepian functions of caps, boxes and polygons, compared with energies integrated otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import roots_legendre

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.core.files import sha256_file
from satclip_bench.core.sphere import great_circle_km
from satclip_bench.encoders import check_encoder, get_encoder
from satclip_bench.encoders.layers import concentration
from satclip_bench.encoders.layers.concentration import box_nodes, concentrated, polygon_nodes
from satclip_bench.encoders.layers.spherical_harmonics import real_harmonics
from satclip_bench.encoders.lookup.polygons import read_rings
from satclip_bench.encoders.slepian import (
    CONCENTRATED,
    RegionalSlepian,
    cap_coefficients,
    from_variant,
)


def integrated(degrees: int, low: float, high: float) -> NDArray[np.float64]:
    """Integrals of products of all harmonics between two latitudes' sines, `(L**2, L**2)`."""
    z, weight = roots_legendre(degrees + 3)
    z, weight = (high + low) / 2 + (high - low) / 2 * z, (high - low) / 2 * weight
    lon = np.arange(2 * degrees + 1) * 360 / (2 * degrees + 1) - 180
    grid = np.stack(np.meshgrid(lon, np.degrees(np.arcsin(z))), axis=-1).reshape(-1, 2)
    area = np.repeat(weight, len(lon)) * 2 * np.pi / len(lon)
    Y = real_harmonics(grid, degrees)
    return np.asarray((Y * area[:, None]).T @ Y)


@pytest.mark.parametrize(("degrees", "radius"), [(9, 40.0), (12, 90.0), (6, 150.0), (1, 120.0)])
def test_they_are_eigenvectors_of_the_energy_in_the_cap(degrees: int, radius: float) -> None:
    energy = integrated(degrees, np.cos(np.radians(radius)), 1.0)
    coefficients, shares = cap_coefficients(degrees, radius)
    assert energy @ coefficients == pytest.approx(coefficients * shares, abs=1e-10)
    assert coefficients.T @ coefficients == pytest.approx(np.eye(len(shares)), abs=1e-10)
    # None with half of its energy is missing: a hemisphere has some with exactly that.
    values = np.linalg.eigvalsh(energy)
    assert np.sort(shares) == pytest.approx(values[values > 0.5 - 1e-9], abs=1e-10)
    shannon = degrees**2 * (1 - np.cos(np.radians(radius))) / 2
    assert abs(len(shares) - shannon) <= degrees


def test_energy_lies_around_the_centre() -> None:
    encoder = get_encoder("slepian.l20-20deg-100.5w-40n")
    rng = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, 20_000)))
    points = np.stack([rng.uniform(-180, 180, 20_000), lat], axis=1)
    energy = (encoder.encode(points).astype(np.float64) ** 2).sum(axis=1)
    centre = np.broadcast_to([-100.5, 40.0], points.shape)
    near = great_circle_km(points, centre) < 20 * 111.2
    assert energy[near].sum() / energy.sum() > 0.8
    assert near.mean() < 0.04


def test_turning_the_cap_turns_the_functions() -> None:
    pole, equator = get_encoder("slepian.l9-50deg-0e-90n"), get_encoder("slepian.l9-50deg-30e-0n")
    distance = np.arange(0.0, 180, 7)
    meridian = np.stack([np.full_like(distance, 30.0), 90 - distance], axis=1)
    along = np.stack([30 + distance, np.zeros_like(distance)], axis=1)
    energies = [(e.encode(p) ** 2).sum(axis=1) for e, p in ((pole, meridian), (equator, along))]
    assert energies[0] == pytest.approx(energies[1], abs=1e-4)


def circle(centre: tuple[float, float], radius: float, vertices: int = 720) -> NDArray[np.float64]:
    """Vertices on the edge of a cap, `(vertices, 2)`, by spherical trigonometry."""
    bearing, r, lat0 = np.arange(vertices) * 2 * np.pi / vertices, np.radians(radius), centre[1]
    south = np.radians(lat0)
    lat = np.arcsin(np.sin(south) * np.cos(r) + np.cos(south) * np.sin(r) * np.cos(bearing))
    lon = np.arctan2(
        np.sin(bearing) * np.sin(r) * np.cos(south), np.cos(r) - np.sin(south) * np.sin(lat)
    )
    return np.stack([centre[0] + np.degrees(lon), np.degrees(lat)], axis=1)


@pytest.mark.parametrize(("degrees", "radius", "lat"), [(12, 30.0, 35.0), (20, 25.0, -10.0)])
def test_a_cap_as_a_polygon_has_the_shares_of_the_cap(
    degrees: int, radius: float, lat: float
) -> None:
    nodes = polygon_nodes([circle((15.0, lat), radius)], degrees)
    assert nodes.weights.sum() == pytest.approx(2 * np.pi * (1 - np.cos(np.radians(radius))), 1e-4)
    coefficients, shares = concentrated(nodes, degrees, CONCENTRATED)
    assert shares == pytest.approx(np.sort(cap_coefficients(degrees, radius)[1])[::-1], abs=1e-4)
    assert coefficients.T @ coefficients == pytest.approx(np.eye(len(shares)), abs=1e-10)
    # The same space, whatever its basis.
    cap = get_encoder(f"slepian.l{degrees}-{radius:g}deg-15e-{abs(lat):g}{'s' if lat < 0 else 'n'}")
    points = np.random.default_rng(0).uniform([-180, -90], [180, 90], (300, 2))
    energy = ((real_harmonics(points, degrees) @ coefficients) ** 2).sum(axis=1)
    assert energy == pytest.approx((cap.encode(points) ** 2).sum(axis=1), abs=2e-2)


@pytest.mark.parametrize(("degrees", "box"), [(10, (-130, -60, 20, 50)), (8, (170, -150, -40, 90))])
def test_a_box_has_the_eigenvalues_of_its_energy(
    degrees: int, box: tuple[float, float, float, float]
) -> None:
    """Against the midpoint rule on a fine grid of equal areas."""
    west, east, south, north = box
    nodes = box_nodes(*box, degrees)
    width = (east - west) % 360
    low, high = np.sin(np.radians([south, north]))
    area = np.radians(width) * (high - low)
    assert nodes.weights.sum() == pytest.approx(area, rel=1e-12)
    fine = (np.arange(200) + 0.5) / 200
    lon, lat = west + width * fine, np.degrees(np.arcsin(low + (high - low) * fine))
    Y = real_harmonics(np.stack(np.meshgrid(lon, lat), axis=-1).reshape(-1, 2), degrees)
    energy = Y.T @ Y * area / len(Y)
    coefficients, shares = concentrated(nodes, degrees, CONCENTRATED)
    expected = np.linalg.eigvalsh(energy)[::-1]
    assert shares == pytest.approx(expected[expected > CONCENTRATED], abs=2e-4)
    assert np.linalg.eigvalsh(coefficients.T @ energy @ coefficients)[::-1] == pytest.approx(
        shares, abs=2e-4
    )
    # All shares sum up to the Shannon number; about as many are above one half.
    all_of_them = concentrated(nodes, degrees, 1e-12)[1]
    shannon = degrees**2 * area / (4 * np.pi)
    assert all_of_them.sum() == pytest.approx(shannon, rel=1e-6)
    assert abs(len(shares) - shannon) < degrees / 2


@pytest.mark.parametrize("name", ["slepian.l40-us", "slepian.l20-60w-60e-60s-60n"])
def test_columns_do_not_depend_on_rounding_or_on_the_quadrature(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shares near 1 coincide, and eigenvectors of these would be arbitrary."""
    encoder = get_encoder(name)
    points = np.random.default_rng(0).uniform([-125, 25], [-66, 49], (200, 2))
    monkeypatch.setattr(concentration, "_MORE_NODES", 20)
    assert get_encoder(name).encode(points) == pytest.approx(encoder.encode(points), abs=1e-5)


def test_polygons_of_a_file(tmp_path: Path) -> None:
    gpd, shapely = pytest.importorskip("geopandas"), pytest.importorskip("shapely")
    shape = shapely.box(-10, 35, 30, 60).difference(shapely.box(5, 40, 15, 50))
    path = tmp_path / "basin.geojson"
    gpd.GeoDataFrame(geometry=[shape], crs="EPSG:4326").to_file(path)
    encoder = from_variant("l20-basin", file=path)
    assert isinstance(encoder, RegionalSlepian)
    check_encoder(encoder)
    whole, hole = (box_nodes(*b, 20) for b in ((-10, 30, 35, 60), (5, 15, 40, 50)))
    assert encoder.area == pytest.approx(whole.weights.sum() - hole.weights.sum(), rel=1e-9)
    assert encoder.card.parameters["region_sha256"] == sha256_file(path)
    # The same polygons in another CRS: corners are converted, and edges stay straight.
    other = tmp_path / "basin.gpkg"
    gpd.GeoDataFrame(geometry=[shape], crs="EPSG:4326").to_crs("EPSG:3857").to_file(other)
    again = get_encoder("slepian.l20-basin", file=other)
    lonlat = np.array([[0.0, 45.0], [10.0, 45.0], [170.0, -50.0]])
    assert again.encode(lonlat) == pytest.approx(encoder.encode(lonlat), abs=1e-5)

    def refused(words: str, shapes: list[object], crs: str | None = "EPSG:4326") -> None:
        bad = tmp_path / "bad.gpkg"
        bad.unlink(missing_ok=True)
        gpd.GeoDataFrame(geometry=shapes, crs=crs).to_file(bad)
        with pytest.raises(EncoderError, match=words):
            get_encoder("slepian.l20-basin", file=bad)

    refused("has a Point among its geometries", [shapely.Point(1, 2)])
    refused("has no polygon with an area", [shapely.Polygon()])
    refused("outside of the longitudes", [shapely.box(0, 80, 10, 100)])
    refused("no function of 20 degrees has half", [shapely.box(0, 0, 1, 1)])
    (tmp_path / "text.geojson").write_text("hello")
    with pytest.raises(EncoderError, match=r"text\.geojson cannot be read as polygons"):
        get_encoder("slepian.l20-basin", file=tmp_path / "text.geojson")
    with pytest.raises(EncoderError, match="there is no file"):
        get_encoder("slepian.l20-basin", file=tmp_path / "none.geojson")
    for name in ("slepian.l20-us", "slepian.l20-25deg-15e-50n", "slepian.basin"):
        with pytest.raises(UnknownNameError, match="cannot be the name of a file's region"):
            get_encoder(name, file=path)


FIJI = (176.0, -178.0, -20.0, -16.0)


@pytest.mark.parametrize(
    ("crs", "box"),
    [
        # Fiji's map; Mercator around 150 east; degrees on another ellipsoid.
        *(("EPSG:3460", FIJI), ("EPSG:3832", FIJI), ("EPSG:4301", FIJI)),
        # Edges longer than half a turn, on maps with the edge at 180 and elsewhere.
        *(("EPSG:3857", (-180.0, 180.0, -60.0, 60.0)), ("EPSG:3832", (-29.0, -31.0, -9.0, 9.0))),
        # A pole that is a line.
        ("EPSG:4087", (-180.0, 180.0, -90.0, -60.0)),
        # An edge beside the pole of a map where that is a point.
        ("EPSG:3031", (100.0, -90.0, -89.0, -70.0)),
    ],
)
def test_projected_polygons_keep_their_region(
    tmp_path: Path, crs: str, box: tuple[float, float, float, float]
) -> None:
    gpd, shapely = pytest.importorskip("geopandas"), pytest.importorskip("shapely")
    west, east, south, north = box
    outer = shapely.box(west, south, east if east > west else east + 360, north)
    # The hole is on the other side of the antimeridian than the first vertices.
    hole = shapely.affinity.translate(shapely.affinity.scale(outer, 0.2, 0.2), 0.3)
    shape = shapely.segmentize(outer.difference(hole), 60 if crs == "EPSG:3031" else 360)
    path = tmp_path / "region.gpkg"
    # Degrees of another ellipsoid are a few hundred metres away.
    frame = gpd.GeoDataFrame(geometry=[shape], crs=crs if crs == "EPSG:4301" else "EPSG:4326")
    frame.to_crs(crs).to_file(path)
    rings = [np.asarray(ring.coords)[:-1] for ring in (shape.exterior, *shape.interiors)]
    whole = polygon_nodes(rings, 9)
    nodes = polygon_nodes(read_rings(path), 9)
    assert nodes.weights.sum() == pytest.approx(whole.weights.sum(), rel=1e-3)
    of_file, expected = (n.weights @ real_harmonics(n.lonlat, 3) for n in (nodes, whole))
    assert of_file == pytest.approx(expected, abs=1e-3 * whole.weights.sum())


def test_overlaps_across_the_antimeridian_count_once(tmp_path: Path) -> None:
    gpd, shapely = pytest.importorskip("geopandas"), pytest.importorskip("shapely")
    shapes = [shapely.box(170, -10, 190, 10), shapely.box(-180, -10, -165, 10)]
    for crs in ("EPSG:4326", "EPSG:3832"):
        path = tmp_path / f"{crs[-4:]}.gpkg"
        gpd.GeoDataFrame(geometry=shapes, crs="EPSG:4326").to_crs(crs).to_file(path)
        nodes = polygon_nodes(read_rings(path), 9)
        once = box_nodes(170, -165, -10, 10, 9)
        assert nodes.weights.sum() == pytest.approx(once.weights.sum(), rel=1e-9)


def test_polygons_around_a_pole_are_refused(tmp_path: Path) -> None:
    gpd, shapely = pytest.importorskip("geopandas"), pytest.importorskip("shapely")
    around = shapely.Point(0, 0).buffer(2e6)
    wedge = shapely.Polygon([(0, 0), (2e6, 0), (0, 2e6)])
    through, degrees = shapely.box(-1e6, 0, 1e6, 1e6), shapely.box(-180, 60, 180, 90)
    south, north, tokyo = "EPSG:3031", "EPSG:3995", "EPSG:4301"
    for i, (shape, crs) in enumerate(
        [(around, south), (around, north), (wedge, south), (through, north), (degrees, tokyo)]
    ):
        path = tmp_path / f"{i}.gpkg"
        gpd.GeoDataFrame(geometry=[shape], crs=crs).to_file(path)
        with pytest.raises(EncoderError, match=r"gpkg cannot be used: .* a pole, .* EPSG:4326"):
            read_rings(path)


def test_a_region_of_no_width_is_an_error() -> None:
    with pytest.raises(EncoderError, match="too narrow"):
        polygon_nodes([np.array([[10.0, 0.0], [10.0, 5.0], [10.0, 9.0]])], 9)


def test_names_of_boxes() -> None:
    box = get_encoder("slepian.l40-125w-66.5w-24.5n-49.5n")
    named = get_encoder("slepian.l40-us")
    assert box.card.dimension == named.card.dimension == 45
    assert box.card.parameters == named.card.parameters
    check_encoder(get_encoder("slepian.l9-170e-150w-40s-90n"))
    for wrong in (
        *("l201-us", "l40-mars", "l9-10e-10e-0n-9n", "l9-10e-20e-9n-0n", "l9-0e-190e-0n-9n"),
        *("l9-0e-9e-0n-91n", "l9-0n-9n-0e-9e", "l9-0e-9e-0n", "l9-180e-180w-0n-9n"),
    ):
        with pytest.raises(UnknownNameError, match=r"as in 'slepian\.l40-us'"):
            get_encoder(f"slepian.{wrong}")
    with pytest.raises(EncoderError, match="more degrees, or a larger region"):
        get_encoder("slepian.l10-california")


def test_the_contract_and_the_names() -> None:
    encoder = from_variant("l12-60deg-15e-50s")
    check_encoder(encoder)
    assert encoder.card.name == "slepian.l12-60deg-15e-50s"
    assert encoder.card.parameters["lat"] == -50
    for wrong in ("l10", "l201-20deg-0e-0n", "l10-180deg-0e-0n", "l10-20deg-0e-91n", "l9-9deg-0-0"):
        with pytest.raises(UnknownNameError, match=r"as in 'slepian\.l40-25deg-15e-50n'"):
            get_encoder(f"slepian.{wrong}")
    with pytest.raises(EncoderError, match="more degrees, or a greater radius"):
        get_encoder("slepian.l3-5deg-0e-0n")
