"""Judged incidents as training data: COCO, YOLO, and a picture set that `skygrid train` reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from api.errors import ExportError
from api.lessons import CLAIMED, Lesson, Seen, lesson, split_of
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
class ExportOptions:
    """What to export.

    Attributes:
        labels: The detector's class names in the order of its class ids (`models.labels.LABELS`).
        since: Only incidents started at or after this time, aware.
        until: And before this time.
        types: Only these incident types; empty for all.
        licence: What may be done with the pictures, as `skygrid train` asks; decides whether a
            default weight may learn from them.
    """

    labels: Sequence[str]
    since: datetime | None = None
    until: datetime | None = None
    types: Sequence[str] = ()
    licence: str = "not stated"


@dataclass(slots=True)
class ExportReport:
    """What was written, of it what a detector can learn from (`lessons`) and what of that is kept
    back for validation, and what was left out because its picture is gone or broken."""

    images: int = 0
    accepted: int = 0
    rejected: int = 0
    hard_negatives: int = 0
    lessons: int = 0
    kept_back: int = 0
    without_picture: int = 0


@dataclass(frozen=True, slots=True)
class _Example:
    """One judged sighting with its picture."""

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
        return self.review == "rejected" and self.reason in HARD_NEGATIVES

    @property
    def teaches(self) -> bool:
        return self.review == "accepted" or self.is_hard_negative


def export_verdicts(
    engine: Engine, evidence_root: Path, out: Path, options: ExportOptions
) -> ExportReport:
    """Write judged sightings into a new folder.

    `images/`, `annotations.json` (COCO; the claim with its verdict, and the detector's boxes with
    their scores), `labels/` and `data.yaml` (YOLO; what was judged, and nothing else).
    `manifest.jsonl` makes the folder a picture set for `skygrid train` and `skygrid bench detect`:
    it names the judged labels, and the places that nobody judged, which are left open.

    Raises:
        ExportError: The folder exists and is not empty, or a label is missing.
    """
    unknown = sorted({x for labels in CLAIMED.values() for x in labels} - set(options.labels))
    if unknown:
        raise ExportError(f"labels must hold {', '.join(unknown)}, of which verdicts speak")
    if out.exists() and any(out.iterdir()):
        raise ExportError(f"export folder must be new or empty, got {out.name}")
    (out / "images").mkdir(parents=True, exist_ok=True)
    (out / "labels").mkdir(exist_ok=True)
    report = ExportReport()
    coco = _Coco(tuple(options.labels))
    rows: list[Json] = []
    for example in _examples(engine, evidence_root, options, report):
        shutil.copyfile(example.picture, out / "images" / example.name)
        coco.add(example)
        taught = _taught(example)
        if taught is not None:
            text = _yolo(taught.boxes, options.labels)
            (out / "labels" / example.name).with_suffix(".txt").write_text(text)
            rows.append(_manifest_row(example, taught, out.name, options.licence))
        report.images += 1
        report.accepted += example.review == "accepted"
        report.rejected += example.review == "rejected"
        report.hard_negatives += example.is_hard_negative
    (out / "annotations.json").write_text(json.dumps(coco.document(), ensure_ascii=False))
    report.lessons = len(rows)
    report.kept_back = sum(row["split"] == "val" for row in rows)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (out / "manifest.jsonl").write_text(lines, encoding="utf-8")
    _write_yolo_lists(out, rows, options.labels)
    return report


def _examples(
    engine: Engine, root: Path, options: ExportOptions, report: ExportReport
) -> Iterator[_Example]:
    for row in _judged(engine, options):
        files = _files(engine, row.sighting_id)
        snapshot = files.get("snapshot")
        picture = _inside(root, snapshot.path) if snapshot is not None else None
        size = jpeg_size(picture) if picture is not None else None
        if snapshot is None or picture is None or size is None:
            report.without_picture += 1
            continue
        taken_at = row.first_at or row.observed_at
        yield _Example(
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
            others=_others(engine, row, taken_at),
        )


def _judged(engine: Engine, options: ExportOptions) -> list[Any]:
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
    if options.types:
        query = query.where(incident.type.in_(options.types))
    if options.since is not None:
        query = query.where(incident.started_at >= options.since)
    if options.until is not None:
        query = query.where(incident.started_at < options.until)
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


def _seen_in(example: _Example) -> list[tuple[Box, str, float]]:
    """The detector's boxes in the picture: those of the track's frame nearest to it in time."""
    track = example.track
    if track is None or not track.frames:
        return []
    at_s = example.picture_s if example.picture_s is not None else example.sighting["timestamp_s"]
    frame = min(track.frames, key=lambda f: abs(f.t_s + track.start_s - at_s))
    if abs(frame.t_s + track.start_s - at_s) > track.hold_s:
        return []
    return [(box.xyxy_norm, box.label, box.confidence) for box in frame.boxes]


def _taught(example: _Example) -> Lesson | None:
    """What the verdict says of the picture, None where it teaches rules or nothing."""
    if not example.teaches:
        return None
    return lesson(
        example.sighting["type"],
        example.claim,
        [(box, label) for box, label, _ in _seen_in(example)],
        example.others,
        is_there=not example.is_hard_negative,
    )


def _yolo(boxes: Sequence[Seen], labels: Sequence[str]) -> str:
    """Lines of "class x y width height", centre and size in 0..1."""
    return "".join(
        f"{labels.index(label)} {' '.join(f'{number:.6f}' for number in _centred(box))}\n"
        for box, label in boxes
    )


def _write_yolo_lists(out: Path, rows: Sequence[Json], labels: Sequence[str]) -> None:
    """`data.yaml`, `train.txt` and `val.txt`: the pictures that have labels, and no others, which
    Ultralytics would take for empty."""
    for split in ("train", "val"):
        files = (f"./{row['file']}\n" for row in rows if row["split"] == split)
        (out / f"{split}.txt").write_text("".join(files))
    names = "".join(f"  {i}: {name}\n" for i, name in enumerate(labels))
    (out / "data.yaml").write_text(f"path: .\ntrain: train.txt\nval: val.txt\nnames:\n{names}")


def _centred(box: Box) -> tuple[float, float, float, float]:
    """Left, top, right, bottom → centre and size."""
    x1, y1, x2, y2 = box
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def _manifest_row(example: _Example, taught: Lesson, dataset: str, licence: str) -> Json:
    """A line of the picture set's manifest (see `models.training.manifest`)."""
    group = f"{example.sighting['camera_id']}/{example.taken_at:%Y-%m-%d}"
    return {
        "file": f"images/{example.name}",
        "split": split_of(group),
        "group": group,
        "width": example.size[0],
        "height": example.size[1],
        "dataset": dataset,
        "licence": licence,
        "annotation": "verdict",
        "labelled_classes": list(taught.labelled),
        "doubts": [
            [label, *(round(number, 6) for number in _centred(box))] for box, label in taught.doubts
        ],
    }


