"""The incident event that consumers read: pydantic models, because these bytes cross our border."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.events.dispatch import Dispatch

MAX_EVENT_BYTES = 64 * 1024
"""What every CloudEvents intermediary must forward (CloudEvents 1.0, size limits)."""

EVENT_TYPE_PREFIX = "cn.skygrid.incident."
Phase = Literal[
    "started", "updated", "ended", "accepted", "rejected", "reopened", "merged", "split"
]
Fraction = Annotated[float, Field(ge=0, le=1)]


class EventError(Exception):
    """The bytes are not an incident event that this version understands."""


class _Message(BaseModel):
    # Unknown members are ignored: a consumer must survive a producer that is a version ahead.
    model_config = ConfigDict(frozen=True, extra="ignore")


class PlaceMessage(_Message):
    """A point on the ground with its uncertainty."""

    crs: Literal["WGS84"] = "WGS84"
    lon: Annotated[float, Field(ge=-180, le=180)]
    lat: Annotated[float, Field(ge=-90, le=90)]
    sigma_m: Annotated[
        tuple[float, float],
        Field(description="Standard deviations of the uncertainty ellipse, major then minor"),
    ]
    heading_deg: Annotated[float, Field(description="Bearing of the major axis from north")] = 0.0
    grid_cell: str | None = None
    area_m2: float | None = None


class ReasonMessage(_Message):
    """One line of the trace: what counted, for how much."""

    code: str
    weight: Annotated[float, Field(ge=-1, le=1)]
    detail: dict[str, float | int | str] = {}


class SightingMessage(_Message):
    """One view's claim that the incident was merged from."""

    sighting_id: UUID
    camera: str
    view: str
    zone: str
    box_norm: Annotated[
        tuple[Fraction, Fraction, Fraction, Fraction],
        Field(description="Left, top, right, bottom; 0..1 of the full frame"),
    ]
    started_at: datetime
    observed_at: datetime
    ended_at: datetime | None
    confidence: Fraction


class EvidenceMessage(_Message):
    """One evidence file by reference: a path below the evidence root, never a URL."""

    kind: str
    path: Annotated[str, Field(pattern=r"^[^/\\:][^\\:]*$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0)]
    media_type: str


class IncidentMessage(_Message):
    """The `data` of an event: the whole incident as it is after the event."""

    incident_id: UUID
    incident_type: str
    subtype: str | None
    state: Literal["open", "ended"]
    review: Literal["pending", "accepted", "rejected"]
    phase: Phase
    dispatch: Annotated[
        Dispatch,
        Field(description="due: send it out; waiting: for a person; withdrawn: call it back"),
    ]
    camera: str
    view: str
    zone: str
    place: PlaceMessage | None
    started_at: datetime
    confirmed_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    confidence: Fraction
    severity: Annotated[int, Field(ge=1, le=4, description="1 low, 4 urgent")]
    reasons: list[ReasonMessage]
    measures: dict[str, float]
    model: str
    sightings: list[SightingMessage]
    sightings_total: int
    evidence: list[EvidenceMessage]
    evidence_total: int
    recurrence_of: UUID | None
    merged_into: UUID | None
    detail: Annotated[
        dict[str, str], Field(description="Of a verdict: who, reason, comment; else empty")
    ] = {}


class IncidentEvent(_Message):
    """A CloudEvents 1.0 event in structured JSON; identical `source` and `id` are duplicates."""

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(pattern=r"^/skygrid/.+$")]
    type: Annotated[str, Field(pattern=r"^cn\.skygrid\.incident\.[a-z]+\.v1$")]
    subject: Annotated[str, Field(description="camera/incident")]
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    partitionkey: Annotated[str, Field(description="Grid cell, or the camera when uncalibrated")]
    sequence: Annotated[
        str, Field(pattern=r"^\d{10}$", description="Grows per incident; compares as text")
    ]
    dataref: Annotated[str | None, Field(description="Path of the leading clip")] = None
    data: IncidentMessage


def parse_event(fields: Mapping[str, str]) -> IncidentEvent:
    """The event in a stream entry's fields.

    Raises:
        EventError: There is no `event` field, or it is not a valid incident event.
    """
    body = fields.get("event")
    if body is None:
        raise EventError(f"entry must have the field 'event', got {sorted(fields)[:12]}")
    if len(body) > MAX_EVENT_BYTES:
        raise EventError(f"event must be at most {MAX_EVENT_BYTES} bytes, got {len(body)}")
    try:
        return IncidentEvent.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EventError(f"event is not valid at '{where}': {first['msg']}") from error
