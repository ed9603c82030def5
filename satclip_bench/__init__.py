"""Benchmark and evaluation suite for location encoders."""
