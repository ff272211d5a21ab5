"""The values of the patrol's decisions: scenes, suspicions, sightings and incidents.

A scene is what rules may see of one moment. A rule answers with suspicions, confirmation turns
suspicions into sightings, fusion turns sightings into incidents. All are plain values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

IncidentType = Literal["street_vending", "garbage", "overflowing_bin", "missing_helmet", "crowding"]
"""What can happen. `garbage` becomes subtype "dumping" when it is known who put it there."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom; pixels of the full frame unless the name says `_norm`."""


@dataclass(frozen=True, slots=True, order=True)
class ViewKey:
    """One fixed framing: a fixed camera has one view, an eagle-eye one per preset."""

    camera_id: str
    view_id: str = "main"

    def __str__(self) -> str:
        return f"{self.camera_id}/{self.view_id}"


class TrackState(StrEnum):
    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Track:
    """One object followed over time in one view.

    Attributes:
        track_id: Unique in one camera session; never compared across sessions.
        label: Class name from `models.labels`.
        xyxy: Last box, pixels of the full frame.
        confidence: Of the last detection, 0..1; 0.5 at the threshold of its class.
        first_seen_s: Media time of the first detection.
        last_seen_s: Media time of the last detection; older than the scene's time when unseen now.
        still_since_s: Since when it has not moved by more than its still tolerance, None if moving.
        hits: Number of glances in which it was detected.
        state: tentative until seen often enough, lost when not seen now.
    """

    track_id: int
    label: str
    xyxy: Box
    confidence: float
    first_seen_s: float
    last_seen_s: float
    still_since_s: float | None
    hits: int
    state: TrackState = TrackState.CONFIRMED


@dataclass(frozen=True, slots=True)
class NovelObject:
    """Something new and still that the view's background did not have, class unknown.

    Attributes:
        object_id: Stable while the object stays.
        xyxy: Pixels of the full frame.
        since_s: Media time at which it was first seen there.
        last_seen_s: Media time at which it was last seen there.
    """

    object_id: int
    xyxy: Box
    since_s: float
    last_seen_s: float


@dataclass(frozen=True, slots=True)
class CrowdCount:
    """People counted in a zone where boxes saturate; `method` is "boxes" or "density"."""

    zone_id: str
    people: float
    method: str


@dataclass(frozen=True, slots=True)
class BoxAt:
    """One step of a box track for the player: media time, box in 0..1, label, role."""

    timestamp_s: float
    xyxy_norm: Box
    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class ClaimKey:
    """What a rule's claim is about; tells it from all other claims of its view."""

    type: IncidentType
    zone_id: str
    subject: str | None


@dataclass(frozen=True, slots=True)
class Act:
    """How a thing came to lie where it lies, as the look-back saw it.

    Attributes:
        xyxy: The thing's place, pixels of the full frame.
        appeared_s: Media time from which it was to be seen there.
        claim: The claim that asked: a bag beside a stall is not the stall, nor the bag of before.
        actor: Class of who brought it, None when nobody was seen at the place.
        arrived_s: When the actor came to the place.
        left_s: When the actor left it, None while still there at the end of what was decoded.
        path: The actor's boxes.
        in_memory: False when the packets held do not reach back to the place without it.
    """

    xyxy: Box
    appeared_s: float
    claim: ClaimKey
    actor: str | None = None
    arrived_s: float | None = None
    left_s: float | None = None
    path: tuple[BoxAt, ...] = ()
    in_memory: bool = True


