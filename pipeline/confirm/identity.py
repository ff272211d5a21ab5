"""Ids derived from what happened, so that a re-send is the same sighting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from pipeline.boxes import centre
from pipeline.types import Box, IncidentType, ViewKey

NAMESPACE = UUID("6f1d3c52-6c0b-5b52-9d53-0a3e7f4c9a11")
"""Namespace of all sighting ids; changing it makes every known sighting a new one."""

PLACES = 64
"""A place is rounded to this many steps of the frame's width and height."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where sightings come from: part of every id and message.

    Attributes:
        site_id: Id of the site.
        view: The view.
        model: Name and hash of the weight, e.g. "patrol11n@1f2e3d"; no part of the id.
    """

    site_id: str
    view: ViewKey
    model: str


@dataclass(frozen=True, slots=True)
class Topic:
    """What a zone's rule claims: the type and the zone."""

    type: IncidentType
    zone_id: str


def sighting_id(origin: Origin, topic: Topic, started_at: datetime, place_norm: Box) -> UUID:
    """uuid5 of site, view, type, zone, start in whole seconds and rounded place."""
    x, y = centre(place_norm)
    name = "|".join(
        (
            origin.site_id,
            str(origin.view),
            topic.type,
            topic.zone_id,
            str(round(started_at.timestamp())),
            f"{round(x * PLACES)},{round(y * PLACES)}",
        )
    )
    return uuid5(NAMESPACE, name)
