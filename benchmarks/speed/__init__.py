"""Timing of encoders beside the code they were released with."""
