"""Lookup of embeddings by location in tables, rasters, grids and databases."""
