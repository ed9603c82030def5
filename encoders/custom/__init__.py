"""Custom encoders: their files, names and fingerprints."""
