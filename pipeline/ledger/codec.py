"""Sightings, places and evidence files as plain JSON values and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from pipeline.types import (
    Box,
    EvidenceFile,
    IncidentType,
    Phase,
    Place,
    Reason,
    Sighting,
    ViewKey,
)

Json = dict[str, Any]
_V = TypeVar("_V")


def time_text(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, sortable as text.

    Raises:
        ValueError: The time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"time must be aware, got {at!r}")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_of(text: str) -> datetime:
    """The aware time that `time_text` wrote."""
    return datetime.fromisoformat(text).astimezone(UTC)


def finite(values: Mapping[str, _V]) -> dict[str, _V]:
    """Without numbers that JSON does not have: NaN and infinities."""
    return {k: v for k, v in values.items() if not isinstance(v, float) or math.isfinite(v)}


def reasons_json(reasons: tuple[Reason, ...]) -> list[Json]:
    """The trace, a list of {code, weight, detail}."""
    return [{"code": r.code, "weight": r.weight, "detail": finite(r.detail)} for r in reasons]


def reasons_of(values: list[Json]) -> tuple[Reason, ...]:
    """The trace that `reasons_json` wrote."""
    return tuple(Reason(v["code"], v["weight"], v["detail"]) for v in values)


def sighting_json(sighting: Sighting) -> Json:
    """A sighting as JSON values."""
    return {
        "sighting_id": str(sighting.sighting_id),
        "sequence": sighting.sequence,
        "phase": str(sighting.phase),
        "camera_id": sighting.view.camera_id,
        "view_id": sighting.view.view_id,
        "zone_id": sighting.zone_id,
        "type": sighting.type,
        "subtype": sighting.subtype,
        "xyxy_norm": list(sighting.xyxy_norm),
        "started_at": time_text(sighting.started_at),
        "confirmed_at": time_text(sighting.confirmed_at),
        "observed_at": time_text(sighting.observed_at),
        "ended_at": None if sighting.ended_at is None else time_text(sighting.ended_at),
        "timestamp_s": sighting.timestamp_s,
        "started_s": sighting.started_s,
        "confidence": sighting.confidence,
        "severity": sighting.severity,
        "reasons": reasons_json(sighting.reasons),
        "measures": finite(sighting.measures),
        "model": sighting.model,
    }


def sighting_of(value: Mapping[str, Any]) -> Sighting:
    """The sighting that `sighting_json` wrote; KeyError or ValueError when it is not one."""
    return Sighting(
        sighting_id=UUID(value["sighting_id"]),
        sequence=int(value["sequence"]),
        phase=Phase(value["phase"]),
        view=ViewKey(value["camera_id"], value["view_id"]),
        zone_id=value["zone_id"],
        type=cast(IncidentType, value["type"]),
        subtype=value["subtype"],
        xyxy_norm=box_of(value["xyxy_norm"]),
        started_at=time_of(value["started_at"]),
        confirmed_at=time_of(value["confirmed_at"]),
        observed_at=time_of(value["observed_at"]),
        ended_at=None if value["ended_at"] is None else time_of(value["ended_at"]),
        timestamp_s=value["timestamp_s"],
        started_s=value["started_s"],
        confidence=value["confidence"],
        severity=value["severity"],
        reasons=reasons_of(value["reasons"]),
        measures=value["measures"],
        model=value["model"],
    )


def box_of(values: list[float]) -> Box:
    """Four numbers as a box; ValueError when they are not four."""
    left, top, right, bottom = values
    return float(left), float(top), float(right), float(bottom)


def place_json(place: Place) -> Json:
    """A place as JSON values."""
    return {**asdict(place), "sigma_m": list(place.sigma_m)}


def place_of(value: Mapping[str, Any]) -> Place:
    """The place that `place_json` wrote."""
    major, minor = value["sigma_m"]
    return Place(**{**value, "sigma_m": (major, minor)})


def evidence_json(file: EvidenceFile) -> Json:
    """An evidence file's record as JSON values."""
    return asdict(file)


def evidence_of(value: Mapping[str, Any]) -> EvidenceFile:
    """The record that `evidence_json` wrote."""
    return EvidenceFile(**value)
