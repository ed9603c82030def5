"""Maps of embeddings: their first three principal components over the globe, as colours."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.report.coastlines import ATTRIBUTION
from satclip_bench.benchmarks.report.drawing import Drawing
from satclip_bench.benchmarks.report.map_axes import draw_world_coast
from satclip_bench.benchmarks.report.style import COLUMN, GREY, LIGHT, SMALL, figure, save
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import km_to_chord, unit_vectors
from satclip_bench.encoders import LocationEncoder
from satclip_bench.encoders.base import Embedding, call_encoder
from satclip_bench.encoders.lookup.partial import UncoveredPointsWarning
from satclip_bench.tasks import get_task

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from sklearn.decomposition import PCA

Float = NDArray[np.float64]

STEP = 0.5
"""Distance between the points of the map in degrees."""
DISC = 241
"""Number of points across a view from above."""
COAST_KM = 150.0
"""Distance in km beyond which a point counts as sea, from the nearest of 10,000 points spread
evenly over land."""
PALE = 0.55
"""Share of white in the colours of the sea."""
ENDS = (1, 99)
"""Percentiles over land at which the range of colours ends."""

VIEWS = (("North Pole", 0.0, 90.0), ("Antimeridian", 180.0, 0.0), ("South Pole", 0.0, -90.0))


@dataclass(frozen=True)
class Colouring:
    """Mapping from embeddings to colours, fitted to points over land.

    Attributes:
        pca: principal components of the embedding, without scaling.
        low, high: `(3,)` scores at which the range of colours begins and ends.
        land: tree of unit vectors of the points over land.
    """

    pca: PCA
    low: Float
    high: Float
    land: Any

    def __call__(self, encoder: LocationEncoder, lonlat: Float) -> Float:
        """Colours `(N, 3)` from 0 to 1 of points `(N, 2)`; paler over the sea."""
        scores = self.pca.transform(_embed(encoder, lonlat))
        colours = np.clip((scores - self.low) / (self.high - self.low), 0, 1)
        distance, _ = self.land.query(unit_vectors(lonlat))
        sea = distance > km_to_chord(COAST_KM)
        colours[sea] = 1 - (1 - colours[sea]) * (1 - PALE)
        return np.asarray(colours, dtype=np.float64)


def _embed(encoder: LocationEncoder, lonlat: Float) -> Embedding:
    with warnings.catch_warnings():
        # A map has points all over the globe, which a table of one region does not cover.
        warnings.simplefilter("ignore", UncoveredPointsWarning)
        return call_encoder(encoder, lonlat, "the points of a map")


def fit_colours(encoder: LocationEncoder) -> Colouring:
    """Fit the principal components of an embedding over land, and the range of their colours.

    Raises:
        BenchError: the encoder fails, its weights are not available, or its embedding has fewer
            than three dimensions or is constant over land.
    """
    from scipy.spatial import KDTree
    from sklearn.decomposition import PCA

    points = get_task("elevation").load().lonlat
    embedding = _embed(encoder, points)
    if embedding.shape[1] < 3:
        raise BenchError(
            f"{encoder.card.name!r} has an embedding of {embedding.shape[1]} dimensions: at least "
            "three are needed to draw it as colours"
        )
    if not np.ptp(embedding, axis=0).any():
        raise BenchError(f"the embedding of {encoder.card.name!r} is the same everywhere on land")
    pca = PCA(3, svd_solver="full").fit(embedding.astype(np.float64))
    low, high = np.percentile(pca.transform(embedding), ENDS, axis=0)
    # Avoids a division by zero; a component without variance stays dark.
    high = np.maximum(high, low + np.finfo(np.float32).tiny)
    return Colouring(pca, low, high, KDTree(unit_vectors(points)))


def draw_embedding(
    encoder: LocationEncoder, path: Path, step: float = STEP, disc: int = DISC
) -> Path:
    """Draw an encoder, as `embedding_drawing`, to one file.

    Raises:
        BenchError: as `fit_colours`.
    """
    drawing = embedding_drawing(encoder, path.stem, step, disc)
    with figure(drawing.width, drawing.height) as fig:
        drawing.draw(fig)
        return save(fig, path)


def embedding_drawing(
    encoder: LocationEncoder, name: str, step: float = STEP, disc: int = DISC
) -> Drawing:
    """An encoder's first three principal components as red, green and blue.

    The figure shows the world in Mollweide's equal-area projection, and views from above of the
    places where encoders tend to go wrong: both poles and the antimeridian.

    Args:
        encoder: encoder to draw.
        name: name of the figure.
        step: distance between the points of the world map in degrees.
        disc: number of points across a view from above.

    Raises:
        BenchError: as `fit_colours`.
    """
    colour = fit_colours(encoder)

    def draw(fig: Figure) -> None:
        grid = fig.add_gridspec(2, 3, height_ratios=(1.5, 1))
        _world(fig, grid[0, :], encoder, colour, step)
        for i, view in enumerate(VIEWS):
            _disc(fig.add_subplot(grid[1, i]), view, encoder, colour, disc)

    shares = [f"{share:.0%}" for share in colour.pca.explained_variance_ratio_]
    caption = (
        f"{encoder.card.title}: the first three principal components of the embedding as red, "
        f"green and blue. They explain {', '.join(shares)} of its variance over land. Colours "
        f"range from the {ENDS[0]}st to the {ENDS[1]}th percentile over land. The sea is paler. "
        f"Coastlines: {ATTRIBUTION}."
    )
    return Drawing(name, COLUMN, 2.85, draw, caption)


def _world(
    fig: Figure, where: Any, encoder: LocationEncoder, colour: Colouring, step: float
) -> None:
    ax = fig.add_subplot(where, projection="mollweide")
    lon = np.arange(-180, 180, step) + step / 2
    lat = np.arange(-90, 90, step) + step / 2
    lonlat = np.stack(np.meshgrid(lon, lat), axis=-1)
    colours = colour(encoder, lonlat.reshape(-1, 2)).reshape(*lonlat.shape[:2], 3)
    edges = (np.radians(np.append(v - step / 2, v[-1] + step / 2)) for v in (lon, lat))
    ax.pcolormesh(*edges, colours, rasterized=True)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines["geo"].set_edgecolor(LIGHT)
    draw_world_coast(ax, colors="black", linewidths=0.3, zorder=1.5)


def _disc(
    ax: Axes,
    view: tuple[str, float, float],
    encoder: LocationEncoder,
    colour: Colouring,
    points: int,
) -> None:
    title, lon, lat = view
    side = np.linspace(-1, 1, points)
    x, y = np.meshgrid(side, side)
    visible = x**2 + y**2 < 1
    colours = np.ones((points, points, 3))
    colours[visible] = colour(encoder, seen_from(lon, lat, x[visible], y[visible]))
    ax.imshow(colours, origin="lower", interpolation="nearest")
    ax.set_axis_off()
    ax.set_title(title, fontsize=SMALL, fontweight="normal", color=GREY)


def seen_from(lon: float, lat: float, x: Float, y: Float) -> Float:
    """Points on the globe at positions of a disc seen from far above a place, `(N, 2)` degrees.

    This is the inverse of the orthographic projection (Snyder 1987, Map Projections: A Working
    Manual, USGS Professional Paper 1395, eq. 20-14 and 20-15), in vectors.

    Args:
        lon: longitude of the centre of the disc in degrees.
        lat: latitude of the centre of the disc in degrees.
        x: `(N,)` positions to the right, in radii.
        y: `(N,)` positions upwards, in radii.

    Example:
        >>> import numpy as np
        >>> seen_from(10.0, 50.0, np.zeros(1), np.zeros(1)).round(6)
        array([[10., 50.]])
    """
    middle = unit_vectors(np.array([[lon, lat]]))[0]
    turn = np.radians(lon)
    right = np.array([-np.sin(turn), np.cos(turn), 0.0])
    up = np.cross(middle, right)
    height = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    vectors = x[:, None] * right + y[:, None] * up + height[:, None] * middle
    degrees = [np.arctan2(vectors[:, 1], vectors[:, 0]), np.arcsin(np.clip(vectors[:, 2], -1, 1))]
    lonlat: Float = np.degrees(np.stack(degrees, axis=1))
    return lonlat