class _Coco:
    """Collects a COCO document: detector labels first, then incident types as categories."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._categories = {name: i for i, name in enumerate(labels, start=1)}
        self._detector = len(labels)
        self._images: list[Json] = []
        self._annotations: list[Json] = []

    def add(self, example: _Example) -> None:
        """Add one picture, its claim and what the detector saw in it."""
        sighting = example.sighting
        width, height = example.size
        image_id = len(self._images) + 1
        self._images.append(
            {
                "id": image_id,
                "file_name": f"images/{example.name}",
                "width": width,
                "height": height,
                "date_captured": example.taken_at.isoformat(),
                "camera_id": sighting["camera_id"],
                "view_id": sighting["view_id"],
                "verdict": example.review,
                "reason": example.reason,
                "hard_negative": example.is_hard_negative,
                "model": sighting["model"],
            }
        )
        claim = {
            "verdict": example.review,
            "reason": example.reason,
            "decided_by": example.decided_by,
            "sighting_id": sighting["sighting_id"],
            "score": sighting["confidence"],
            "source": "claim",
        }
        self._annotate(image_id, example, example.claim, f"incident:{sighting['type']}", claim)
        for box, label, score in _seen_in(example):
            seen = {"score": score, "source": "model"}
            self._annotate(image_id, example, box, label, seen)

    def _annotate(
        self, image_id: int, example: _Example, box: Box, category: str, more: Json
    ) -> None:
        width, height = example.size
        left, top = box[0] * width, box[1] * height
        wide, high = (box[2] - box[0]) * width, (box[3] - box[1]) * height
        category_id = self._categories.setdefault(category, len(self._categories) + 1)
        self._annotations.append(
            {
                "id": len(self._annotations) + 1,
                "image_id": image_id,
                "category_id": category_id,
                "bbox": [round(v, 2) for v in (left, top, wide, high)],
                "area": round(wide * high, 2),
                "iscrowd": 0,
                **more,
            }
        )

    def document(self) -> Json:
        """The COCO document."""
        categories = [
            {
                "id": number,
                "name": name,
                "supercategory": "incident" if name.startswith("incident:") else "object",
            }
            for name, number in self._categories.items()
        ]
        return {
            "info": {"description": "SkyGrid verdicts", "version": "1"},
            "images": self._images,
            "annotations": self._annotations,
            "categories": categories,
        }


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
