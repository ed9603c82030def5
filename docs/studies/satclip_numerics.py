"""Draw docs/satclip-numerics.png and print the table in docs/satclip-numerics.md.

Run it from the root of the repository: python docs/studies/satclip_numerics.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from satclip_bench.encoders.layers.harmonics_siren import satclip_basis
from satclip_bench.encoders.layers.satclip_polynomials import released_basis

DEGREES = (10, 20, 30, 40)
FIGURE = Path(__file__).parents[1] / "satclip-numerics.png"


def lost_digits(degrees: int, lat: NDArray[np.float64], points: int = 64) -> NDArray[np.float64]:
    """Largest error of the released harmonics at each latitude, over columns and longitudes."""
    lon = np.linspace(-180, 180, points, endpoint=False)
    errors = []
    for value in lat:
        lonlat = np.stack([lon, np.full(points, value)], axis=1)
        errors.append(np.abs(released_basis(lonlat, degrees) - satclip_basis(lonlat, degrees)))
    return np.array([error.max() for error in errors])


def main() -> None:
    """Compute the errors, print the table and draw the figure."""
    lat = np.linspace(0, 90, 91)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    print("| L | " + " | ".join(f"{t}°" for t in (0, 30, 45, 60, 75, 90)) + " |")
    for degrees, colour in zip(DEGREES, ("#9ecae1", "#4292c6", "#fd8d3c", "#a63603"), strict=True):
        worst = lost_digits(degrees, lat)
        axes.semilogy(lat, worst, color=colour)
        axes.annotate(
            f"L={degrees}", (90, worst[-1]), (4, 0), textcoords="offset points", va="center"
        )
        print(f"| {degrees} | " + " | ".join(f"{worst[t]:.0e}" for t in (0, 30, 45, 60, 75, 90)))
    axes.axhline(1e-5, color="#999999", linewidth=0.8, linestyle=":")
    axes.set(
        xlim=(0, 90),
        xlabel="latitude (degrees)",
        ylabel="largest error of a harmonic",
        title="Rounding errors of SatCLIP's released harmonics",
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(FIGURE, dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
