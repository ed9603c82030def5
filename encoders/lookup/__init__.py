"""Encoders' tables: rasters, grids and databases that are looked up by place."""
