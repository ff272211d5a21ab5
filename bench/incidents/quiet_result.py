"""What quiet days raised: false alarms per camera-day, in all and by what (file input)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.incidents.alarms import Alarm, alarms_of
from bench.incidents.intervals import rate_over_places
from pipeline.ledger.codec import sighting_of
from sample_videos.quiet import FORM
from sample_videos.weather import DAY_S

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
"""When every quiet day begins."""

_Rows = list[dict[str, Any]]


def quiet_result(folder: Path, glance_s: float) -> dict[str, Any]:
    """False alarms per camera-day of all pieces in a folder: in all, by kind and by place."""
    days = [list(_pieces(day)) for day in sorted(folder.glob("day-*"))]
    every = [piece for day in days for piece in day]
    alarms = [
        {"day": day[0]["day"], "kind": day[0]["kind"], "place": day[0]["place"], **a.to_json()}
        for day in days if day for a in _alarms(day)
    ]  # fmt: skip
    return {
        "form": FORM,
        "model": folder.parent.name,
        "glance_s": glance_s,
        "commits": sorted({p["commit"] for p in every}),
        "all": _rate(alarms, every),
        **{f"by_{name}": _rates_by(name, alarms, every) for name in ("kind", "place")},
        "by_type": dict(Counter(str(a["type"]) for a in alarms)),
        "by_day": {day[0]["day"]: _of_day(day, alarms) for day in days if day},
        "alarms": alarms,
    }  # fmt: skip


def _of_day(day: _Rows, alarms: _Rows) -> dict[str, Any]:
    """Where, how long, and what was raised how often in one day."""
    name = day[0]["day"]
    return {
        "place": day[0]["place"],
        "watched_s": sum(piece["watched_s"] for piece in day),
        "by_type": dict(Counter(str(a["type"]) for a in alarms if a["day"] == name)),
    }


def _pieces(day: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(day.glob("piece-*.json")):
        yield {"day": day.name, **json.loads(path.read_text(encoding="utf-8"))}


def _alarms(day: list[dict[str, Any]]) -> list[Alarm]:
    sightings = [sighting_of(row) for piece in day for row in piece["sightings"]]
    return [a for a in alarms_of(sightings, MIDNIGHT.timestamp()) if a.reopens is None]


def _rates_by(name: str, alarms: _Rows, pieces: _Rows) -> dict[str, dict[str, Any]]:
    parts: dict[str, tuple[_Rows, _Rows]] = {p[name]: ([], []) for p in pieces}
    for number, rows in enumerate((alarms, pieces)):
        for row in rows:
            parts[row[name]][number].append(row)
    return {value: _rate(*part) for value, part in sorted(parts.items())}


def _rate(alarms: _Rows, pieces: _Rows) -> dict[str, Any]:
    days = sum(p["watched_s"] for p in pieces) / DAY_S
    raised = Counter(a["place"] for a in alarms)
    watched: Counter[str] = Counter()
    for piece in pieces:
        watched[piece["place"]] += piece["watched_s"]
    low, high = rate_over_places(
        [raised[place] for place in watched], [s / DAY_S for s in watched.values()]
    )
    counted = ("pictures", "in_looks", "detected", "twice", "cpu_s")
    return {
        "camera_days": days, **{name: sum(p.get(name, 0) for p in pieces) for name in counted},
        "false_alarms": len(alarms), "false_per_day": len(alarms) / days if days else None,
        "interval": [low, high if days else None],
    }  # fmt: skip
