"""Sightings, places and evidence for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from pipeline.types import EvidenceFile, Phase, Place, Reason, Sighting, ViewKey

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def sighting_id(name: object) -> UUID:
    """A derived id, the same for the same name."""
    return uuid5(NAMESPACE_URL, f"sighting/{name}")


def make_sighting(
    name: object = "a", sequence: int = 0, at_s: float = 0.0, **changes: Any
) -> Sighting:
    """A confirmed garbage sighting of gate-3 at noon plus `at_s`; `changes` replace fields."""
    phase = changes.pop("phase", Phase.STARTED if sequence == 0 else Phase.UPDATED)
    started = NOON + timedelta(seconds=changes.pop("start_s", 0.0))
    observed = NOON + timedelta(seconds=at_s)
    values: dict[str, Any] = {
        "sighting_id": sighting_id(name),
        "sequence": sequence,
        "phase": phase,
        "view": ViewKey("gate-3"),
        "zone_id": "pavement",
        "type": "garbage",
        "subtype": None,
        "xyxy_norm": (0.2, 0.5, 0.3, 0.6),
        "started_at": started,
        "confirmed_at": started + timedelta(seconds=30),
        "observed_at": observed,
        "ended_at": observed if phase is Phase.ENDED else None,
        "timestamp_s": observed.timestamp(),
        "started_s": started.timestamp(),
        "confidence": 0.8,
        "severity": 2,
        "reasons": (Reason("garbage_still", 0.7, {"dwell_s": 61.5, "label": "garbage"}),),
        "measures": {"area_px": 1200.0},
        "model": "patrol11n@1f2e3d",
    }
    return Sighting(**{**values, **changes})


def make_file(path: str = "2026/06/01/gate-3/x/clip.mp4", **changes: Any) -> EvidenceFile:
    """A clip's record."""
    values: dict[str, Any] = {
        "kind": "clip",
        "path": path,
        "sha256": uuid5(NAMESPACE_URL, path).hex * 2,
        "bytes": 1000,
        "media_type": "video/mp4",
        "start_s": NOON.timestamp(),
    }
    return EvidenceFile(**{**values, **changes})


def make_place(lon: float = 114.05, lat: float = 22.54, **changes: Any) -> Place:
    """A place in Futian, one metre of uncertainty."""
    values: dict[str, Any] = {"sigma_m": (1.0, 0.5), "grid_cell": "440304001"}
    return Place(lon, lat, **{**values, **changes})
