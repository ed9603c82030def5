"""Timing of encoders, beside the code that they were released with."""
