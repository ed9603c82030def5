"""Changes that make an entry a false one, as `entries.edit` takes them."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]


def score(name: str, value: float | None) -> Any:
    def change(record: Json) -> None:
        if name in record["scores"]:
            record["scores"][name] = value

    return {"record": change}


def setting(name: str, value: object, where: int | None = None) -> Any:
    def change(rows: list[Json]) -> None:
        own = [r["record"] for r in rows if r["record"]["settings"]["encoder"] == "mine"]
        for record in own if where is None else own[where : where + 1]:
            record["settings"][name] = value

    return {"rows": change}


def field(name: str, value: object) -> Any:
    return {"manifest": lambda content: content.update({name: value})}


def card(**fields: object) -> Any:
    return {"manifest": lambda content: content["encoder"].update(fields)}


def better_numbers(rows: list[Json]) -> None:
    for row in rows:
        if row["numbers"]:
            row["numbers"][0] += 1.0


def fewer(rows: list[Json]) -> None:
    for row in rows:
        if row["numbers"]:
            del row["numbers"][-1]


def not_finite(rows: list[Json]) -> None:
    for row in rows:
        if row["numbers"]:
            row["numbers"][3] = float("nan")


def far_away(rows: list[Json]) -> None:
    for row in rows:
        if row["numbers"]:
            row["numbers"][3] = 1e12


def twice_a_class(rows: list[Json]) -> None:
    for row in rows:
        if row["classes"]:
            row["classes"][1] = row["classes"][0]


def sure(rows: list[Json]) -> None:
    for row in rows:
        if row["classes"]:
            row["target_probability"] = [1.0] * len(row["target_probability"])


def half(rows: list[Json]) -> None:
    del rows[-1]


def twice(rows: list[Json]) -> None:
    rows.append(json.loads(json.dumps(rows[-1])))


def other_baseline(rows: list[Json]) -> None:
    for row in rows:
        if row["record"]["settings"]["encoder"] == "baseline.mean":
            scores = row["record"]["scores"]
            scores["rmse" if "rmse" in scores else "accuracy"] *= 0.99


def failed(record: Json) -> None:
    record.update(status="failed", reason="out of memory")


def rename(name: str, builtin: bool = False) -> Any:
    def rows(all_rows: list[Json]) -> None:
        for row in all_rows:
            settings = row["record"]["settings"]
            if settings["encoder"] == "mine":
                settings["encoder"] = name
                if builtin:
                    settings["encoder_source_sha256"] = settings["encoder_embedding_sha256"] = ""

    return {"rows": rows, **card(name=name, title="Another title")}
