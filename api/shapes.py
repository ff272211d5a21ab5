"""What goes over HTTP: bodies of requests and answers, with examples for the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.security.principal import Role
from pipeline.types import IncidentType

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{1,63}$")]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Words = Annotated[str, Field(max_length=2000)]
Area = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,40}$")]
Scope = Literal[
    "audit:read",
    "cameras:read",
    "events:read",
    "evidence:read",
    "export:read",
    "incidents:judge",
    "incidents:read",
    "people:admin",
    "statistics:read",
    "zones:write",
]
RejectReason = Literal[
    "not_there",
    "lawful",
    "wrong_object",
    "wrong_place",
    "passing",
    "duplicate",
    "bad_picture",
    "test",
    "other",
]
IncidentStates = Literal["open", "ended"]
ReviewStates = Literal["pending", "accepted", "rejected"]


class Asked(BaseModel):
    """Base of requests: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """Base of answers."""

    model_config = ConfigDict(frozen=True)


class Problem(Answer):
    """RFC 9457 problem document."""

    title: str
    status: int
    detail: str | None = None


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
        extra="forbid",
        frozen=True,
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


class CameraOut(Answer):
    """One camera: where it is, how it is, and its newest pictures."""

    camera_id: str
    name: str
    views: list[str]
    lon: float | None
    lat: float | None
    heading_deg: float | None
    fov_deg: float | None
    range_m: float | None
    footprint: list[list[float]] | None
    grid_cell: str | None
    state: str
    reason: str
    since: datetime | None
    glances_per_s: float
    measures: dict[str, float]
    updated_at: datetime
    open_incidents: int


class CameraList(Answer):
    """All cameras in the caller's areas."""

    items: list[CameraOut]


class ZonesIn(Asked):
    """Zones to save. `version` is the version that was edited."""

    version: int = Field(ge=0, le=2**31 - 1)
    zones: tuple[dict[str, Any], ...] = Field(max_length=100)
    note: Annotated[str, Field(max_length=500)] = ""


class ZonesCheck(Asked):
    """Zones to check without saving."""

    zones: tuple[dict[str, Any], ...] = Field(max_length=100)


class ZonesOut(Answer):
    """One version of a view's zones."""

    camera_id: str
    view_id: str
    version: int
    zones: list[dict[str, Any]]
    saved_by: str
    saved_at: datetime | None
    note: str


class ZoneHistory(Answer):
    """Versions of a view's zones, newest first."""

    items: list[ZonesOut]


class ZoneProblem(Answer):
    """Something wrong with zones: where and what."""

    where: str
    message: str


class ZonesChecked(Answer):
    """What the check found; empty means that they can be saved."""

    problems: list[ZoneProblem]


class Me(Answer):
    """Who is signed in."""

    username: str
    role: Role
    areas: list[str]
    scopes: list[str]
    language: str | None
    expires_at: datetime
    csrf: str | None


class MeIn(Asked):
    """Change of one's own settings."""

    language: Literal["zh", "en"] | None = None


class PasswordIn(Asked):
    """Change of one's own password."""

    old: Annotated[str, Field(max_length=200)]
    new: Annotated[str, Field(max_length=200)]


class UserIn(Asked):
    """A new user."""

    username: Name
    display_name: Annotated[str, Field(max_length=100)] = ""
    role: Role
    areas: tuple[Area, ...] = Field((), max_length=100, description="Grid code prefixes; [] = all")


class UserChange(Asked):
    """A change of a user; what is left out stays."""

    display_name: Annotated[str, Field(max_length=100)] | None = None
    role: Role | None = None
    areas: tuple[Area, ...] | None = Field(None, max_length=100)
    disabled: bool | None = None


class UserOut(Answer):
    """A user."""

    id: int
    username: str
    display_name: str
    role: Role
    areas: list[str]
    disabled: bool
    created_at: datetime
    can_sign_in: bool


class UserMade(UserOut):
    """A user with the one-time link that sets the password; it is shown once."""

    link: str


class UserList(Answer):
    """Everybody."""

    items: list[UserOut]


class LinkOut(Answer):
    """A one-time link that sets a password."""

    link: str
    expires_at: datetime


class TokenIn(Asked):
    """A new token for a machine; it acts for the user who makes it."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: tuple[Scope, ...] = Field(min_length=1, max_length=20)
    days: int = Field(90, ge=1, le=730)


class TokenOut(Answer):
    """A token without its secret."""

    id: int
    name: str
    username: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    revoked: bool


class TokenMade(Answer):
    """A token's secret; it is shown once."""

    id: int
    secret: str


class TokenList(Answer):
    """All tokens."""

    items: list[TokenOut]


class FilterIn(Asked):
    """A filter to keep under a name."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    query: dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=300)]] = (
        Field(max_length=20)
    )


class FilterOut(Answer):
    """A kept filter."""

    id: int
    name: str
    query: dict[str, str]


class FilterList(Answer):
    """The caller's filters."""

    items: list[FilterOut]


class AuditRow(Answer):
    """One line of the audit log."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    client: str
    hash: str


class AuditPage(Answer):
    """Lines of the audit log, newest first."""

    items: list[AuditRow]
    next_before: int | None


class AuditVerdict(Answer):
    """Whether the chain holds."""

    intact: bool
    first_broken: int | None
