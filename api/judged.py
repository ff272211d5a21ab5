"""Judged sightings with their pictures, read from the store for an export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from api.store.schema import incident_review
from pipeline.evidence.boxtrack import BoxTrack, read_box_track
from pipeline.evidence.errors import EvidenceError
from pipeline.ledger.codec import box_of
from pipeline.ledger.database import reading
from pipeline.ledger.tables import EvidenceRow, IncidentRow, SightingMessageRow, SightingRow
from pipeline.types import Box, Phase

Json = dict[str, Any]
HARD_NEGATIVES = ("not_there", "wrong_object")
"""Rejections that say that the claimed thing is not in the picture; the others say it is lawful,
elsewhere or known, so their pictures teach the rules, not the detector."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which verdicts.

    Attributes:
        since: Only incidents started at or after this time, aware.
        until: And before this time.
        types: Only these incident types; empty for all.
    """

    since: datetime | None = None
    until: datetime | None = None
    types: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """One judged sighting with its picture.

    Attributes:
        sighting: Its newest message.
        claim: Where it was claimed when the picture was taken.
        taken_at: When that was.
        review, reason, decided_by: The verdict.
        picture: The file; `picture_s` is its media time, `size` its width and height in pixels.
        track: What the detector saw around that time.
        others: Where else the same type was claimed in the picture and not denied since; only
            where the verdict teaches the detector something.
    """

    sighting: Json
    claim: Box
    taken_at: datetime
    review: str
    reason: str | None
    decided_by: str | None
    picture: Path
    picture_s: float | None
    track: BoxTrack | None
    size: tuple[int, int]
    others: tuple[Box, ...]

    @property
    def name(self) -> str:
        return f"{self.sighting['sighting_id']}.jpg"

    @property
    def is_hard_negative(self) -> bool:
        return self.teaches and self.review == "rejected"

    @property
    def teaches(self) -> bool:
        return _teaches(self.review, self.reason)


def examples(engine: Engine, root: Path, which: Which) -> Iterator[Example | None]:
    """Every judged sighting, in order of time; None where its picture is gone or broken.

    Args:
        root: The evidence folder.
    """
    for row in _judged(engine, which):
        files = _files(engine, row.sighting_id)
        snapshot = files.get("snapshot")
        picture = _inside(root, snapshot.path) if snapshot is not None else None
        size = jpeg_size(picture) if picture is not None else None
        if snapshot is None or picture is None or size is None:
            yield None
            continue
        taken_at = row.first_at or row.observed_at
        yield Example(
            sighting=row.body,
            claim=box_of(row.first_box or row.body["xyxy_norm"]),
            taken_at=taken_at,
            review=row.review,
            reason=row.reason,
            decided_by=row.decided_by,
            picture=picture,
            picture_s=snapshot.start_s,
            track=_track(root, files.get("boxes")),
            size=size,
            others=_others(engine, row, taken_at) if _teaches(row.review, row.reason) else (),
        )


def _teaches(review: str, reason: str | None) -> bool:
    return review == "accepted" or (review == "rejected" and reason in HARD_NEGATIVES)


def _judged(engine: Engine, which: Which) -> list[Any]:
    """Judged sightings; their pictures are of the first message, and so is `first_box`."""
    incident, seen = IncidentRow.__table__.c, SightingRow.__table__.c
    first = SightingMessageRow.__table__.c
    is_first = sa.and_(first.sighting_id == seen.sighting_id, first.sequence == 0)
    query = (
        sa.select(
            seen.sighting_id,
            seen.incident_id,
            seen.camera_id,
            seen.view_id,
            seen.type,
            seen.body,
            seen.observed_at,
            first.xyxy_norm.label("first_box"),
            first.observed_at.label("first_at"),
            incident.review,
            incident_review.c.reason,
            incident_review.c.decided_by,
        )
        .join_from(
            SightingRow.__table__, IncidentRow.__table__, seen.incident_id == incident.incident_id
        )
        .outerjoin(incident_review, incident_review.c.incident_id == incident.incident_id)
        .outerjoin(SightingMessageRow.__table__, is_first)
        .where(incident.review.in_(("accepted", "rejected")))
        .order_by(seen.started_at, seen.sighting_id)
    )
    if which.types:
        query = query.where(incident.type.in_(which.types))
    if which.since is not None:
        query = query.where(incident.started_at >= which.since)
    if which.until is not None:
        query = query.where(incident.started_at < which.until)
    with reading(engine) as session:
        return list(session.execute(query))


def _others(engine: Engine, row: Any, taken_at: datetime) -> tuple[Box, ...]:
    """Where else the type was claimed in the view at that time, unless denied since."""
    seen, incident = SightingRow.__table__.c, IncidentRow.__table__.c
    told = SightingMessageRow.__table__.c
    denied = sa.and_(incident.review == "rejected", incident_review.c.reason.in_(HARD_NEGATIVES))
    query = (
        sa.select(seen.sighting_id, told.xyxy_norm, told.observed_at)
        .join_from(
            SightingRow.__table__, IncidentRow.__table__, seen.incident_id == incident.incident_id
        )
        .join(SightingMessageRow.__table__, told.sighting_id == seen.sighting_id)
        .outerjoin(incident_review, incident_review.c.incident_id == incident.incident_id)
        .where(
            seen.incident_id != row.incident_id,
            seen.camera_id == row.camera_id,
            seen.view_id == row.view_id,
            seen.type == row.type,
            seen.started_at <= taken_at,
            sa.or_(seen.phase != Phase.ENDED.value, seen.observed_at >= taken_at),
            sa.not_(sa.func.coalesce(denied, sa.false())),
        )
        .order_by(seen.sighting_id, told.sequence)
    )
    boxes: dict[object, Box] = {}
    with reading(engine) as session:
        for message in session.execute(query):
            if message.sighting_id not in boxes or message.observed_at <= taken_at:
                boxes[message.sighting_id] = box_of(message.xyxy_norm)
    return tuple(boxes.values())


def _files(engine: Engine, sighting_id: object) -> dict[str, Any]:
    files = EvidenceRow.__table__
    query = sa.select(files.c.kind, files.c.path, files.c.start_s).where(
        files.c.sighting_id == sighting_id, files.c.removed_at.is_(None)
    )
    with reading(engine) as session:
        return {row.kind: row for row in session.execute(query.order_by(files.c.evidence_id))}


def _inside(root: Path, relative: str) -> Path | None:
    path = (root / relative).resolve()
    return path if path.is_relative_to(root.resolve()) and path.is_file() else None


def _track(root: Path, row: Any) -> BoxTrack | None:
    path = _inside(root, row.path) if row is not None else None
    try:
        return read_box_track(path.read_bytes()) if path is not None else None
    except (EvidenceError, OSError):
        return None


def seen_in(example: Example) -> list[tuple[Box, str, float]]:
    """The detector's boxes in the picture: those of the track's frame nearest to it in time."""
    track = example.track
    if track is None or not track.frames:
        return []
    at_s = example.picture_s if example.picture_s is not None else example.sighting["timestamp_s"]
    frame = min(track.frames, key=lambda f: abs(f.t_s + track.start_s - at_s))
    if abs(frame.t_s + track.start_s - at_s) > track.hold_s:
        return []
    return [(box.xyxy_norm, box.label, box.confidence) for box in frame.boxes]


def jpeg_size(path: Path) -> tuple[int, int] | None:
    """(width, height) from a JPEG's start-of-frame segment (ITU-T T.81 B.2.2), None if none."""
    content = path.read_bytes()
    if content[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height = int.from_bytes(content[at + 5 : at + 7])
            return int.from_bytes(content[at + 7 : at + 9]), height
        at += 2 + length
    return None
