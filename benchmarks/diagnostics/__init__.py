"""Diagnostics of where encoders fail, as pure functions of locations, targets and predictions."""
