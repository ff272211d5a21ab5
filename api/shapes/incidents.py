"""Incidents and verdicts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from api.settings import RejectReason
from api.shapes.base import Answer, Area, Asked, Identifier, Name, Words
from pipeline.events.dispatch import Dispatch
from pipeline.types import IncidentType

IncidentStates = Literal["open", "ended"]
ReviewStates = Literal["pending", "accepted", "rejected"]


class IncidentQuery(Asked):
    """Filters of the incident list. Times are RFC 3339 with a zone."""

    type: tuple[IncidentType, ...] = Field((), max_length=10)
    state: tuple[IncidentStates, ...] = Field((), max_length=2)
    review: tuple[ReviewStates, ...] = Field((), max_length=3)
    camera: tuple[Identifier, ...] = Field((), max_length=200)
    grid: Area | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    text: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    severity_min: int | None = Field(None, ge=1, le=4)
    assigned_to: Name | None = None
    merged: bool = False
    order: Literal["urgent", "newest"] = "newest"
    limit: int = Field(50, ge=1, le=200)
    cursor: Annotated[str, Field(max_length=300)] | None = None


class PlaceOut(Answer):
    """A point on the ground, WGS-84."""

    lon: float
    lat: float
    sigma_m: float | None


class IncidentSummary(Answer):
    """One incident in a list. `files` are signed URLs that expire."""

    incident_id: UUID
    type: str
    subtype: str | None
    state: str
    review: str
    version: int = Field(description="Repeat it in a verdict; it grows with every verdict.")
    dispatch: Dispatch = Field(
        description="due: goes out; waiting: for a verdict; withdrawn: called back."
    )
    camera_id: str
    camera_name: str
    view_id: str
    zone_id: str
    place: PlaceOut | None
    grid_cell: str | None
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    confidence: float
    severity: int
    measures: dict[str, float]
    model: str
    recurrence_of: UUID | None
    merged_into: UUID | None
    assigned_to: str | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    files: dict[str, str]


class IncidentPage(Answer):
    """One page of incidents."""

    items: list[IncidentSummary]
    next_cursor: str | None = Field(description="Give it back as `cursor`; null at the end.")


class EvidenceOut(Answer):
    """One file of evidence with a signed URL that expires."""

    evidence_id: int
    sighting_id: UUID
    kind: str
    url: str
    sha256: str
    bytes: int
    media_type: str
    start_s: float | None


class ActionOut(Answer):
    """Something that an operator did to an incident."""

    id: int
    at: datetime
    username: str
    action: str
    reason: str | None
    comment: str
    detail: dict[str, Any]
    version: int


class ReasonOut(Answer):
    """One line of the trace, and the same in plain words."""

    code: str
    weight: float
    detail: dict[str, Any]
    words: str


class SightingOut(Answer):
    """What one view saw."""

    sighting_id: UUID
    phase: str
    camera_id: str
    view_id: str
    zone_id: str
    started_at: datetime
    confirmed_at: datetime
    observed_at: datetime
    ended_at: datetime | None
    started_s: float
    timestamp_s: float
    confidence: float
    xyxy_norm: list[float]
    place: dict[str, Any] | None


class IncidentDetail(IncidentSummary):
    """One incident with all that belongs to it."""

    reasons: list[ReasonOut]
    sightings: list[SightingOut]
    evidence: list[EvidenceOut]
    history: list[ActionOut]
    neighbours: list[IncidentSummary]
    zone: dict[str, Any] | None = Field(description="The zone as it is now, for the overlay.")


class VerdictIn(Asked):
    """What an operator decides. Send an `Idempotency-Key` header so that a retry is harmless."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"action": "accept", "version": 0},
                {"action": "reject", "version": 0, "reason": "lawful", "comment": "permit 2213"},
            ]
        },
    )

    action: Literal["accept", "reject", "reopen", "merge", "split", "assign", "comment"]
    version: int | None = Field(None, ge=0, le=2**31 - 1, description="`version` as it was seen.")
    reason: RejectReason | None = None
    comment: Words = ""
    into: UUID | None = Field(None, description="For merge: the incident that stays.")
    sightings: tuple[UUID, ...] = Field((), max_length=200, description="For split: who leaves.")
    assignee: Name | None = Field(None, description="For assign: a user, null to release.")


class VerdictOut(Answer):
    """What came of a verdict."""

    incident_id: UUID
    review: str
    version: int
    action_id: int
    detail: dict[str, Any]
    replayed: bool = Field(description="The same Idempotency-Key was seen before.")


class BulkItem(Asked):
    """One incident of a bulk verdict."""

    incident_id: UUID
    version: int = Field(ge=0, le=2**31 - 1)


class BulkIn(Asked):
    """One verdict over many incidents; each stands or falls by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {"incident_id": "6a4f1c9e-1d0b-5f3a-9a57-5c1b1f0f7d21", "version": 0}
                    ],
                    "action": "accept",
                },
            ]
        }
    )

    items: tuple[BulkItem, ...] = Field(min_length=1, max_length=200)
    action: Literal["accept", "reject"]
    reason: RejectReason | None = None
    comment: Words = ""


class BulkResult(Answer):
    """What came of one item."""

    incident_id: UUID
    status: int
    detail: str
    version: int | None = None


class BulkOut(Answer):
    """What came of a bulk verdict, in the order of its items."""

    results: list[BulkResult]
