"""Kinds of figures and formats of their files, for the command line. Imports nothing."""

from __future__ import annotations

FROM_RESULTS = {
    "scores": "scores of every encoder on every task, with intervals, one panel per task",
    "ranks": "mean ranks with intervals, and which encoders tie",
    "critical-difference": "mean ranks on an axis, with bars that join tied encoders",
    "gap": "mean ranks under each split joined by lines, such as random and held-out regions",
    "regions": "score of every encoder in every held-out region of a task, as numbers on colours",
    "label-efficiency": "skill against the number of training points, one panel per task",
    "block-size": "skill against the size of the blocks that are held out, one panel per task",
    "maps": "target of each task on a map, with the regions that are held out",
    "splits": "training, validation and test points of every fold on maps",
}
"""Kinds that are drawn from the table of results, with what they show."""

FROM_RECORDS = {
    "predictions": "target, prediction of the best encoder and its error on maps",
    "distance": "skill against the distance to the nearest training point, with intervals",
    "cost": "mean skill against seconds of fitting and predicting per 10,000 points",
    "embeddings": "first three principal components of each encoder as colours on a globe",
}
"""Kinds that are drawn from records, predictions and encoders, with what they show."""

KINDS = {**FROM_RESULTS, **FROM_RECORDS}

DEFAULT = ("scores", "ranks", "gap", "maps", "splits")
"""Kinds that a finished run draws."""

FORMATS = ("png", "pdf", "svg")
