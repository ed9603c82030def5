"""Tasks made from tables of points that users provide."""
