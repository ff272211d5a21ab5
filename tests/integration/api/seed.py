"""Fills a store with incidents, files and cameras for the review server's tests."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from sqlalchemy import Engine

from pipeline.evidence.boxtrack import MEDIA_TYPE, ClipFrame, box_track
from pipeline.ledger.database import writing
from pipeline.ledger.rows import fill_incident, fill_sighting
from pipeline.ledger.sql import SqlLedger
from pipeline.ledger.tables import IncidentRow, SightingRow
from pipeline.ledger.types import Incident, IncidentState, PlacedSighting, ReviewState
from pipeline.ledger.types import incident_id_of as incident_id_for
from pipeline.status import CameraCard, StatusWriter
from pipeline.stills import Still, StillBox, StillWriter
from pipeline.types import BoxAt, EvidenceFile, Phase, Place, Reason, Sighting, ViewKey

TYPES = ("street_vending", "garbage", "overflowing_bin", "missing_helmet", "crowding")
NAMES = ("香蜜湖路口东", "农林路菜市场", "景田北一街", "侨香路工地", "深南大道天桥", "竹子林公交站")
LABELS = {
    "street_vending": "stall",
    "garbage": "garbage",
    "overflowing_bin": "overflowing_bin",
    "missing_helmet": "bare_head",
    "crowding": "person",
}
REASONS = {
    "street_vending": (
        Reason("stall_still", 0.4, {"dwell_s": 64.0, "confidence": 0.71}),
        Reason("attended", 0.26, {"share": 0.87, "stay_s": 58.0}),
        Reason("passers_by", 0.2, {"people": 2}),
        Reason("confirmed", 0.0, {"looks": 14, "share": 0.93}),
    ),
    "garbage": (
        Reason("garbage_seen", 0.5, {"confidence": 0.66, "looks": 9}),
        Reason("left_by", 0.2, {"actor": "t12"}),
        Reason("stands_still", 0.2, {"dwell_s": 131.0}),
    ),
    "overflowing_bin": (Reason("overflowing_seen", 0.6, {"confidence": 0.58, "looks": 7}),),
    "missing_helmet": (Reason("head_bare", 0.6, {"share": 0.92, "looks": 24}),),
    "crowding": (Reason("crowded", 0.8, {"people": 43.0, "times_limit": 2.2, "method": "boxes"}),),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make: how many, ending when, with which clip."""

    count: int
    until: datetime
    seed: int = 7
    cameras: int = 6
    days: float = 1.0


def sightings(plan: Plan) -> Iterator[tuple[Sighting, Place | None]]:
    """Sightings of different happenings, oldest first."""
    chance = random.Random(plan.seed)
    step = timedelta(days=plan.days) / max(1, plan.count)
    for number in range(plan.count):
        kind = TYPES[number % len(TYPES)]
        camera = number % plan.cameras
        start = plan.until - step * (plan.count - number)
        left, top = chance.uniform(0.1, 0.6), chance.uniform(0.3, 0.6)
        ended = chance.random() < 0.4
        sighting = Sighting(
            sighting_id=uuid.UUID(int=chance.getrandbits(128), version=5),
            sequence=0,
            phase=Phase.ENDED if ended else Phase.STARTED,
            view=ViewKey(f"cam-{camera:03d}"),
            zone_id="pavement" if kind != "missing_helmet" else "site",
            type=kind,  # type: ignore[arg-type]
            subtype="dumping" if kind == "garbage" and number % 2 else None,
            xyxy_norm=(left, top, left + 0.15, top + 0.25),
            started_at=start,
            confirmed_at=start + timedelta(seconds=20),
            observed_at=start + timedelta(seconds=90),
            ended_at=start + timedelta(seconds=90) if ended else None,
            timestamp_s=start.timestamp() + 90,
            started_s=start.timestamp(),
            confidence=round(chance.uniform(0.5, 0.98), 3),
            severity=chance.choice((1, 2, 2, 3, 3, 4)),
            reasons=REASONS[kind],
            measures={"people": 43.0} if kind == "crowding" else {"dwell_s": 64.0},
            model="patrol11n@1f2e3d",
        )
        yield sighting, place(camera, chance) if camera % 3 != 2 else None


