"""What an incident is, given all its sightings: the best evidence leads, agreement adds weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.fusion.estimate import combined, to_place
from pipeline.ledger.fusion import Kept
from pipeline.ledger.fusion import combine as combine_plainly
from pipeline.ledger.types import Incident, PlacedSighting
from pipeline.types import Place

_NEAR_BEST = 0.8
"""Sightings with this share of the best confidence compete for the lead by sharpness."""

_UNKNOWN_M = 5.0
"""Sharpness of a sighting without a place: like one known to five metres."""

MAX_SEVERITY = 4


def combine(kept: Kept, sightings: Sequence[PlacedSighting]) -> Incident:
    """The incident that these sightings make; a drop-in for `pipeline.ledger.fusion.combine`.

    The nearest and sharpest of the confident sightings leads. The place is that of all views
    together. Severity rises by one when a second camera confirms, and confidence as that of
    independent witnesses: 1 - product(1 - confidence).

    Raises:
        ValueError: There is no sighting.
    """
    incident = combine_plainly(kept, sightings)
    lead = leading(sightings).sighting
    cameras = confirming_cameras(sightings)
    return replace(
        incident,
        view=lead.view,
        zone_id=lead.zone_id,
        subtype=lead.subtype or incident.subtype,
        place=_place(sightings),
        confidence=_agreed(sightings),
        severity=min(MAX_SEVERITY, incident.severity + (cameras > 1)),
        reasons=lead.reasons,
        measures={**lead.measures, "cameras": float(cameras)},
        model=lead.model,
    )


def leading(sightings: Sequence[PlacedSighting]) -> PlacedSighting:
    """The sighting to show first: confident, then near (small ellipse), then large in picture."""
    best = max(placed.sighting.confidence for placed in sightings)
    confident = [p for p in sightings if p.sighting.confidence >= _NEAR_BEST * best]
    return min(confident, key=lambda p: (_blur_m(p), -_share(p), str(p.sighting.sighting_id)))


def confirming_cameras(sightings: Sequence[PlacedSighting]) -> int:
    """How many different cameras claim it."""
    return len({placed.sighting.view.camera_id for placed in sightings})


def _blur_m(placed: PlacedSighting) -> float:
    return placed.place.sigma_m[0] if placed.place else _UNKNOWN_M


def _share(placed: PlacedSighting) -> float:
    x1, y1, x2, y2 = placed.sighting.xyxy_norm
    return (x2 - x1) * (y2 - y1)


def _agreed(sightings: Sequence[PlacedSighting]) -> float:
    best: dict[str, float] = {}
    for placed in sightings:
        camera, confidence = placed.sighting.view.camera_id, placed.sighting.confidence
        best[camera] = max(best.get(camera, 0.0), confidence)
    doubt = 1.0
    for confidence in best.values():
        doubt *= 1.0 - confidence
    return 1.0 - doubt


def _place(sightings: Sequence[PlacedSighting]) -> Place | None:
    estimate = combined(sightings)
    if estimate is None:
        return None
    sharpest = min((p for p in sightings if p.place), key=_blur_m).place
    assert sharpest is not None
    return to_place(estimate, sharpest.grid_cell, sharpest.area_m2)
