"""The foundation: names, files and the sphere. Knows no task, no encoder and no probe."""
