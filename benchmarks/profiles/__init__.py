"""Profiles of encoders: what an embedding is like, measured without labels."""
