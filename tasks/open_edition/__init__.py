"""Real data that ships with the repository: Parquet files, their builder, their provenance."""
