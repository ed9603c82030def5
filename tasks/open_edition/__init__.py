"""The open edition: tables that ship with the repository, and their provenance."""