@dataclass(frozen=True, slots=True)
class Scene:
    """What the rules see of one view at one moment.

    Attributes:
        view: The view.
        timestamp_s: Media time of the picture.
        captured_at: Wall clock of the picture, aware UTC.
        size: (width, height) of the full frame in pixels.
        tracks: All tracks alive, lost ones included until they are dropped.
        novel: New and still objects of unknown class.
        counts: Crowd counts by zone, empty when nobody asked.
        looking: True while the view has full attention (a look), False for a glance.
        acts: What look-backs of the last minutes found.
    """

    view: ViewKey
    timestamp_s: float
    captured_at: datetime
    size: tuple[int, int]
    tracks: tuple[Track, ...]
    novel: tuple[NovelObject, ...] = ()
    counts: tuple[CrowdCount, ...] = ()
    looking: bool = False
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """One line of the trace: what counted, for how much, in plain words.

    Attributes:
        code: Stable name for machines, e.g. "stall_still", "attended", "passers_by".
        weight: Share of the claim's strength that it gave, -1..1.
        detail: Values behind it, e.g. {"dwell_s": 64.0, "confidence": 0.71}.
    """

    code: str
    weight: float
    detail: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A rule's claim about one place at one moment, which needs confirming.

    Attributes:
        type: Incident type claimed.
        zone_id: Zone whose rule claims it.
        xyxy: Place, pixels of the full frame.
        since_s: Media time from which the claim holds without a break that matters.
        strength: 0..1, how well the evidence supports the claim now.
        ripe: The rule's own dwell is over; an unripe suspicion only asks for attention.
        subject: Track or object the claim is about, e.g. "t12"; None for a whole zone.
        reasons: Why.
        measures: Numbers worth keeping with the incident, e.g. {"people": 34}.
        subtype: Finer kind, e.g. "dumping", None if none.
        look_back: How it began is not known yet, and worth a look back.
        absent_s: Media time of the last picture before it that showed the place without it, None
            when there was none.
    """

    type: IncidentType
    zone_id: str
    xyxy: Box
    since_s: float
    strength: float
    ripe: bool
    subject: str | None = None
    reasons: tuple[Reason, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    subtype: str | None = None
    look_back: bool = False
    absent_s: float | None = None

    @property
    def key(self) -> ClaimKey:
        """What it is about."""
        return ClaimKey(self.type, self.zone_id, self.subject)


class Phase(StrEnum):
    STARTED = "started"
    UPDATED = "updated"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One view's confirmed claim: type, place, time, why. The unit that leaves a worker.

    Attributes:
        sighting_id: uuid5 of site, view, type, zone, place and start: a re-send is the same.
        sequence: 0 for the start, growing with every update; (sighting_id, sequence) is unique.
        phase: started, updated or ended.
        view: Where it was seen.
        zone_id: Zone whose rule claimed it.
        type: Incident type.
        subtype: Finer kind or None.
        xyxy_norm: Place, 0..1 of the full frame.
        started_at: Wall clock of the first support of the claim, aware UTC.
        confirmed_at: Wall clock of the confirmation.
        observed_at: Wall clock of the picture behind this message.
        ended_at: Wall clock of the first picture that saw the place clear, when ended.
        timestamp_s: Media time of the picture behind this message.
        started_s: Media time of the first support.
        confidence: 0..1 after confirmation.
        severity: 1 (low) to 4 (urgent).
        reasons: Trace.
        measures: Numbers kept with the incident.
        model: Name and hash of the weight, e.g. "patrol11n@1f2e3d".
    """

    sighting_id: UUID
    sequence: int
    phase: Phase
    view: ViewKey
    zone_id: str
    type: IncidentType
    subtype: str | None
    xyxy_norm: Box
    started_at: datetime
    confirmed_at: datetime
    observed_at: datetime
    ended_at: datetime | None
    timestamp_s: float
    started_s: float
    confidence: float
    severity: int
    reasons: tuple[Reason, ...]
    measures: Mapping[str, float]
    model: str


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One file of an incident's evidence, named relative to the evidence root.

    Attributes:
        kind: "clip", "clip_h264", "snapshot", "boxes", "before", "after", "act" (the clip of how it
            began), "act_h264", "act_boxes" (who did it), "close".
        path: Relative path with forward slashes.
        sha256: Hex digest of the file.
        bytes: Its size.
        media_type: E.g. "video/mp4".
        start_s: Media time of its first picture, None if it has no time.
    """

    kind: str
    path: str
    sha256: str
    bytes: int
    media_type: str
    start_s: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the ground, WGS-84, with its uncertainty.

    Attributes:
        lon: Degrees.
        lat: Degrees.
        sigma_m: (major, minor) standard deviations of the uncertainty ellipse in metres.
        heading_deg: Bearing of the major axis, clockwise from north.
        grid_cell: Code of the management grid cell or None.
        area_m2: Ground area of the object or crowd, None if unknown.
    """

    lon: float
    lat: float
    sigma_m: tuple[float, float]
    heading_deg: float = 0.0
    grid_cell: str | None = None
    area_m2: float | None = None
