"""Fills a store with cameras and incidents, a few with files or very many without."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from api.store.schema import incident_review
from bench.review.happenings import Plan, sightings
from bench.review.pictures import track
from pipeline.evidence.boxtrack import MEDIA_TYPE
from pipeline.ledger.database import writing
from pipeline.ledger.rows import fill_incident, fill_sighting
from pipeline.ledger.sql import SqlLedger
from pipeline.ledger.tables import EvidenceRow, IncidentRow, SightingRow
from pipeline.ledger.types import (
    Incident,
    IncidentState,
    PlacedSighting,
    ReviewState,
    incident_id_of,
)
from pipeline.status import CameraCard, CameraStatus, StatusWriter
from pipeline.stills import Still, StillBox, StillWriter
from pipeline.types import EvidenceFile, Place, Sighting, ViewKey

Values = dict[str, Any]
_KINDS = (
    ("snapshot", "snapshot.jpg", "image/jpeg"),
    ("clip", "clip.mp4", "video/mp4"),
    ("boxes", "boxes.json", MEDIA_TYPE),
)
NAMES = ("香蜜湖路口东", "农林路菜市场", "景田北一街", "侨香路工地", "深南大道天桥", "竹子林公交站")


def add_cameras(engine: Engine, data_dir: Path, count: int = 6, *, still: bytes = b"") -> None:
    """Cameras with health, zones of their view and a still."""
    writer = StatusWriter(engine)
    cards = [
        CameraCard(
            camera_id=f"cam-{n:03d}",
            name=f"{NAMES[n % len(NAMES)]} {n:03d}",
            lon=114.03 + 0.002 * (n % 3),
            lat=22.54 + 0.002 * (n // 3),
            heading_deg=60.0 * n,
            fov_deg=70.0,
            range_m=60.0,
            grid_cell="4403040020000001" if n % 2 == 0 else "4403040030000002",
            is_touring=n % 6 == 4,
        )
        for n in range(count)
    ]
    writer.register(cards)
    states = (
        ("up", ""),
        ("up", ""),
        ("degraded", "bitrate is low"),
        ("down", "no packet for 20 s"),
    )
    stills = StillWriter(data_dir / "stills")
    for n, card in enumerate(cards):
        state, reason = states[n % len(states)]
        writer.write([CameraStatus(card.camera_id, state, reason, glances_per_s=0.2)])
        if still:
            boxes = (StillBox((0.3, 0.4, 0.45, 0.75), "stall", 0.81),)
            at = datetime.now(UTC)
            stills.write(ViewKey(card.camera_id), Still(still, (640, 360), at, boxes))


def record(engine: Engine, evidence: Path, plan: Plan, source: Path | None, jpeg: bytes) -> None:
    """Incidents the way the patrol records them, each with clip, boxes and snapshot."""
    ledger = SqlLedger(engine)
    for sighting, at in sightings(plan):
        folder = evidence / str(sighting.sighting_id)
        folder.mkdir(parents=True, exist_ok=True)
        files = [_file(evidence, folder / "snapshot.jpg", "snapshot", "image/jpeg", jpeg)]
        if source is not None:
            content = source.read_bytes()
            files.append(_file(evidence, folder / "clip.mp4", "clip", "video/mp4", content))
            boxes = track(sighting)
            files.append(_file(evidence, folder / "boxes.json", "boxes", MEDIA_TYPE, boxes))
        ledger.record(sighting, files, at)


def _file(root: Path, path: Path, kind: str, media_type: str, content: bytes) -> EvidenceFile:
    path.write_bytes(content)
    name = path.relative_to(root).as_posix()
    return EvidenceFile(kind, name, "0" * 64, len(content), media_type)


def bulk(engine: Engine, plan: Plan, batch: int = 10_000) -> None:
    """Very many judged and waiting incidents, straight into the tables; their files are none."""
    chance = random.Random(plan.seed + 1)
    made = _Rows()
    for sighting, at in sightings(plan):
        review = chance.choices(list(ReviewState), (2, 58, 40))[0]
        made.add(sighting, at, review, chance.uniform(20, 900))
        if len(made.incidents) == batch:
            made.insert(engine)
            made = _Rows()
    made.insert(engine)


@dataclass(slots=True)
class _Rows:
    """Rows of many incidents, for one insert each."""

    incidents: list[Values] = field(default_factory=list)
    seen: list[Values] = field(default_factory=list)
    files: list[Values] = field(default_factory=list)
    reviews: list[Values] = field(default_factory=list)

    def add(
        self, sighting: Sighting, at: Place | None, review: ReviewState, waited_s: float
    ) -> None:
        incident = _incident(sighting, at, review)
        key = incident.incident_id
        row = IncidentRow(incident_id=key)
        fill_incident(row, incident)
        self.incidents.append(_values(row))
        sighted = SightingRow(sighting_id=sighting.sighting_id, incident_id=key)
        fill_sighting(sighted, sighting, at)
        self.seen.append(_values(sighted))
        for kind, name, media_type in _KINDS:
            self.files.append(
                {
                    "incident_id": key,
                    "sighting_id": sighting.sighting_id,
                    "kind": kind,
                    "path": f"{sighting.sighting_id}/{name}",
                    "sha256": "0" * 64,
                    "bytes": 1,
                    "media_type": media_type,
                }
            )
        if review is not ReviewState.PENDING:
            decided = {"decided_by": "operator", "decided_at": sighting.timestamp_s + waited_s}
            reason = "lawful" if review is ReviewState.REJECTED else None
            self.reviews.append({"incident_id": key, "reason": reason, "comments": "", **decided})

    def insert(self, engine: Engine) -> None:
        tables = (IncidentRow, SightingRow, EvidenceRow)
        with writing(engine) as session:
            for table, rows in zip(tables, (self.incidents, self.seen, self.files), strict=True):
                if rows:
                    session.execute(sa.insert(table), rows)
            if self.reviews:
                session.execute(incident_review.insert(), self.reviews)


def _values(row: IncidentRow | SightingRow) -> Values:
    """Columns that were set; the others have a default."""
    return {c.key: row.__dict__[c.key] for c in row.__table__.columns if c.key in row.__dict__}


def _incident(sighting: Sighting, at: Place | None, review: ReviewState) -> Incident:
    return Incident(
        incident_id=incident_id_of(sighting.sighting_id),
        type=sighting.type,
        subtype=sighting.subtype,
        state=IncidentState.ENDED if sighting.ended_at else IncidentState.OPEN,
        review=review,
        view=sighting.view,
        zone_id=sighting.zone_id,
        place=at,
        started_at=sighting.started_at,
        confirmed_at=sighting.confirmed_at,
        updated_at=sighting.observed_at,
        ended_at=sighting.ended_at,
        confidence=sighting.confidence,
        severity=sighting.severity,
        reasons=sighting.reasons,
        measures=sighting.measures,
        sightings=(PlacedSighting(sighting, at),),
        evidence=(),
        model=sighting.model,
        sequence=1,
    )
