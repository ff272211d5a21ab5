"""Turns operators' verdicts into a picture set for fine-tuning. Reads and writes files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2

from models.labels import LABELS

SPLIT_EVERY = 5
"""Every fifth group (a camera's day) is kept for validation: pictures of one camera and day look
alike and stay in one split."""


def write_set(verdicts: Iterable[Mapping[str, Any]], folder: Path, licence: str) -> int:
    """Write a set folder (images, labels, manifest.jsonl) and return its number of pictures.

    Args:
        verdicts: rows with "image" (path), "label" (of LABELS), "verdict" ("accepted" or
            "rejected"), "xyxy" (list of pixel boxes of every object of that label in an accepted
            picture), "camera_id" and "day". A rejected picture must hold no such object at all:
            it becomes a hard negative.
        folder: its name is the name of the set.
        licence: what may be done with the pictures; decides whether a default weight may use them.

    Raises:
        ValueError: a label or verdict that is none.
        OSError: a picture that cannot be read.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "labels").mkdir(exist_ok=True)
    groups: dict[str, int] = {}
    rows = []
    for number, verdict in enumerate(verdicts):
        group = f"{verdict.get('camera_id', '')}/{verdict.get('day', '')}"
        place = groups.setdefault(group, len(groups))
        split = "val" if place % SPLIT_EVERY == SPLIT_EVERY - 1 else "train"
        rows.append({**_write_picture(verdict, folder, number), "split": split, "group": group})
    with (folder / "manifest.jsonl").open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps({**row, "licence": licence, "dataset": folder.name}) + "\n")
    return len(rows)


def _write_picture(verdict: Mapping[str, Any], folder: Path, number: int) -> dict[str, Any]:
    label, said = verdict["label"], verdict["verdict"]
    if label not in LABELS or said not in ("accepted", "rejected"):
        raise ValueError(f"a verdict must accept or reject one of {LABELS}, got {label}, {said}")
    source = Path(verdict["image"])
    image = cv2.imread(str(source))
    if image is None:
        raise OSError(f"picture must be readable: {source}")
    height, width = image.shape[:2]
    target = folder / "images" / f"{number:06d}{source.suffix}"
    shutil.copyfile(source, target)
    boxes = verdict.get("xyxy", []) if said == "accepted" else []
    lines = [_yolo_line(LABELS.index(label), box, width, height) for box in boxes]
    (folder / "labels" / f"{target.stem}.txt").write_text("".join(lines), encoding="utf-8")
    return {
        "file": f"images/{target.name}",
        "width": width,
        "height": height,
        "labelled_classes": [label],
        "negative": said == "rejected",
    }


def _yolo_line(class_id: int, box: Iterable[float], width: int, height: int) -> str:
    left, top, right, bottom = (float(v) for v in box)
    centre = ((left + right) / 2 / width, (top + bottom) / 2 / height)
    extent = ((right - left) / width, (bottom - top) / height)
    return f"{class_id} " + " ".join(f"{v:.6f}" for v in (*centre, *extent)) + "\n"
