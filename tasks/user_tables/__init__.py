"""Tables of points that users bring, as tasks."""