def place(camera: int, chance: random.Random) -> Place:
    """A place near the camera, in one of two cells."""
    lon, lat = 114.03 + 0.002 * (camera % 3), 22.54 + 0.002 * (camera // 3)
    cell = "4403040020000001" if camera % 2 == 0 else "4403040030000002"
    return Place(
        lon + chance.uniform(0, 5e-4), lat + chance.uniform(0, 5e-4), (2.5, 1.2), 40.0, cell
    )


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
        writer.write(card.camera_id, state, reason, glances_per_s=0.2)
        if still:
            boxes = (StillBox((0.3, 0.4, 0.45, 0.75), "stall", 0.81),)
            at = datetime.now(UTC)
            stills.write(ViewKey(card.camera_id), Still(still, (640, 360), at, boxes))


def clip(path: Path, seconds: float = 8.0, codec: str = "libx264") -> None:
    """A small clip with a box that moves to the right, 640×360 at 25 pictures per second."""
    with av.open(str(path), "w", options={"movflags": "faststart"}) as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.time_base = Fraction(1, 25)
        stream.codec_context.thread_count = 1  # x264's own threads may wait for the GIL for ever
        for n in range(int(seconds * 25)):
            image = np.full((360, 640, 3), 96, np.uint8)
            image[220:] = (90, 100, 90)
            left = int(60 + 480 * n / (seconds * 25))
            image[140:250, left : left + 80] = (200, 120, 40)
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts = n
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def still_jpeg() -> bytes:
    """One picture as JPEG."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 640, 360, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    image = np.zeros((360, 640, 3), np.uint8)
    image[:, :, 0] = np.linspace(40, 180, 640, dtype=np.uint8)
    image[:, :, 2] = np.linspace(160, 60, 360, dtype=np.uint8)[:, None]
    frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuvj420p")
    return b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode(None)])


def track(sighting: Sighting, seconds: float = 8.0) -> bytes:
    """A box that moves to the right, confirmed in the middle of the clip."""
    start = sighting.started_s
    frame = ClipFrame(
        view=sighting.view,
        start_s=start,
        size=(640, 360),
        zone_id=sighting.zone_id,
        polygon_norm=((0.05, 0.6), (0.95, 0.6), (0.98, 0.95), (0.02, 0.95)),
        marks={"confirmed": start + seconds / 2},
    )
    steps = [
        BoxAt(
            start + n / 5,
            tuple(v / 640 if i % 2 == 0 else v / 360 for i, v in enumerate(_box(n / 5, seconds))),  # type: ignore[arg-type]
            LABELS[sighting.type],
            0.8,
        )
        for n in range(int(seconds * 5))
    ]
    return box_track(frame, steps)


def _box(at_s: float, seconds: float) -> tuple[float, float, float, float]:
    left = 60 + 480 * at_s / seconds
    return left, 140.0, left + 80, 250.0


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


def bulk(engine: Engine, plan: Plan, batch: int = 5000) -> None:
    """Very many judged and waiting incidents without files, straight into the tables."""
    chance = random.Random(plan.seed + 1)
    made: list[object] = []
    for sighting, at in sightings(plan):
        review = chance.choices(list(ReviewState), (2, 58, 40))[0]
        incident = Incident(
            incident_id=incident_id_for(sighting.sighting_id),
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
        row = IncidentRow(incident_id=incident.incident_id)
        fill_incident(row, incident)
        seen = SightingRow(sighting_id=sighting.sighting_id, incident_id=incident.incident_id)
        fill_sighting(seen, sighting, at)
        made += [row, seen]
        if len(made) >= 2 * batch:
            _store(engine, made)
            made = []
    _store(engine, made)


def _store(engine: Engine, made: list[object]) -> None:
    with writing(engine) as session:
        session.add_all([row for row in made if isinstance(row, IncidentRow)])
        session.flush()
        session.add_all([row for row in made if not isinstance(row, IncidentRow)])
