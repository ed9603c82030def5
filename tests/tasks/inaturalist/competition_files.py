"""Writes made-up files in the competition's format, with a given number of photographs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

LAND = np.array([[13.4, 52.5], [139.7, 35.7], [-58.4, -34.6], [25.0, 0.0], [-100.0, 40.0]])
CONTINENTS = ("Europe", "Asia", "South America", "Africa", "North America")


def photographs(
    rows: int, classes: int, seed: int, first_id: int = 1, unknown: float = 0.1
) -> list[dict[str, Any]]:
    """Photographs near five cities; each species occurs near one or two of them."""
    rng = np.random.default_rng([seed, rows])
    species = rng.permutation(np.resize(np.arange(classes), rows))
    city = np.where(rng.random(rows) < 0.9, species, species + 1) % len(LAND)
    lonlat = LAND[city] + rng.normal(size=(rows, 2))
    return [
        {
            "id": int(first_id + 7 * i),
            "species": int(species[i]),
            "lonlat": None if rng.random() < unknown else lonlat[i].tolist(),
        }
        for i in range(rows)
    ]


def write_set(folder: Path, name: str, photos: list[dict[str, Any]], classes: int) -> None:
    """Write annotations and locations of a set, in different orders."""
    folder = folder / "inaturalist"
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "info": {"year": 2018, "version": "1.0"},
        "images": [
            {
                "id": p["id"],
                "width": 800,
                "height": 600,
                "file_name": f"train_val2018/Aves/{p['species']}/{p['id']}.jpg",
                "license": 3,
                "rights_holder": 'somebody "else"',
            }
            for p in photos
        ],
        "categories": [
            {"id": c, "name": f"{c:04d}", "supercategory": "Aves", "kingdom": "kingdom"}
            for c in range(classes)
        ],
        "annotations": [
            {"id": p["id"], "image_id": p["id"], "category_id": p["species"]}
            for p in reversed(photos)
        ],
        "licenses": [{"id": 1, "name": "CC", "url": "http://"}],
    }
    (folder / f"{name}2018.json").write_text(json.dumps(document))
    places = [
        {
            "id": p["id"],
            "lat": None if p["lonlat"] is None else p["lonlat"][1],
            "lon": None if p["lonlat"] is None else p["lonlat"][0],
            "date": "2016-01-01 10:00:00+00:00",
            "date_c": 0.1,
            "user_id": None if p["id"] % 5 == 0 else 12,
        }
        for p in sorted(photos, key=lambda p: -p["id"])
    ]
    (folder / f"{name}2018_locations.json").write_text(json.dumps(places))


def write_competition(
    folder: Path, rows: tuple[int, int] = (400, 120), classes: int = 10, seed: int = 0
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Write the training and the validation set, and return their photographs."""
    train = photographs(rows[0], classes, seed)
    validation = photographs(rows[1], classes, seed + 1, first_id=100_000)
    write_set(folder, "train", train, classes)
    write_set(folder, "val", validation, classes)
    return train, validation
