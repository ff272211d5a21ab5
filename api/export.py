"""Judged incidents as training data: COCO, YOLO, and a picture set that `skygrid train` reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import Engine

from api.errors import ExportError
from api.judged import Example, Json, Which, examples, seen_in
from api.lessons import CLAIMED, Lesson, Seen, lesson, split_of
from pipeline.types import Box


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export.

    Attributes:
        labels: The detector's class names in the order of its class ids (`models.labels.LABELS`).
        which: Which verdicts; all by default.
        licence: What may be done with the pictures, as `skygrid train` asks; decides whether a
            default weight may learn from them.
    """

    labels: Sequence[str]
    which: Which = field(default_factory=Which)
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
    for example in examples(engine, evidence_root, options.which):
        if example is None:
            report.without_picture += 1
            continue
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


def _taught(example: Example) -> Lesson | None:
    """What the verdict says of the picture, None where it teaches rules or nothing."""
    if not example.teaches:
        return None
    return lesson(
        example.sighting["type"],
        example.claim,
        [(box, label) for box, label, _ in seen_in(example)],
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


def _manifest_row(example: Example, taught: Lesson, dataset: str, licence: str) -> Json:
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

    def add(self, example: Example) -> None:
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
        for box, label, score in seen_in(example):
            seen = {"score": score, "source": "model"}
            self._annotate(image_id, example, box, label, seen)

    def _annotate(
        self, image_id: int, example: Example, box: Box, category: str, more: Json
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
